import type { Run } from '@pith/core'
import type { FileSystem } from '@pith/core/node'
import type { BprLayer } from '../../bpr/index.ts'
import type { QueryAdapter } from '../../jpq/index.ts'
import type { Encoder, IndexDocument, SparseEncoder } from '../../types.ts'
import type { Tuning } from '../settings.ts'

/** When a change survives what. With all of them it survives the end of the program once it is acknowledged, but for `none`. */
export type Durability = 'each' | 'group' | 'none'

/** How an index is written. */
export interface WriterOptions {
  /**
   * `each`: an acknowledged change survives a crash of the machine. `group` (default): one of the last 50 ms or the last
   * mebibyte may not, one before does. `none`: nothing is certain before `flush`, which is what building from files needs.
   */
  durability?: Durability
  /** Documents that are held in memory before they become a segment. Default 20,000. */
  flushDocuments?: number
  /** Their bytes. Default 64 MiB. */
  flushBytes?: number
  /** Segments of about the same size that are merged into one, 2..64. Default 8. */
  mergeFactor?: number
  /** Merge by itself after a flush. Default true. */
  autoMerge?: boolean
  /** The encoder that the index was built with, where it is not one of its own. */
  encoder?: Encoder
  sparseEncoder?: SparseEncoder
  files?: FileSystem
}

/** Changes an index. Calls may overlap; they take effect in the order in which they were made. */
export interface IndexWriter {
  readonly path: string
  /** What was put right when the index was opened, such as a log that was cut short. */
  readonly warnings: readonly string[]
  /**
   * Add documents; one of an id that is there replaces it.
   *
   * @throws PithError `PITH_ARG`, `PITH_NONFINITE` a document that cannot be kept: then none of the list is · `PITH_IO`
   */
  add(documents: IndexDocument | readonly IndexDocument[], run?: Run): Promise<void>
  /** The same as {@link IndexWriter.add}. */
  update(documents: IndexDocument | readonly IndexDocument[], run?: Run): Promise<void>
  /** Delete documents; ids that are not there are passed over. */
  delete(ids: string | readonly string[], run?: Run): Promise<void>
  /** Make a segment of what is held in memory, durably. */
  flush(run?: Run): Promise<void>
  /** Make one segment of all. */
  merge(run?: Run): Promise<void>
  /**
   * Learn from all documents what the index encodes and codes them by (its own encoder, centroids), and make one segment of
   * all. What is added later is encoded and coded by what was learned last.
   *
   * @param run  its `seed` decides all draws
   * @throws PithError `PITH_CAPABILITY` the index has no vectors, or its encoder is not at hand; the abort reason
   */
  train(run?: Run): Promise<void>
  /** Score by other centroids and queries than those that were learned first; codes stay. @throws PithError `PITH_SHAPE` */
  adapt(learned: { scoring?: Float32Array; adapter?: QueryAdapter }, run?: Run): Promise<void>
  /**
   * Give each document the signs of a trained layer over its vector, by which `mode: 'hash'` searches. Training anew drops them.
   *
   * @throws PithError `PITH_CAPABILITY` the index has no vectors · `PITH_SHAPE` a layer of other vectors
   */
  hash(layer: BprLayer, run?: Run): Promise<void>
  /** Set how rankings are joined where a query does not say. @throws PithError `PITH_ARG` */
  tune(tuning: Tuning): Promise<void>
  /** Flush and let go of the index. */
  close(run?: Run): Promise<void>
}
