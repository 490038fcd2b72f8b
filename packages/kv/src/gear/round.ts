/** Whole caches through blocks and back, to measure what they lose and take. */
import { KvCache } from '@pith/lm'
import { type BlockOptions, blockBytes, compressBlock, decompressBlock } from './block.ts'

/** A cache as it comes back from compression in one block, and the bytes that it takes. */
export function roundWithGear(kv: KvCache, options: BlockOptions = {}): { kv: KvCache; bytes: number } {
  let bytes = 0
  const each = (rows: readonly Float32Array[], kind: 'k' | 'v'): Float32Array[] =>
    rows.map((data) => {
      const block = compressBlock({ data, tokens: kv.length, heads: kv.kvHeads, headDim: kv.headDim }, kind, options)
      bytes += blockBytes(block)
      return decompressBlock(block)
    })
  const { fp, layers, kvHeads, headDim, ropeTheta, tokens, positions } = kv
  const keys = each(kv.keys, 'k')
  const values = each(kv.values, 'v')
  return { kv: new KvCache({ fp, layers, kvHeads, headDim, ropeTheta, tokens, positions, keys, values }), bytes }
}
