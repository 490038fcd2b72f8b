/** Symmetric matrices to tridiagonal form and back: Householder reflectors from the last row up. */
import { makeReflector, reflect } from './qr.ts'

/** a = Q T Q^T, T with diagonal `d` and `e[i]` between i - 1 and i; Q is kept as reflectors in the rows of a. */
export interface Reduction {
  readonly n: number
  /** f64[n, n], of which the lower triangle is read and overwritten. */
  readonly a: Float64Array
  readonly d: Float64Array
  readonly e: Float64Array
  readonly taus: Float64Array
  /** The last reflector, and what is still to be taken off with it. */
  v: Float64Array
  readonly q: Float64Array
  /** Q in the making. */
  readonly z: Float64Array
  /** Rows done. */
  at: number
}

/**
 * Reduce a symmetric matrix from its last row up, until `isOver` says so after a row.
 * The update of the last step and the product for the next are one pass over the triangle, as memory is what limits both.
 *
 * @returns whether all of it is reduced
 */
export function tridiagonalize(work: Reduction, isOver: () => boolean): boolean {
  const { a, n, d, e, taus, q } = work
  let { v } = work
  let next: Float64Array = new Float64Array(n)
  const p = new Float64Array(n)
  while (work.at < n) {
    const i = n - 1 - work.at
    const row = i * n
    // The last reflector v and its q are still to be taken off: this row first, as the next reflector comes from it.
    if (i < n - 1) for (let j = 0; j <= i; j++) a[row + j] -= v[i] * q[j] + q[i] * v[j]
    d[i] = a[row + i]
    work.at++
    if (i === 0) break
    for (let j = 0; j < i; j++) next[j] = a[row + j]
    const { tau, beta } = makeReflector(next, 0, i, i - 1)
    e[i] = beta
    taus[i] = tau
    p.fill(0, 0, i)
    if (i === n - 1) {
      v.fill(0)
      q.fill(0)
    }
    passTriangle(a, n, i, v, q, next, p)
    let along = 0
    for (let j = 0; j < i; j++) along += next[j] * p[j]
    const half = (tau * tau * along) / 2
    for (let j = 0; j < i; j++) q[j] = tau * p[j] - half * next[j]
    for (let j = 0; j < i; j++) a[row + j] = next[j]
    const last = v
    v = next
    work.v = v
    next = last
    if (isOver()) break
  }
  return work.at === n
}

/** Lower triangle of the first `size` rows: a -= v q^T + q v^T, then p = a u. Two rows at a time. */
function passTriangle(
  a: Float64Array,
  n: number,
  size: number,
  v: Float64Array,
  q: Float64Array,
  u: Float64Array,
  p: Float64Array,
): void {
  let i = 0
  for (; i + 2 <= size; i += 2) {
    const r0 = i * n
    const r1 = r0 + n
    const v0 = v[i]
    const v1 = v[i + 1]
    const q0 = q[i]
    const q1 = q[i + 1]
    const u0 = u[i]
    const u1 = u[i + 1]
    let s0 = 0
    let s1 = 0
    for (let j = 0; j < i; j++) {
      const vj = v[j]
      const qj = q[j]
      const uj = u[j]
      const x = a[r0 + j] - v0 * qj - q0 * vj
      const y = a[r1 + j] - v1 * qj - q1 * vj
      a[r0 + j] = x
      a[r1 + j] = y
      s0 += x * uj
      s1 += y * uj
      p[j] += x * u0 + y * u1
    }
    const top = a[r0 + i] - 2 * v0 * q0
    const side = a[r1 + i] - v1 * q0 - q1 * v0
    const low = a[r1 + i + 1] - 2 * v1 * q1
    a[r0 + i] = top
    a[r1 + i] = side
    a[r1 + i + 1] = low
    p[i] += s0 + top * u0 + side * u1
    p[i + 1] += s1 + side * u0 + low * u1
  }
  if (i < size) {
    const row = i * n
    let sum = 0
    for (let j = 0; j < i; j++) {
      const x = a[row + j] - v[i] * q[j] - q[i] * v[j]
      a[row + j] = x
      sum += x * u[j]
      p[j] += x * u[i]
    }
    a[row + i] -= 2 * v[i] * q[i]
    p[i] += sum + a[row + i] * u[i]
  }
}

/** Q of {@link tridiagonalize} into `z`, until `isOver` says so. @returns whether all of it is formed */
export function formReflectors(work: Reduction, isOver: () => boolean): boolean {
  const { a, n, taus, z } = work
  const sums = new Float64Array(n)
  while (work.at < n) {
    const i = work.at++
    z[i * n + i] = 1
    const reflector = a.subarray(i * n, i * n + i)
    reflect(z, { stride: n, top: 0, bottom: i, left: 0, right: i }, reflector, taus[i], sums)
    if (isOver()) break
  }
  return work.at === n
}
