/** How good rankings are, with the semantics of trec_eval 9.0.8. */
export { type Comparison, compareRuns } from './compare.ts'
export { DEFAULT_MEASURES, type EvaluateOptions, type Evaluation, evaluate, rankDocuments } from './evaluate.ts'
export { type JudgedRanking, type Measure, measureOf } from './measures.ts'
export { runLines, trecEvalLines } from './print.ts'
export { readQrels, readRun } from './trec-files.ts'
