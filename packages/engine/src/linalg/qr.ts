/** Householder QR. */
import { checkFinite, type Matrix, type Matrix64, scaleOf, toF64, zeros } from './matrix.ts'

/** What {@link qr} gives. */
export interface Qr {
  /** f64[rows, min(rows, cols)] with orthonormal columns. */
  readonly q: Matrix64
  /** f64[min(rows, cols), cols], upper triangular with a diagonal >= 0. */
  readonly r: Matrix64
}

/** Options of {@link qr}. */
export interface QrOptions {
  /** Leave q empty (no columns) where only r is wanted. */
  onlyR?: boolean
}

/**
 * The thin factors of a = q r.
 *
 * @throws PithError `PITH_NONFINITE`
 * @complexity 4 rows cols min(rows, cols)
 */
export function qr(a: Matrix, options: QrOptions = {}): Qr {
  checkFinite(a, 'qr')
  const scale = scaleOf(a.data)
  const work = toF64(a)
  if (scale !== 1) for (let i = 0; i < work.data.length; i++) work.data[i] *= scale
  const rank = Math.min(a.rows, a.cols)
  const taus = triangulate(work)
  const r = zeros(rank, a.cols)
  for (let i = 0; i < rank; i++) {
    for (let j = i; j < a.cols; j++) r.data[i * a.cols + j] = work.data[i * a.cols + j] / scale
  }
  const q = options.onlyR ? zeros(a.rows, 0) : formQ(work, taus)
  // One choice of signs, so that the factors are those of every other correct program.
  for (let i = 0; i < rank; i++) {
    if (r.data[i * a.cols + i] >= 0) continue
    for (let j = i; j < a.cols; j++) r.data[i * a.cols + j] = -r.data[i * a.cols + j]
    if (q.cols > 0) for (let k = 0; k < a.rows; k++) q.data[k * rank + i] = -q.data[k * rank + i]
  }
  return { q, r }
}

function formQ(work: Matrix64, taus: Float64Array): Matrix64 {
  const { rows, cols } = work
  const rank = taus.length
  const q = zeros(rows, rank)
  for (let i = 0; i < rank; i++) q.data[i * rank + i] = 1
  const reflector = new Float64Array(rows)
  const sums = new Float64Array(rank)
  for (let k = rank - 1; k >= 0; k--) {
    reflector[k] = 1
    for (let i = k + 1; i < rows; i++) reflector[i] = work.data[i * cols + k]
    reflect(q.data, { stride: rank, top: k, bottom: rows, left: k, right: rank }, reflector, taus[k], sums)
  }
  return q
}

/** Overwrite with r in and above the diagonal and reflectors below it (their first element 1 is not stored). */
function triangulate(a: Matrix64): Float64Array {
  const { rows, cols, data } = a
  const rank = Math.min(rows, cols)
  const taus = new Float64Array(rank)
  const reflector = new Float64Array(rows)
  const sums = new Float64Array(cols)
  for (let k = 0; k < rank; k++) {
    for (let i = k; i < rows; i++) reflector[i] = data[i * cols + k]
    const { tau, beta } = makeReflector(reflector, k, rows, k)
    taus[k] = tau
    if (tau === 0) continue
    reflect(data, { stride: cols, top: k, bottom: rows, left: k + 1, right: cols }, reflector, tau, sums)
    data[k * cols + k] = beta
    for (let i = k + 1; i < rows; i++) data[i * cols + k] = reflector[i]
  }
  return taus
}

/**
 * Turn x[from..to) into the reflector v (v[pivot] = 1) with (I - tau v v^T) x = beta e.
 *
 * @returns tau 0 where x is a multiple of e already
 */
export function makeReflector(x: Float64Array, from: number, to: number, pivot: number): { tau: number; beta: number } {
  const alpha = x[pivot]
  let largest = 0
  x[pivot] = 0
  for (let i = from; i < to; i++) largest = Math.max(largest, Math.abs(x[i]))
  if (largest === 0) {
    x[pivot] = 1
    return { tau: 0, beta: alpha }
  }
  largest = Math.max(largest, Math.abs(alpha))
  let sum = (alpha / largest) ** 2
  for (let i = from; i < to; i++) sum += (x[i] / largest) ** 2
  const norm = largest * Math.sqrt(sum)
  const beta = alpha > 0 ? -norm : norm
  const head = alpha - beta
  for (let i = from; i < to; i++) x[i] /= head
  x[pivot] = 1
  return { tau: (beta - alpha) / beta, beta }
}

/** Part of a matrix in row-major order: rows `top` to `bottom` - 1 and columns `left` to `right` - 1. */
export interface Window {
  readonly stride: number
  readonly top: number
  readonly bottom: number
  readonly left: number
  readonly right: number
}

/**
 * Apply I - tau v v^T from the left to a window; v is indexed by row. Four rows at a time share the sums.
 *
 * @param sums scratch, indexed by column
 */
export function reflect(a: Float64Array, part: Window, v: Float64Array, tau: number, sums: Float64Array): void {
  if (tau === 0) return
  const { stride, top, bottom, left, right } = part
  sums.fill(0, left, right)
  let i = top
  for (; i + 4 <= bottom; i += 4) {
    const v0 = v[i]
    const v1 = v[i + 1]
    const v2 = v[i + 2]
    const v3 = v[i + 3]
    const r0 = i * stride
    const r1 = r0 + stride
    const r2 = r1 + stride
    const r3 = r2 + stride
    for (let j = left; j < right; j++) sums[j] += v0 * a[r0 + j] + v1 * a[r1 + j] + v2 * a[r2 + j] + v3 * a[r3 + j]
  }
  for (; i < bottom; i++) for (let j = left; j < right; j++) sums[j] += v[i] * a[i * stride + j]
  for (let j = left; j < right; j++) sums[j] *= tau
  i = top
  for (; i + 4 <= bottom; i += 4) {
    const v0 = v[i]
    const v1 = v[i + 1]
    const v2 = v[i + 2]
    const v3 = v[i + 3]
    const r0 = i * stride
    const r1 = r0 + stride
    const r2 = r1 + stride
    const r3 = r2 + stride
    for (let j = left; j < right; j++) {
      const s = sums[j]
      a[r0 + j] -= v0 * s
      a[r1 + j] -= v1 * s
      a[r2 + j] -= v2 * s
      a[r3 + j] -= v3 * s
    }
  }
  for (; i < bottom; i++) for (let j = left; j < right; j++) a[i * stride + j] -= v[i] * sums[j]
}
