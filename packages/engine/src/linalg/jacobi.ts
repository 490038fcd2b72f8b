/** One-sided Jacobi: rotate rows until they are orthogonal. Exact to the last digits also for small singular values. */
import type { Run } from '@pith/core'
import type { Matrix64 } from './matrix.ts'
import { keepPace } from './pace.ts'
import { dot, matmul, type WithProduct } from './product.ts'

const MAX_SWEEPS = 60

/**
 * Rotate the rows of `w` in place until they are orthogonal, and those of `v` along.
 *
 * @param floor rows shorter than this are noise, and not turned against each other
 */
export async function orthogonalizeRows(
  w: Matrix64,
  v: Matrix64,
  floor: number,
  options: WithProduct & Run,
): Promise<void> {
  const { rows: n, cols: m } = w
  const limit = 2 * Number.EPSILON * Math.sqrt(m)
  const pace = keepPace(options, { stage: 'svd', unit: 'steps', total: MAX_SWEEPS })
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    // One product says which pairs are left: after a good start these are few.
    const angles = await matmul(w, w, { ...options, ta: false, tb: true })
    let rotations = 0
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) {
        const size = Math.sqrt(angles.data[p * n + p]) * Math.sqrt(angles.data[q * n + q])
        if (!(Math.abs(angles.data[p * n + q]) > limit * size)) continue
        if (rotatePair(w, v, p, q, limit, floor)) rotations++
      }
      const wait = pace.step(sweep)
      if (wait !== undefined) await wait
    }
    if (rotations === 0) break
  }
  pace.finish()
}

function rotatePair(w: Matrix64, v: Matrix64, p: number, q: number, limit: number, floor: number): boolean {
  const m = w.cols
  const { data } = w
  const a = dot(data, p * m, data, p * m, m)
  const b = dot(data, q * m, data, q * m, m)
  if (Math.sqrt(a) <= floor && Math.sqrt(b) <= floor) return false
  const c = dot(data, p * m, data, q * m, m)
  if (!(Math.abs(c) > limit * Math.sqrt(a) * Math.sqrt(b))) return false
  const zeta = (b - a) / (2 * c)
  const root = Math.sqrt(1 + zeta * zeta)
  const t = zeta >= 0 ? 1 / (zeta + root) : 1 / (zeta - root)
  const cos = 1 / Math.sqrt(1 + t * t)
  const sin = cos * t
  turnRows(data, p * m, q * m, m, cos, sin)
  turnRows(v.data, p * v.cols, q * v.cols, v.cols, cos, sin)
  return true
}

function turnRows(data: Float64Array, p: number, q: number, length: number, cos: number, sin: number): void {
  for (let i = 0; i < length; i++) {
    const x = data[p + i]
    const y = data[q + i]
    data[p + i] = cos * x - sin * y
    data[q + i] = sin * x + cos * y
  }
}
