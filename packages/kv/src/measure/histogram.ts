/** Code lengths under static distributions that were counted before, without the loss of a coder. */

/** Bits of a whole number that no symbol stands for, beside its escape. */
const ESCAPE_BITS = 12

/** A static distribution of whole numbers -reach .. reach. */
export interface Histogram {
  readonly reach: number
  /** f64[2 reach + 2]; the last is the escape. */
  readonly counts: Float64Array
}

export function makeHistogram(reach: number): Histogram {
  return { reach, counts: new Float64Array(2 * reach + 2) }
}

export function countCode({ reach, counts }: Histogram, code: number): void {
  const at = symbolOf(code, reach)
  counts[at] = (counts[at] as number) + 1
}

/**
 * Bits of each symbol; where little was counted, a curve of Laplace with this deviation decides, as in our own tables.
 *
 * @param deviation in steps
 */
export function codeLengths({ reach, counts }: Histogram, deviation: number, prior = 16): Float64Array {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const scale = Math.max(deviation, 0.05) / Math.SQRT2
  const above = (x: number): number => 0.5 * Math.exp(-x / scale)
  return counts.map((count, s) => {
    const size = Math.abs(s - reach)
    const curve =
      s === counts.length - 1
        ? 2 * above(reach + 0.5)
        : size === 0
          ? 1 - 2 * above(0.5)
          : above(size - 0.5) - above(size + 0.5)
    return -Math.log2((count + prior * Math.max(curve, 1e-6)) / (total + prior))
  })
}

/** Bits of a code. */
export function bitsOf(lengths: Float64Array, reach: number, code: number): number {
  const at = symbolOf(code, reach)
  return (lengths[at] as number) + (at === lengths.length - 1 ? ESCAPE_BITS : 0)
}

/** Bits of all that was counted, under its own distribution. */
export function entropyBits({ counts }: Histogram): number {
  const total = counts.reduce((sum, count) => sum + count, 0)
  let bits = 0
  for (const count of counts) if (count > 0) bits += count * Math.log2(total / count)
  return bits
}

function symbolOf(code: number, reach: number): number {
  return Math.abs(code) <= reach ? code + reach : 2 * reach + 1
}
