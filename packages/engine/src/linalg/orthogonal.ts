/** Orthogonal matrices: random ones, and those nearest to a given matrix. */
import { PithError, Random, type Run } from '@pith/core'
import { checkCount, checkFinite, checkRows, type Matrix, type Matrix64, scaleColumns, toF64, zeros } from './matrix.ts'
import { matmul, type WithProduct } from './product.ts'
import { qr } from './qr.ts'
import { svd } from './svd.ts'

/** An orthogonal matrix f64[n, n] from the uniform (Haar) distribution. @complexity 8 n^3 / 3 */
export function randomOrthogonal(n: number, options: Pick<Run, 'seed'> = {}): Matrix64 {
  checkCount(n, 0, 32768, 'n')
  const random = new Random(options.seed ?? 0)
  const a = zeros(n, n)
  for (let i = 0; i < a.data.length; i++) a.data[i] = random.normal()
  // A diagonal >= 0 of r makes the distribution uniform: Mezzadri, Notices of the AMS 54 (2007).
  return qr(a).q
}

/** What {@link procrustes} gives. */
export interface Procrustes {
  /** f64[cols, cols], orthogonal. */
  readonly rotation: Matrix64
  /** The factor that brings a's size to b's: |scale a rotation - b| is least with it. */
  readonly scale: number
}

/**
 * The orthogonal matrix that brings `a rotation` closest to b (Schoenemann 1966).
 *
 * @param a [rows, cols]
 * @param b [rows, cols]
 * @throws PithError `PITH_SHAPE` · `PITH_NONFINITE`
 */
export async function procrustes(a: Matrix, b: Matrix, options: Run & WithProduct = {}): Promise<Procrustes> {
  checkRows(a, b, 'procrustes')
  if (a.cols !== b.cols) throw new PithError('PITH_SHAPE', `procrustes: ${a.cols} and ${b.cols} columns do not fit`)
  checkFinite(a, 'procrustes')
  checkFinite(b, 'procrustes')
  const { u, s, v } = await svd(await matmul(toF64(a), toF64(b), { ...options, ta: true }), options)
  const rotation = await matmul(u, v, { ...options, tb: true })
  let size = 0
  for (const value of a.data) size += value * value
  return { rotation, scale: size === 0 ? 1 : s.reduce((sum, value) => sum + value, 0) / size }
}

/** What {@link polar} gives. */
export interface Polar {
  /** f64[rows, cols], the nearest matrix with orthonormal columns (rows, where the matrix is wide). */
  readonly unitary: Matrix64
  /** f64[cols, cols], symmetric and positive semidefinite; a = unitary positive. */
  readonly positive: Matrix64
}

/** The polar factors of a matrix. @throws PithError `PITH_NONFINITE` */
export async function polar(a: Matrix, options: Run & WithProduct = {}): Promise<Polar> {
  const { u, s, v } = await svd(a, options)
  const unitary = await matmul(u, v, { ...options, tb: true })
  const positive = await matmul(scaleColumns(v, s), v, { ...options, tb: true })
  return { unitary, positive }
}
