/** Rotary positions put into keys, and taken out of them. */
import type { KvShape } from '@pith/lm'

/**
 * Turn the keys of tokens: element i of a head against element i + headDim / 2, by position * theta^(-2 i / headDim).
 *
 * @param rows f32[tokens, kvHeads * headDim]
 * @param direction 1 puts positions in, -1 takes them out
 * @returns new rows
 */
export function turnRows(
  rows: Float32Array,
  positions: Int32Array,
  { kvHeads, headDim }: Pick<KvShape, 'kvHeads' | 'headDim'>,
  theta: number,
  direction: 1 | -1,
): Float32Array {
  const half = headDim / 2
  const width = kvHeads * headDim
  const out = new Float32Array(rows.length)
  const frequencies = Float64Array.from({ length: half }, (_, i) => theta ** (-i / half))
  for (const [t, position] of positions.entries()) {
    for (let i = 0; i < half; i++) {
      const angle = position * (frequencies[i] as number)
      const cos = Math.cos(angle)
      const sin = direction * Math.sin(angle)
      for (let head = 0; head < kvHeads; head++) {
        const at = t * width + head * headDim + i
        const [a, b] = [rows[at] as number, rows[at + half] as number]
        out[at] = a * cos - b * sin
        out[at + half] = b * cos + a * sin
      }
    }
  }
  return out
}
