export { type LoadClassifierOptions, loadClassifier, saveClassifier } from './folder.ts'
