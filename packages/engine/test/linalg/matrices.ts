/** Matrices for tests, and how far two of them are apart. */
import { Random } from '@pith/core'
import { identity, type Matrix, type Matrix64, multiply, zeros } from '@pith/engine/linalg'

/** Independent normal elements. */
export function normalMatrix(rows: number, cols: number, seed = 1): Matrix64 {
  const random = new Random(seed)
  const out = zeros(rows, cols)
  for (let i = 0; i < out.data.length; i++) out.data[i] = random.normal()
  return out
}

/** a + a^T */
export function symmetricMatrix(n: number, seed = 1): Matrix64 {
  const a = normalMatrix(n, n, seed)
  const out = zeros(n, n)
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) out.data[i * n + j] = a.data[i * n + j] + a.data[j * n + i]
  return out
}

/** u diag(s) v^T */
export function recompose(u: Matrix64, s: ArrayLike<number>, v: Matrix64): Matrix64 {
  const scaled = zeros(u.rows, u.cols)
  for (let i = 0; i < u.data.length; i++) scaled.data[i] = u.data[i] * s[i % u.cols]
  return multiply(scaled, v, { tb: true })
}

/** Largest difference of two elements; NaN counts as endless. */
export function distance(a: Pick<Matrix, 'data'>, b: Pick<Matrix, 'data'>): number {
  if (a.data.length !== b.data.length) return Infinity
  let worst = 0
  for (let i = 0; i < a.data.length; i++) {
    const apart = Math.abs(a.data[i] - b.data[i])
    if (!(apart <= worst)) worst = Number.isNaN(apart) ? Infinity : apart
  }
  return worst
}

/** How far the columns are from orthonormal. */
export function skewness(q: Matrix64): number {
  return distance(multiply(q, q, { ta: true }), identity(q.cols))
}
