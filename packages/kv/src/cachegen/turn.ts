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
  const turns = turnsOf(positions, half, theta)
  for (let t = 0; t < positions.length; t++) {
    for (let i = 0; i < half; i++) {
      const cos = turns[2 * (t * half + i)] as number
      const sin = direction * (turns[2 * (t * half + i) + 1] as number)
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

/** Cosines and sines of the last positions: all layers of a chunk are turned alike, and angles take longer than turning. */
let last: { positions: Int32Array; half: number; theta: number; turns: Float64Array } | undefined

function turnsOf(positions: Int32Array, half: number, theta: number): Float64Array {
  if (last?.positions === positions && last.half === half && last.theta === theta) return last.turns
  const frequencies = Float64Array.from({ length: half }, (_, i) => theta ** (-i / half))
  const turns = new Float64Array(2 * positions.length * half)
  let at = 0
  for (const position of positions) {
    for (let i = 0; i < half; i++, at += 2) {
      const angle = position * (frequencies[i] as number)
      turns[at] = Math.cos(angle)
      turns[at + 1] = Math.sin(angle)
    }
  }
  last = { positions, half, theta, turns }
  return turns
}
