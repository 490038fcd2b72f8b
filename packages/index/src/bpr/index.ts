/** Codes of a bit a number that are trained for ranking. */
export { type Bpr, type BprOptions, type BprQuality, type BprTargets, trainBpr } from './bpr.ts'
export { centredItq, type ItqOptions } from './itq.ts'
export { type BprLayer, hashDocuments, hashQueries } from './layer.ts'
