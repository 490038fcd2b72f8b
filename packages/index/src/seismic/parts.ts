import type { Forward } from './forward.ts'
import type { BuildSettings, EffortSettings } from './options.ts'

/** All that an index is, as arrays. */
export interface SeismicParts {
  /** Of the vectors that it was made of. */
  readonly dim: number
  /** Components that occur, ascending: component i of the records is `components[i]`. */
  readonly components: Uint32Array
  readonly forward: Forward
  /** u32[components + 1]: the first group of each list. */
  readonly lists: Uint32Array
  /** u32[groups + 1]: the first block of each group; a group has 256 at most. */
  readonly groups: Uint32Array
  /** u32[blocks + 1]: the first posting of each block. */
  readonly blocks: Uint32Array
  /** Rows. */
  readonly postings: Uint32Array
  /** u32[groups + 1]: where the table of each group starts. */
  readonly tablePlaces: Uint32Array
  /** Summaries; kernels/tables.ts has the layout. */
  readonly tables: Uint8Array
  readonly settings: BuildSettings
  /** How it is searched where the caller does not say. */
  readonly effort: EffortSettings
  /** u32[rows, settings.knn], best first; {@link NO_ROW} where a row has fewer neighbours. */
  readonly graph: Uint32Array
}

/** No neighbour. */
export const NO_ROW = 0xffffffff

/** Blocks of a group at most, since their numbers are bytes. */
export const GROUP_BLOCKS = 256
