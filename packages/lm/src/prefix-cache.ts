/** What keeps keys and values of prefixes, so that texts with the same beginning are not read twice. */
import type { Run } from '@pith/core'
import type { KvCache, ModelFingerprint } from './kv-cache.ts'

/** A cache of prefixes. What is missing, damaged or late in it costs time, never an answer. */
export interface PrefixCache {
  /** Tokens of a piece; only whole pieces are kept. */
  readonly chunk: number
  /**
   * Keys and values of the longest prefix that is known, piece after piece from position 0 on.
   *
   * @param fp of the model that will read them; nothing of another model comes back
   * @throws the reason of the abort, and nothing else
   */
  find(tokens: Int32Array, fp: ModelFingerprint, run?: Pick<Run, 'signal'>): AsyncIterable<KvCache>
  /**
   * Take in what was computed. Returns at once and never throws: the work is done behind it.
   *
   * @param tokens of the text from position 0 on
   * @param kv of the last of them; it must not change afterwards
   */
  keep(tokens: Int32Array, kv: KvCache): void
}
