/** What a resident session keeps of its tokens: blocks that stay compressed, and the newest tokens as they are. */
import type { Block } from './block.ts'

/** Keys and values of a block, of one layer. */
export interface KvBlock {
  readonly keys: Block
  readonly values: Block
}

/** A past that is attended over in the form that it is held in. */
export interface Past {
  /** Tokens in blocks. */
  readonly compressed: number
  /** Bytes of the blocks with all their parts, and of the space for the newest tokens. */
  readonly bytes: number
  /** Put the keys and values of a new token, f32[kvHeads * headDim] each, at a place of those that are no block yet. */
  put(layer: number, place: number, keys: Float32Array, values: Float32Array): void
  /** Rows of the newest tokens, as they were put: f32[count, kvHeads * headDim]. */
  newest(layer: number, count: number): { keys: Float32Array; values: Float32Array }
  /** Add a block of the same tokens of each layer. */
  add(layers: readonly KvBlock[]): void
  /**
   * Attend with one query of a head of keys to all blocks and to the first `newest` of the other tokens.
   *
   * @param q f32[headDim], scaled
   * @param out f32[headDim] are written from `at` on
   */
  attend(layer: number, head: number, q: Float32Array, newest: number, out: Float32Array, at: number): void
  /** Forget blocks until `tokens` are left; it is the end of one of them. */
  drop(tokens: number): void
  /** Whether a block ends behind so many tokens. */
  endsAt(tokens: number): boolean
  /** A copy that goes its own way. */
  clone(): Past
}
