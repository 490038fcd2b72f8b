/** Random subspaces that hold most of a matrix: Halko, Martinsson and Tropp, SIAM Review 53 (2011), algorithm 4.4. */
import { Random, type Run } from '@pith/core'
import { factorInPlace, invertLower } from './cholesky.ts'
import { checkCount, type Matrix64, zeros } from './matrix.ts'
import { gram, matmul, type WithProduct } from './product.ts'
import { qr } from './qr.ts'

/** Effort of randomised forms. */
export interface RangeOptions {
  /** Columns beyond k that are tried. Default max(32, k / 4). */
  oversampling?: number
  /** Times that the matrix and its transpose are applied to the subspace; more where the spectrum falls slowly. Default 3. */
  powerIterations?: number
}

/** Orthonormal columns f64[rows, l] that span most of the range, l = min(k + oversampling, rows, cols). */
export async function findRange(a: Matrix64, k: number, options: RangeOptions & WithProduct & Run): Promise<Matrix64> {
  const oversampling = checkCount(options.oversampling ?? Math.max(32, Math.ceil(k / 4)), 0, 2 ** 30, 'oversampling')
  const rounds = checkCount(options.powerIterations ?? 3, 0, 1000, 'powerIterations')
  const width = Math.min(k + oversampling, a.rows, a.cols)
  const start = zeros(a.cols, width)
  const random = new Random(options.seed ?? 0)
  for (let i = 0; i < start.data.length; i++) start.data[i] = random.normal()
  let y = await orthonormalize(await matmul(a, start, options), options)
  for (let round = 0; round < rounds; round++) {
    const z = await orthonormalize(await matmul(a, y, { ...options, ta: true }), options)
    y = await orthonormalize(await matmul(a, z, options), options)
  }
  return y
}

/** Cholesky factors lose digits like the square of this ratio of their diagonal. */
const SAFE_RATIO = 1e-5

/**
 * An orthonormal basis of the columns by Cholesky QR, twice, as products are fast; by Householder where the columns are too
 * close to dependent for it.
 */
async function orthonormalize(y: Matrix64, options: WithProduct & Pick<Run, 'signal'>): Promise<Matrix64> {
  let q = y
  for (let pass = 0; pass < 2; pass++) {
    const { cols: n, data } = await gram(q, options)
    if (factorInPlace(data, n) >= 0) return qr(y).q
    let least = Infinity
    let most = 0
    for (let i = 0; i < n; i++) {
      least = Math.min(least, data[i * n + i])
      most = Math.max(most, data[i * n + i])
      data.fill(0, i * n + i + 1, (i + 1) * n)
    }
    if (least < SAFE_RATIO * most) return qr(y).q
    q = await matmul(q, invertLower({ rows: n, cols: n, data }), { ...options, tb: true })
  }
  return q
}
