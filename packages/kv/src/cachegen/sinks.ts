/** The first tokens of a text, whose keys and values are far from all others: 8 bits a number, a scale for each head. */
import { PithError } from '@pith/core'
import type { KvCache, KvShape } from '@pith/lm'

/**
 * Code the keys and values of all tokens of a cache with 8 bits.
 *
 * @returns for each layer, keys and then values, by token and head: f32 scale, i8[headDim]
 */
export function encodeSinks(kv: KvCache): Uint8Array {
  const { kvHeads, headDim, layers } = kv
  const record = 4 + headDim
  const out = new Uint8Array(2 * layers * kv.length * kvHeads * record)
  const view = new DataView(out.buffer)
  let at = 0
  for (let layer = 0; layer < layers; layer++) {
    for (const rows of [kv.keys[layer], kv.values[layer]] as Float32Array[]) {
      for (let from = 0; from < rows.length; from += headDim, at += record) {
        let most = 0
        for (let i = 0; i < headDim; i++) most = Math.max(most, Math.abs(rows[from + i] as number))
        const scale = Math.fround(most / 127)
        view.setFloat32(at, scale, true)
        if (scale === 0) continue
        for (let i = 0; i < headDim; i++) view.setInt8(at + 4 + i, Math.round((rows[from + i] as number) / scale))
      }
    }
  }
  return out
}

/**
 * One layer of what {@link encodeSinks} made.
 *
 * @throws PithError `PITH_CORRUPT` another length, or a scale that is no number
 */
export function decodeSinks(
  bytes: Uint8Array,
  shape: KvShape,
  tokens: number,
  layer: number,
  kind: 'k' | 'v',
): Float32Array {
  const { kvHeads, headDim, layers } = shape
  const record = 4 + headDim
  const part = tokens * kvHeads * record
  if (bytes.length !== 2 * layers * part) {
    throw new PithError('PITH_CORRUPT', `${bytes.length} bytes are not the first ${tokens} tokens`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const rows = new Float32Array(tokens * kvHeads * headDim)
  let at = (2 * layer + (kind === 'k' ? 0 : 1)) * part
  for (let from = 0; from < rows.length; from += headDim, at += record) {
    const scale = view.getFloat32(at, true)
    if (!Number.isFinite(scale)) throw new PithError('PITH_CORRUPT', 'a scale of the first tokens is no number')
    for (let i = 0; i < headDim; i++) rows[from + i] = view.getInt8(at + 4 + i) * scale
  }
  return rows
}
