/** The leading right singular vectors of a sparse matrix, by subspace iteration with a Rayleigh-Ritz step at its end. */
import { meterProgress, PithError, Random, type Run, throwIfAborted } from '@pith/core'
import type { SparseMatrix } from '../types.ts'
import { orthonormalizeRows } from './orthonormal-rows.ts'

/** How far {@link singularRows} goes. */
export interface SingularOptions extends Run {
  /** Vectors beyond those asked for that are carried along. Default max(16, k / 8). */
  oversampling?: number
  /** Times that the matrix and its transpose are applied. Default 5. */
  rounds?: number
}

/** What {@link singularRows} finds. */
export interface SingularRows {
  /** Vectors found: k, or the rank of the matrix where that is less. */
  readonly k: number
  /** f64[k, dim]: row i is the i-th right singular vector. */
  readonly rows: Float64Array
  /** f64[k], falling. */
  readonly values: Float64Array
}

/** Singular values below this share of the largest are those of a matrix of lower rank. */
const RANK_SHARE = 1e-7

/**
 * The k leading right singular vectors, the same bits on every machine for the same seed.
 * Method: Halko, Martinsson and Tropp, SIAM Review 53 (2011), algorithm 4.4, with plain sums in double precision.
 *
 * @throws PithError `PITH_ARG` k is not a positive integer; the abort reason
 * @complexity rounds (4 nnz + (n + dim) k) k
 */
export async function singularRows(
  matrix: SparseMatrix,
  k: number,
  options: SingularOptions = {},
): Promise<SingularRows> {
  if (!(Number.isInteger(k) && k >= 1)) throw new PithError('PITH_ARG', `k must be a positive integer, got ${k}`)
  const { oversampling = Math.max(16, k >> 3), rounds = 5, seed = 0, signal } = options
  const n = matrix.indptr.length - 1
  const width = Math.min(k + oversampling, n, matrix.dim)
  const meter = meterProgress(options, { stage: 'singular vectors', unit: 'steps', total: rounds + 1 })
  const random = new Random(seed)
  let basis = new Float64Array(width * matrix.dim)
  for (let i = 0; i < basis.length; i++) basis[i] = random.normal()
  const image = new Float64Array(width * n)
  for (let round = 0; round < rounds; round++) {
    await pause(signal)
    timesMatrix(matrix, basis, width, image)
    timesTranspose(matrix, image, width, basis)
    orthonormalizeRows(basis, width, matrix.dim)
    meter.update(round + 1)
  }
  await pause(signal)
  timesMatrix(matrix, basis, width, image)
  const { eigh, plainProduct } = await import('@pith/engine/linalg')
  const { values, vectors } = await eigh(
    { rows: width, cols: width, data: gramOfRows(image, width, n) },
    { product: plainProduct, ...(signal && { signal }) },
  )
  const floor = RANK_SHARE ** 2 * Math.max(0, values[0] ?? 0)
  let found = 0
  while (found < Math.min(k, width) && (values[found] as number) > floor) found++
  const rows = new Float64Array(found * matrix.dim)
  for (let i = 0; i < width; i++) {
    const from = basis.subarray(i * matrix.dim, (i + 1) * matrix.dim)
    for (let j = 0; j < found; j++) addTimes(rows, j * matrix.dim, from, vectors.data[i * width + j] as number)
  }
  fixSigns(rows, found, matrix.dim)
  basis = new Float64Array(0)
  meter.finish()
  return { k: found, rows, values: Float64Array.from(values.subarray(0, found), Math.sqrt) }
}

/** Let other tasks run, and notice an abort. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve))
  throwIfAborted(signal)
}

/** image[width, n] = basis[width, dim] A^T: four vectors share the loads of an element. */
function timesMatrix(
  { indptr, indices, values, dim }: SparseMatrix,
  basis: Float64Array,
  width: number,
  image: Float64Array,
): void {
  const n = indptr.length - 1
  for (let v = 0; v < width; v += 4) {
    const last = width - 1
    const b0 = v * dim
    const b1 = Math.min(v + 1, last) * dim
    const b2 = Math.min(v + 2, last) * dim
    const b3 = Math.min(v + 3, last) * dim
    for (let row = 0; row < n; row++) {
      let s0 = 0
      let s1 = 0
      let s2 = 0
      let s3 = 0
      for (let at = indptr[row] as number; at < (indptr[row + 1] as number); at++) {
        const column = indices[at] as number
        const value = values[at] as number
        s0 += value * (basis[b0 + column] as number)
        s1 += value * (basis[b1 + column] as number)
        s2 += value * (basis[b2 + column] as number)
        s3 += value * (basis[b3 + column] as number)
      }
      image[v * n + row] = s0
      if (v + 1 < width) image[(v + 1) * n + row] = s1
      if (v + 2 < width) image[(v + 2) * n + row] = s2
      if (v + 3 < width) image[(v + 3) * n + row] = s3
    }
  }
}

/** basis[width, dim] = image[width, n] A. */
function timesTranspose(
  { indptr, indices, values, dim }: SparseMatrix,
  image: Float64Array,
  width: number,
  basis: Float64Array,
): void {
  const n = indptr.length - 1
  basis.fill(0)
  for (let v = 0; v < width; v++) {
    const to = v * dim
    for (let row = 0; row < n; row++) {
      const factor = image[v * n + row] as number
      for (let at = indptr[row] as number; at < (indptr[row + 1] as number); at++) {
        basis[to + (indices[at] as number)] += factor * (values[at] as number)
      }
    }
  }
}

function gramOfRows(rows: Float64Array, count: number, length: number): Float64Array {
  const gram = new Float64Array(count * count)
  for (let i = 0; i < count; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0
      for (let p = 0, a = i * length, b = j * length; p < length; p++)
        sum += (rows[a + p] as number) * (rows[b + p] as number)
      gram[i * count + j] = sum
      gram[j * count + i] = sum
    }
  }
  return gram
}

function addTimes(to: Float64Array, at: number, from: Float64Array, factor: number): void {
  for (let p = 0; p < from.length; p++) to[at + p] += factor * (from[p] as number)
}

/** A vector and its opposite are the same to the matrix: the largest component is made positive. */
function fixSigns(rows: Float64Array, count: number, length: number): void {
  for (let i = 0; i < count; i++) {
    const row = rows.subarray(i * length, (i + 1) * length)
    let most = 0
    for (let p = 1; p < length; p++) if (Math.abs(row[p] as number) > Math.abs(row[most] as number)) most = p
    if ((row[most] as number) < 0) for (let p = 0; p < length; p++) row[p] = -(row[p] as number)
  }
}
