export { knapsack } from './knapsack.ts'
export { type CodeLanguage, languageOf } from './languages.ts'
export {
  type CodeFile,
  type CodeFunction,
  type CodeOptions,
  type CompressedCode,
  compressCode,
} from './longcodezip.ts'
export type { CodeUnit, Statement } from './outline.ts'
export { CodeParser, type GrammarSource } from './parse.ts'
export type { ForeseeingModel } from './perplexity.ts'
