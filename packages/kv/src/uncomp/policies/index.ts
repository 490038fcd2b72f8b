/** Ways to keep a part of a cache: what other systems do, behind one interface. */
export { adaKv, h2o, pyramidKv, snapKv, streamingLlm } from './peers.ts'
export type { BudgetOptions, ScoreOptions } from './scores.ts'
