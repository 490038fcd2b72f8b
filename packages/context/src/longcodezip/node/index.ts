export { installedGrammars } from './grammars.ts'
