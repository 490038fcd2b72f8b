/** Uniform rounding of groups of numbers: KIVI's backbone (per channel for keys, per token for values). */
import { halvesAbove, halvesBelow } from './halves.ts'

/** Rows of tokens: f32[tokens, heads * headDim]. */
export interface Rows {
  readonly data: Float32Array
  readonly tokens: number
  readonly heads: number
  readonly headDim: number
}

/** Which numbers share a scale: those of a channel in a run of tokens, or those of a token in a run of channels. */
export type Axis = 'channel' | 'token'

/** Rounded numbers. */
export interface Rounded {
  readonly axis: Axis
  readonly bits: number
  /** Numbers that share a scale, at most. */
  readonly group: number
  /** u8[ceil(tokens * width * bits / 8)], by token, the lowest bits first. */
  readonly codes: Uint8Array
  /** By group; half precision holds them. */
  readonly scales: Float32Array
  readonly zeros: Float32Array
}

/** Calls `visit` with the first place of each group, the distance between its places, and their number. */
export function eachGroup(
  { tokens, heads, headDim }: Omit<Rows, 'data'>,
  axis: Axis,
  group: number,
  visit: (start: number, stride: number, count: number, index: number) => void,
): void {
  const width = heads * headDim
  let index = 0
  if (axis === 'channel') {
    for (let t = 0; t < tokens; t += group) {
      const count = Math.min(group, tokens - t)
      for (let c = 0; c < width; c++) visit(t * width + c, width, count, index++)
    }
    return
  }
  // Runs of channels do not straddle heads unless a whole row is one.
  const whole = group >= width
  const span = whole ? width : headDim
  const run = whole ? width : Math.min(group, headDim)
  for (let t = 0; t < tokens; t++) {
    for (let part = 0; part < width; part += span) {
      for (let c = 0; c < span; c += run) visit(t * width + part + c, 1, Math.min(run, span - c), index++)
    }
  }
}

/** Round rows to integers of `bits` bits; the range of a group is covered although its ends are held in half precision. */
export function roundGroups(rows: Rows, axis: Axis, bits: number, group: number): Rounded {
  const { data } = rows
  let groups = 0
  eachGroup(rows, axis, group, () => groups++)
  const lows = new Float32Array(groups)
  const highs = new Float32Array(groups)
  eachGroup(rows, axis, group, (start, stride, count, index) => {
    let low = Number.POSITIVE_INFINITY
    let high = Number.NEGATIVE_INFINITY
    for (let i = 0, at = start; i < count; i++, at += stride) {
      const value = data[at] as number
      if (value < low) low = value
      if (value > high) high = value
    }
    lows[index] = low
    highs[index] = high
  })
  const most = 2 ** bits - 1
  const zeros = halvesBelow(lows)
  const scales = halvesAbove(highs.map((high, i) => (high - (zeros[i] as number)) / most))
  const codes = new Uint8Array(Math.ceil((data.length * bits) / 8))
  eachGroup(rows, axis, group, (start, stride, count, index) => {
    const [zero, scale] = [zeros[index] as number, scales[index] as number]
    for (let i = 0, at = start; i < count; i++, at += stride) {
      const code = scale === 0 ? 0 : Math.min(most, Math.max(0, Math.round(((data[at] as number) - zero) / scale)))
      putCode(codes, at, bits, code)
    }
  })
  return { axis, bits, group, codes, scales, zeros }
}

/** The numbers that rounded ones stand for. */
export function unroundGroups(rounded: Rounded, shape: Omit<Rows, 'data'>): Float32Array {
  const { axis, bits, group, codes, scales, zeros } = rounded
  const out = new Float32Array(shape.tokens * shape.heads * shape.headDim)
  eachGroup(shape, axis, group, (start, stride, count, index) => {
    const [zero, scale] = [zeros[index] as number, scales[index] as number]
    for (let i = 0, at = start; i < count; i++, at += stride) out[at] = zero + scale * takeCode(codes, at, bits)
  })
  return out
}

/** Bits 1 to 8 of a place; a code may straddle two bytes. */
export function takeCode(codes: Uint8Array, place: number, bits: number): number {
  const bit = place * bits
  const at = Math.floor(bit / 8)
  const word = (codes[at] as number) | ((codes[at + 1] ?? 0) << 8)
  return (word >> (bit % 8)) & (2 ** bits - 1)
}

function putCode(codes: Uint8Array, place: number, bits: number, code: number): void {
  const bit = place * bits
  const at = Math.floor(bit / 8)
  const word = code << (bit % 8)
  codes[at] = (codes[at] as number) | (word & 255)
  if (word > 255) codes[at + 1] = (codes[at + 1] as number) | (word >> 8)
}
