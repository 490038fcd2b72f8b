/** Linear systems: square, least squares with or without a ridge, and the pseudo-inverse. */
import { PithError, type Run } from '@pith/core'
import { factorInPlace, singularAt, solveTri } from './cholesky.ts'
import {
  checkFinite,
  checkRows,
  checkSquare,
  frobeniusNorm,
  type Matrix,
  type Matrix64,
  scaleColumns,
  toF64,
  zeros,
} from './matrix.ts'
import { gram, matmul, type WithProduct } from './product.ts'
import { qr } from './qr.ts'
import { svd } from './svd.ts'

/**
 * Solve a x = b by elimination with partial pivoting.
 *
 * @param a [n, n]
 * @param b [n, r], a right side in each column
 * @returns f64[n, r]
 * @throws PithError `PITH_SHAPE` · `PITH_NONFINITE` · `PITH_ARG` singular (`cause.index` is the row)
 * @complexity 2 n^3 / 3
 */
export function solve(a: Matrix, b: Matrix): Matrix64 {
  const n = checkSquare(a, 'solve')
  checkRows(a, b, 'solve')
  checkFinite(a, 'solve')
  checkFinite(b, 'solve')
  const lu = toF64(a)
  const x = toF64(b)
  const { data } = lu
  for (let k = 0; k < n; k++) {
    let pivot = k
    for (let i = k + 1; i < n; i++) if (Math.abs(data[i * n + k]) > Math.abs(data[pivot * n + k])) pivot = i
    if (data[pivot * n + k] === 0) throw singularAt('solve', k)
    if (pivot !== k) {
      swapRows(data, n, k, pivot)
      swapRows(x.data, x.cols, k, pivot)
    }
    for (let i = k + 1; i < n; i++) {
      const factor = data[i * n + k] / data[k * n + k]
      data[i * n + k] = factor
      if (factor === 0) continue
      for (let j = k + 1; j < n; j++) data[i * n + j] -= factor * data[k * n + j]
    }
  }
  return solveTri(lu, solveTri(lu, x, { unit: true }), { upper: true })
}

function swapRows(data: Float64Array, cols: number, i: number, j: number): void {
  for (let c = 0; c < cols; c++) {
    const held = data[i * cols + c]
    data[i * cols + c] = data[j * cols + c]
    data[j * cols + c] = held
  }
}

/** Options of {@link lstsq}. */
export interface LstsqOptions extends Run, WithProduct {
  /** Weight of |x|^2 beside |a x - b|^2. Default 0. */
  ridge?: number
}

/** What {@link lstsq} gives. */
export interface Lstsq {
  /** f64[cols, r] */
  readonly x: Matrix64
  /** Columns that the matrix was found to have independent; all of them with a ridge. */
  readonly rank: number
  /** Norm of a x - b (Frobenius). */
  readonly residual: number
}

/**
 * The x that minimises |a x - b|^2 + ridge |x|^2; the shortest one where several do.
 * Method: Householder QR; the singular value decomposition where columns are dependent or rows few; with a ridge the normal
 * equations with one step of refinement.
 *
 * @param a [rows, cols]
 * @param b [rows, r]
 * @throws PithError `PITH_SHAPE` · `PITH_NONFINITE` · `PITH_ARG` ridge
 */
export async function lstsq(a: Matrix, b: Matrix, options: LstsqOptions = {}): Promise<Lstsq> {
  const { ridge = 0 } = options
  if (!(ridge >= 0 && ridge < Infinity)) throw new PithError('PITH_ARG', `ridge must be >= 0, got ${ridge}`)
  checkRows(a, b, 'lstsq')
  checkFinite(a, 'lstsq')
  checkFinite(b, 'lstsq')
  const left = toF64(a)
  const right = toF64(b)
  const { x, rank } =
    (ridge > 0 ? await byNormalEquations(left, right, ridge, options) : byQr(left, right)) ??
    (await bySvd(left, right, ridge, options))
  const rest = await matmul(left, x, options)
  for (let i = 0; i < rest.data.length; i++) rest.data[i] -= right.data[i]
  return { x, rank, residual: frobeniusNorm(rest) }
}

type Solution = Pick<Lstsq, 'x' | 'rank'>

function byQr(a: Matrix64, b: Matrix64): Solution | undefined {
  const x = solveLeast(a, b)
  return x && { x, rank: a.cols }
}

/** Least squares by Householder QR; undefined where the columns are dependent to rounding. */
export function solveLeast(a: Matrix64, b: Matrix64): Matrix64 | undefined {
  const { rows, cols } = a
  if (rows < cols) return undefined
  // The right sides go through the reflections as further columns, so that q is not formed.
  const wide = zeros(rows, cols + b.cols)
  for (let i = 0; i < rows; i++) {
    wide.data.set(a.data.subarray(i * cols, (i + 1) * cols), i * wide.cols)
    wide.data.set(b.data.subarray(i * b.cols, (i + 1) * b.cols), i * wide.cols + cols)
  }
  const { r } = qr(wide, { onlyR: true })
  let least = Infinity
  let most = 0
  for (let i = 0; i < cols; i++) {
    least = Math.min(least, Math.abs(r.data[i * wide.cols + i]))
    most = Math.max(most, Math.abs(r.data[i * wide.cols + i]))
  }
  if (cols > 0 && !(least > 8 * Number.EPSILON * rows * most)) return undefined
  const triangle = zeros(cols, cols)
  const sides = zeros(cols, b.cols)
  for (let i = 0; i < cols; i++) {
    const at = i * wide.cols
    triangle.data.set(r.data.subarray(at, at + cols), i * cols)
    sides.data.set(r.data.subarray(at + cols, at + wide.cols), i * b.cols)
  }
  return solveTri(triangle, sides, { upper: true })
}

async function byNormalEquations(
  a: Matrix64,
  b: Matrix64,
  ridge: number,
  options: LstsqOptions,
): Promise<Solution | undefined> {
  const n = a.cols
  const normal = await gram(a, options)
  for (let i = 0; i < n; i++) normal.data[i * n + i] += ridge
  if (factorInPlace(normal.data, n) >= 0) return undefined
  const solveNormal = (side: Matrix64) => solveTri(normal, solveTri(normal, side), { transposed: true })
  const x = solveNormal(await matmul(a, b, { ...options, ta: true }))
  const rest = await matmul(a, x, options)
  for (let i = 0; i < rest.data.length; i++) rest.data[i] = b.data[i] - rest.data[i]
  const side = await matmul(a, rest, { ...options, ta: true })
  for (let i = 0; i < side.data.length; i++) side.data[i] -= ridge * x.data[i]
  const step = solveNormal(side)
  for (let i = 0; i < x.data.length; i++) x.data[i] += step.data[i]
  return { x, rank: n }
}

async function bySvd(a: Matrix64, b: Matrix64, ridge: number, options: LstsqOptions): Promise<Solution> {
  const { u, s, v } = await svd(a, withProductOf(options))
  const floor = noiseFloor(a, s)
  const rank = s.filter((value) => value > floor).length
  const weights = s.map((value) => (value > floor ? value / (value * value + ridge) : 0))
  const along = await matmul(u, b, { ...options, ta: true })
  return { x: await matmul(scaleColumns(v, weights), along, options), rank: ridge > 0 ? a.cols : rank }
}

/** Options of {@link pinv}. */
export interface PinvOptions extends Run, WithProduct {
  /** Singular values up to this share of the largest count as 0. Default 2^-52 times the larger side. */
  tolerance?: number
}

/** The Moore-Penrose inverse, f64[cols, rows]. @throws PithError `PITH_NONFINITE` · `PITH_ARG` tolerance */
export async function pinv(a: Matrix, options: PinvOptions = {}): Promise<Matrix64> {
  const { tolerance } = options
  if (tolerance !== undefined && !(tolerance >= 0)) {
    throw new PithError('PITH_ARG', `tolerance must be >= 0, got ${tolerance}`)
  }
  const { u, s, v } = await svd(a, withProductOf(options))
  const floor = tolerance === undefined ? noiseFloor(a, s) : tolerance * (s[0] ?? 0)
  const weights = s.map((value) => (value > floor ? 1 / value : 0))
  return await matmul(scaleColumns(v, weights), u, { ...options, tb: true })
}

function noiseFloor(a: Matrix, s: Float64Array): number {
  return Number.EPSILON * Math.max(a.rows, a.cols) * (s[0] ?? 0)
}

function withProductOf({ signal, onProgress, product }: Run & WithProduct): Run & WithProduct {
  return { ...(signal && { signal }), ...(onProgress && { onProgress }), ...(product && { product }) }
}
