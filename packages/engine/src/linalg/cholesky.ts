/** Cholesky factors of symmetric positive definite matrices, and what is solved with triangles. */
import { PithError } from '@pith/core'
import { checkFinite, checkRows, checkSquare, type Matrix, type Matrix64, toF64, transpose, zeros } from './matrix.ts'
import { multiply } from './product.ts'

/** Options of {@link cholesky}. */
export interface CholeskyOptions {
  /**
   * Share of the mean of the diagonal that is added to the diagonal where the matrix is not positive definite, ten times as
   * much at each of up to six tries. 0 (the default) gives up at once; 0.01 is customary for Hessians.
   */
  jitter?: number
}

/** What {@link cholesky} gives. */
export interface Cholesky {
  /** f64[n, n], zeros above the diagonal; lower lower^T = a + added I. */
  readonly lower: Matrix64
  /** What was added to each element of the diagonal. */
  readonly added: number
}

const TRIES = 6

/**
 * The lower triangular factor of a symmetric positive definite matrix; only its lower triangle is read. From 2048 rows on it
 * takes seconds: `longCholesky` leaves the calling thread free.
 *
 * @throws PithError `PITH_SHAPE` not square · `PITH_NONFINITE` · `PITH_ARG` not positive definite (`cause.index` is the row)
 * @complexity n^3 / 3
 */
export function cholesky(a: Matrix, options: CholeskyOptions = {}): Cholesky {
  const n = checkSquare(a, 'cholesky')
  checkFinite(a, 'cholesky')
  let index = -1
  for (const added of triesOf(a, options)) {
    const lower = toF64(a)
    for (let i = 0; i < n; i++) lower.data[i * n + i] += added
    index = factorInPlace(lower.data, n)
    if (index < 0) {
      for (let i = 0; i < n; i++) lower.data.fill(0, i * n + i + 1, (i + 1) * n)
      return { lower, added }
    }
  }
  throw notPositive(index)
}

/** What is added to the diagonal at each try. @throws PithError `PITH_ARG` a jitter below 0 */
export function triesOf(a: Matrix, { jitter = 0 }: CholeskyOptions): number[] {
  if (!(jitter >= 0 && jitter < Infinity)) throw new PithError('PITH_ARG', `jitter must be >= 0, got ${jitter}`)
  const n = a.rows
  let mean = 0
  for (let i = 0; i < n; i++) mean += Math.abs(a.data[i * n + i]) / n
  const tries = [0]
  let added = jitter * mean
  for (let attempt = 0; attempt < TRIES && added > 0; attempt++, added *= 10) tries.push(added)
  return tries
}

/** The error of a matrix that has no factor. */
export function notPositive(index: number): PithError {
  return new PithError('PITH_ARG', `cholesky: the matrix is not positive definite at row ${index}`, {
    hint: 'Give a jitter, or check that the matrix is a covariance of enough samples.',
    cause: { index },
  })
}

/**
 * Overwrite the lower triangle with its Cholesky factor; what stands above the diagonal is not touched.
 *
 * @param rows  to do those from `from` on and end behind `to` or a few later; `from` then is the next one. A multiple of 4
 * @returns -1, or the row where the matrix was found not to be positive definite
 */
export function factorInPlace(
  a: Float64Array,
  n: number,
  rows: { from: number; to: number } = { from: 0, to: n },
): number {
  let i = rows.from
  for (; i + 4 <= n && i < rows.to; i += 4) {
    rows4(a, n, i)
    // The square of four rows at the diagonal.
    for (let r = i; r < i + 4; r++) {
      for (let j = i; j < r; j++) {
        let sum = a[r * n + j]
        for (let k = i; k < j; k++) sum -= a[r * n + k] * a[j * n + k]
        a[r * n + j] = sum / a[j * n + j]
      }
      let sum = a[r * n + r]
      for (let k = i; k < r; k++) sum -= a[r * n + k] * a[r * n + k]
      if (!(sum > 0)) return r
      a[r * n + r] = Math.sqrt(sum)
    }
  }
  if (i < rows.to) {
    for (; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = a[i * n + j]
        for (let k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k]
        if (j < i) a[i * n + j] = sum / a[j * n + j]
        else if (sum > 0) a[i * n + i] = Math.sqrt(sum)
        else return i
      }
    }
  }
  rows.from = i
  return -1
}

/** Four rows left of their diagonal square, which is left with the products of these columns taken off. */
function rows4(a: Float64Array, n: number, i: number): void {
  const r0 = i * n
  const r1 = r0 + n
  const r2 = r1 + n
  const r3 = r2 + n
  let j = 0
  // Two columns at a time: eight sums share six loads.
  for (; j + 2 <= i; j += 2) {
    const p0 = j * n
    const p1 = p0 + n
    let s0 = a[r0 + j]
    let s1 = a[r1 + j]
    let s2 = a[r2 + j]
    let s3 = a[r3 + j]
    let t0 = a[r0 + j + 1]
    let t1 = a[r1 + j + 1]
    let t2 = a[r2 + j + 1]
    let t3 = a[r3 + j + 1]
    for (let k = 0; k < j; k++) {
      const x = a[p0 + k]
      const y = a[p1 + k]
      const u = a[r0 + k]
      const v = a[r1 + k]
      const w = a[r2 + k]
      const z = a[r3 + k]
      s0 -= x * u
      s1 -= x * v
      s2 -= x * w
      s3 -= x * z
      t0 -= y * u
      t1 -= y * v
      t2 -= y * w
      t3 -= y * z
    }
    const pivot = a[p0 + j]
    const below = a[p1 + j]
    const next = a[p1 + j + 1]
    s0 /= pivot
    s1 /= pivot
    s2 /= pivot
    s3 /= pivot
    a[r0 + j] = s0
    a[r1 + j] = s1
    a[r2 + j] = s2
    a[r3 + j] = s3
    a[r0 + j + 1] = (t0 - below * s0) / next
    a[r1 + j + 1] = (t1 - below * s1) / next
    a[r2 + j + 1] = (t2 - below * s2) / next
    a[r3 + j + 1] = (t3 - below * s3) / next
  }
  for (let r = i; r < i + 4; r++) {
    for (let c = i; c <= r; c++) {
      let sum = 0
      for (let k = 0; k < i; k++) sum += a[r * n + k] * a[c * n + k]
      a[r * n + c] -= sum
    }
  }
}

/** Which triangle {@link solveTri} takes, and how. */
export interface TriangularOptions {
  /** The triangle is the upper one; default the lower. What stands in the other is not read. */
  upper?: boolean
  /** Solve with the transpose of the triangle. */
  transposed?: boolean
  /** Take the diagonal as ones. */
  unit?: boolean
}

/**
 * Solve t x = b for a triangular t.
 *
 * @param t f64[n, n]
 * @param b [n, r], a right side in each column
 * @returns f64[n, r]
 * @throws PithError `PITH_SHAPE` · `PITH_NONFINITE` · `PITH_ARG` a zero on the diagonal (`cause.index` is its row)
 */
export function solveTri(t: Matrix, b: Matrix, options: TriangularOptions = {}): Matrix64 {
  const n = checkSquare(t, 'solveTri')
  checkRows(t, b, 'solveTri')
  checkFinite(t, 'solveTri')
  checkFinite(b, 'solveTri')
  const { upper = false, transposed = false, unit = false } = options
  const triangle = transposed ? transpose(t) : t
  const x = toF64(b)
  const { data } = x
  const { cols } = b
  // Rows are solved from the end of the triangle that has one unknown.
  const isDown = upper === transposed
  for (let step = 0; step < n; step++) {
    const i = isDown ? step : n - 1 - step
    const at = i * cols
    for (let k = isDown ? 0 : i + 1; k < (isDown ? i : n); k++) {
      const factor = triangle.data[i * n + k]
      if (factor === 0) continue
      for (let j = 0, from = k * cols; j < cols; j++) data[at + j] -= factor * data[from + j]
    }
    if (unit) continue
    const pivot = triangle.data[i * n + i]
    if (pivot === 0) throw singularAt('solveTri', i)
    for (let j = 0; j < cols; j++) data[at + j] /= pivot
  }
  return x
}

/** The error of a matrix that can not be inverted. */
export function singularAt(op: string, index: number): PithError {
  return new PithError('PITH_ARG', `${op}: the matrix is singular at row ${index}`, {
    hint: 'Use lstsq or pinv, which take singular matrices.',
    cause: { index },
  })
}

/**
 * The inverse of lower lower^T from a Cholesky factor.
 *
 * @param lower f64[n, n] with nothing but zeros above its diagonal
 * @throws PithError `PITH_SHAPE` · `PITH_NONFINITE` · `PITH_ARG` a zero on the diagonal
 * @complexity n^3
 */
export function cholInverse(lower: Matrix): Matrix64 {
  const n = checkSquare(lower, 'cholInverse')
  checkFinite(lower, 'cholInverse')
  const inverse = invertLower(lower)
  const out = zeros(n, n)
  // The product of a triangle with its transpose is exactly symmetric as both halves add the same terms in order.
  out.data.set(multiply(inverse, inverse, { ta: true }).data)
  return out
}

/** The inverse of a lower triangle, row by row. @throws PithError `PITH_ARG` a zero on the diagonal */
export function invertLower(lower: Matrix): Matrix64 {
  const n = lower.rows
  const out = zeros(n, n)
  const { data } = out
  for (let i = 0; i < n; i++) {
    const row = i * n
    const pivot = lower.data[row + i]
    if (pivot === 0) throw singularAt('cholInverse', i)
    for (let k = 0; k < i; k++) {
      const factor = lower.data[row + k]
      if (factor === 0) continue
      for (let j = 0, from = k * n; j <= k; j++) data[row + j] -= factor * data[from + j]
    }
    for (let j = 0; j < i; j++) data[row + j] /= pivot
    data[row + i] = 1 / pivot
  }
  return out
}
