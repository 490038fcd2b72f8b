export { type Analyzer, type AnalyzerOptions, analyzerOf, makeAnalyzer, type Term } from './analyzer.ts'
export {
  BM25_DEFAULTS,
  type Bm25Options,
  bm25Options,
  bm25Saturation,
  inverseDocumentFrequency,
  scorePassages,
} from './bm25.ts'
export { stemEnglish } from './porter2.ts'
