/** Codes of a bit a number that are trained for ranking. */

export { type Bpr, type BprOptions, type BprQuality, type BprTargets, trainBpr } from './bpr.ts'
export { card as bprCard } from './card.ts'
export { openBpr, writeBpr } from './format.ts'
export { centredItq, type ItqOptions } from './itq.ts'
export { type BprLayer, hashDocuments, hashQueries } from './layer.ts'
