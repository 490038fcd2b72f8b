/** How much the rows of a matrix differ: the entropy of its spectrum, of which only the largest part counts. */
import { PithError } from '@pith/core'
import { eigh, matmul, matrixOf } from '@pith/engine/linalg'

/** Shorter rows have no direction. */
const LEAST_NORM = 1e-6

/** Part of the eigenvalues that counts by default. */
const PART = 4

/**
 * Truncated matrix entropy of rows: of the spectrum of the covariance of their directions, its `k` largest values.
 *
 * @param rows [n, width], row by row
 * @param options `k`: default width / 4
 * @returns 0 .. 1: 1 where all directions are equally strong and all are counted
 * @throws PithError `PITH_ARG` no whole rows, or k beyond the width
 */
export async function truncatedEntropy(
  rows: Float32Array | Float64Array,
  width: number,
  { k = Math.max(1, Math.floor(width / PART)) }: { k?: number } = {},
): Promise<number> {
  const n = rows.length / width
  if (!(Number.isInteger(n) && n >= 1))
    throw new PithError('PITH_ARG', `${rows.length} numbers are no rows of ${width}`)
  if (!(Number.isInteger(k) && k >= 1 && k <= width)) throw new PithError('PITH_ARG', `k must be 1..${width}, got ${k}`)
  if (width === 1) return 0
  const mean = new Float64Array(width)
  for (let i = 0; i < rows.length; i++) mean[i % width] = (mean[i % width] as number) + (rows[i] as number) / n
  const directions = new Float64Array(rows.length)
  for (let row = 0; row < n; row++) {
    let square = 0
    for (let i = 0; i < width; i++) square += ((rows[row * width + i] as number) - (mean[i] as number)) ** 2
    const norm = Math.sqrt(square)
    if (!(norm >= LEAST_NORM)) continue
    for (let i = 0; i < width; i++) {
      directions[row * width + i] = ((rows[row * width + i] as number) - (mean[i] as number)) / norm
    }
  }
  const x = matrixOf(directions, n, width)
  const gram = await matmul(x, x, { ta: true })
  let trace = 0
  for (let i = 0; i < width; i++) trace += gram.data[i * width + i] as number
  if (trace === 0) return 0
  const { values } = await eigh(gram)
  const largest = Float64Array.from(values, (value) => Math.max(0, value) / trace)
    .sort()
    .reverse()
  let entropy = 0
  for (const value of largest.subarray(0, k)) if (value > 0) entropy -= value * Math.log(value)
  return entropy / Math.log(width)
}
