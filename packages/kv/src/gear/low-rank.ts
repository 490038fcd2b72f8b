/** The best approximation of low rank by a few rounds of power iteration (GEAR, algorithm 1). */
import type { Random } from '@pith/core'
import { nearestHalves } from './halves.ts'

/** a b^T of one head; half precision holds the factors. */
export interface LowRank {
  readonly rank: number
  /** f32[tokens, rank]. */
  readonly a: Float32Array
  /** f32[headDim, rank]. */
  readonly b: Float32Array
}

/**
 * Factors of a matrix. Columns are made orthonormal in every round: without it they fall together where the matrix is ill
 * conditioned.
 *
 * @param x f64[tokens, headDim]
 */
export function approximate(
  x: Float64Array,
  tokens: number,
  headDim: number,
  rank: number,
  rounds: number,
  random: Random,
): LowRank {
  const r = Math.min(rank, tokens, headDim)
  let b = Float64Array.from({ length: headDim * r }, () => random.normal())
  let a = new Float64Array(tokens * r)
  for (let round = 0; round < rounds; round++) {
    orthonormalise(b, headDim, r)
    a = times(x, b, tokens, headDim, r, false)
    orthonormalise(a, tokens, r)
    b = times(x, a, tokens, headDim, r, true)
  }
  return { rank: r, a: nearestHalves(a), b: nearestHalves(b) }
}

/** Add a b^T to the numbers of a head. */
export function addLowRank({ rank, a, b }: LowRank, out: Float32Array, offset: number, stride: number): void {
  const tokens = a.length / rank
  const headDim = b.length / rank
  for (let t = 0; t < tokens; t++) {
    for (let r = 0; r < rank; r++) {
      const factor = a[t * rank + r] as number
      for (let i = 0; i < headDim; i++) {
        const at = offset + t * stride + i
        out[at] = (out[at] as number) + factor * (b[i * rank + r] as number)
      }
    }
  }
}

/** x b (f64[tokens, r]), or x^T a (f64[headDim, r]). */
function times(
  x: Float64Array,
  other: Float64Array,
  tokens: number,
  headDim: number,
  r: number,
  isTransposed: boolean,
): Float64Array<ArrayBuffer> {
  const out = new Float64Array((isTransposed ? headDim : tokens) * r)
  for (let t = 0; t < tokens; t++) {
    for (let i = 0; i < headDim; i++) {
      const value = x[t * headDim + i] as number
      const [from, to] = isTransposed ? [t * r, i * r] : [i * r, t * r]
      for (let k = 0; k < r; k++) out[to + k] = (out[to + k] as number) + value * (other[from + k] as number)
    }
  }
  return out
}

/** Gram-Schmidt, one column after the other; columns of nothing become nothing. */
function orthonormalise(x: Float64Array, rows: number, columns: number): void {
  for (let k = 0; k < columns; k++) {
    for (let j = 0; j < k; j++) {
      let dot = 0
      for (let i = 0; i < rows; i++) dot += (x[i * columns + j] as number) * (x[i * columns + k] as number)
      for (let i = 0; i < rows; i++)
        x[i * columns + k] = (x[i * columns + k] as number) - dot * (x[i * columns + j] as number)
    }
    let size = 0
    for (let i = 0; i < rows; i++) size += (x[i * columns + k] as number) ** 2
    const factor = size > 1e-60 ? 1 / Math.sqrt(size) : 0
    for (let i = 0; i < rows; i++) x[i * columns + k] = (x[i * columns + k] as number) * factor
  }
}
