export { type ClassifierOptions, type KeptWords, TokenClassifier } from './classifier.ts'
export { type Labels, labelWords } from './labels.ts'
