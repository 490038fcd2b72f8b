/** GEAR and its competitors: caches in few bits that a model attends over. */
export { type Block, type BlockOptions, blockBytes, compressBlock, decompressBlock, type Method } from './block.ts'
export { card as gearCard } from './card.ts'
export type { Axis, Rounded, Rows } from './groups.ts'
export type { LowRank } from './low-rank.ts'
export { type ResidentOptions, ResidentSession, residentSession } from './resident.ts'
export { roundWithGear } from './round.ts'
export type { Sparse } from './sparse.ts'
