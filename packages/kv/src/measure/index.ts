/** Measuring what caches that were made smaller cost: bits, nats, a verdict and a plot. */
export { fitAnchor } from './anchor.ts'
export { type ArrivalLine, type ArrivalOptions, simulateArrivals } from './arrivals.ts'
export {
  BENCH_PRESETS,
  type BenchOptions,
  type BenchPreset,
  type BenchRow,
  benchKv,
  blockSchemes,
  fitSchemes,
  type KvBench,
  type Safety,
  splitText,
} from './bench.ts'
export { bitsAtLoss } from './curve.ts'
export { plotArrivals, plotRates } from './plot.ts'
export { q8Bits, q8Scheme } from './q8.ts'
export { type RecallQuestions, type RecallScore, type RecallScores, recallQuestions, scoreRecall } from './recall.ts'
export { fitReleased, RELEASED_SETTINGS, releasedScheme } from './released.ts'
export { type Changed, countNumbers, gearScheme, profileScheme, type Scheme, withRows } from './scheme.ts'
export { type Score, type Scores, scoreSchemes } from './score.ts'
