/** Singular values and vectors: full, by Jacobi rotations, or the largest few from a random subspace. */
import { PithError, Random, type Run } from '@pith/core'
import { Matrix as MlMatrix, SingularValueDecomposition } from 'ml-matrix'
import { eigh } from './eigh.ts'
import { orthogonalizeRows } from './jacobi.ts'
import {
  checkCount,
  checkFinite,
  columnsOf,
  frobeniusNorm,
  identity,
  largestOf,
  type Matrix,
  type Matrix64,
  scaleColumns,
  scaleOf,
  toF64,
  transpose,
  zeros,
} from './matrix.ts'
import { dot, gram, matmul, type WithProduct } from './product.ts'
import { qr } from './qr.ts'
import { findRange, type RangeOptions } from './range.ts'

/** How {@link svd} goes about it. */
export type SvdMethod = 'auto' | 'full' | 'jacobi' | 'randomized'

/** Options of {@link svd}. */
export interface SvdOptions extends Run, WithProduct, RangeOptions {
  /** How many singular values to give; default all. */
  k?: number
  /**
   * `auto` (default) is `randomized` where k is at most a sixth of a matrix beyond 256 and `full` else; `jacobi` is slow and
   * gives small singular values their full relative precision where the columns differ in scale.
   */
  method?: SvdMethod
}

/** Factors a = u diag(s) v^T. */
export interface Svd {
  /** f64[rows, k] with orthonormal columns. */
  readonly u: Matrix64
  /** f64[k], falling. */
  readonly s: Float64Array
  /** f64[cols, k] with orthonormal columns; a = u diag(s) v^T. */
  readonly v: Matrix64
  readonly method: Exclude<SvdMethod, 'auto'>
  /** Norm of a - u diag(s) v^T over that of a (Frobenius), to about 1e-8; 0 for a matrix of zeros. */
  readonly residual: number
}

/** Up to here the library's routine does. */
const SMALL = 256

/** Below this share of the largest, singular values from a Gram matrix have fewer than twelve correct digits. */
const GRAM_RATIO = 1e-2

/**
 * The singular value decomposition a = u diag(s) v^T.
 * Method: ml-matrix up to 256; beyond, eigenvectors of a^T a and then one-sided Jacobi, which takes away what squaring lost;
 * the randomised form is that of Halko, Martinsson and Tropp (2011) with Cholesky QR.
 *
 * @throws PithError `PITH_NONFINITE` · `PITH_ARG` k or method
 * @complexity full: about 12 n^3, seconds at 1024; randomized: (4 + 4 powerIterations) rows cols (k + oversampling)
 */
export async function svd(a: Matrix, options: SvdOptions = {}): Promise<Svd> {
  const least = Math.min(a.rows, a.cols)
  const k = checkCount(options.k ?? least, 0, least, 'k')
  const method = chooseMethod(options.method ?? 'auto', k, least)
  checkFinite(a, 'svd')
  const scale = scaleOf(a.data)
  const own = toF64(a)
  if (scale !== 1) for (let i = 0; i < own.data.length; i++) own.data[i] *= scale
  const isWide = a.rows < a.cols
  const tall = isWide ? transpose(own) : own
  const found =
    method === 'randomized'
      ? await randomized(tall, k, options)
      : method === 'jacobi'
        ? await rotated(tall, identity(tall.cols), 0, options)
        : await full(tall, options)
  const s = found.s.slice(0, k)
  const residual = residualOf(own, s)
  if (scale !== 1) for (let i = 0; i < k; i++) s[i] /= scale
  const u = columnsOf(found.u, 0, k)
  const v = columnsOf(found.v, 0, k)
  return { u: isWide ? v : u, s, v: isWide ? u : v, method, residual }
}

interface Factors {
  readonly u: Matrix64
  readonly s: Float64Array
  readonly v: Matrix64
}

function chooseMethod(method: SvdMethod, k: number, least: number): Exclude<SvdMethod, 'auto'> {
  if (method === 'auto') return least > SMALL && k * 6 <= least ? 'randomized' : 'full'
  if (method === 'full' || method === 'jacobi' || method === 'randomized') return method
  throw new PithError('PITH_ARG', `method must be auto, full, jacobi or randomized, got ${String(method)}`)
}

/** Kept energy is exact for orthonormal factors, so the rest follows without another product. */
function residualOf(a: Matrix64, s: Float64Array): number {
  const norm = frobeniusNorm(a)
  if (norm === 0) return 0
  let kept = 0
  for (const value of s) kept += (value / norm) ** 2
  return Math.sqrt(Math.max(0, 1 - kept))
}

/** All singular values of a matrix with rows >= cols. */
async function full(a: Matrix64, options: SvdOptions): Promise<Factors> {
  if (a.cols === 0) return { u: zeros(a.rows, 0), s: new Float64Array(0), v: zeros(0, 0) }
  if (a.cols <= SMALL) return small(a, options)
  const { vectors } = await eigh(await gram(a, options), withoutCount(options))
  const image = await matmul(a, vectors, options)
  return await rotated(image, vectors, Number.EPSILON * a.rows, options)
}

async function small(a: Matrix64, options: SvdOptions): Promise<Factors> {
  if (a.rows > 2 * a.cols) {
    const { q, r } = qr(a)
    const { u, s, v } = await small(r, options)
    return { u: await matmul(q, u, options), s, v }
  }
  const found = new SingularValueDecomposition(MlMatrix.from1DArray(a.rows, a.cols, a.data))
  const u = found.leftSingularVectors
  const v = found.rightSingularVectors
  return {
    u: { rows: a.rows, cols: a.cols, data: Float64Array.from(u.to1DArray()) },
    s: Float64Array.from(found.diagonal),
    v: { rows: a.cols, cols: a.cols, data: Float64Array.from(v.to1DArray()) },
  }
}

/**
 * Make the columns of `image` orthogonal, and turn those of `right` along.
 *
 * @param share columns shorter than this share of the longest are noise: they are replaced in u
 */
async function rotated(image: Matrix64, right: Matrix64, share: number, options: SvdOptions): Promise<Factors> {
  const w = transpose(image)
  const v = transpose(right)
  const { rows: n, cols: m } = w
  const norms = (): Float64Array =>
    Float64Array.from({ length: n }, (_, i) => Math.sqrt(dot(w.data, i * m, w.data, i * m, m)))
  const floor = share * largestOf(norms())
  await orthogonalizeRows(w, v, floor, options)
  const lengths = norms()
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => lengths[j] - lengths[i] || i - j)
  const u = zeros(n, m)
  const turned = zeros(n, v.cols)
  const s = new Float64Array(n)
  const random = new Random(0)
  for (const [to, from] of order.entries()) {
    s[to] = lengths[from]
    turned.data.set(v.data.subarray(from * v.cols, (from + 1) * v.cols), to * v.cols)
    if (s[to] > floor) for (let i = 0; i < m; i++) u.data[to * m + i] = w.data[from * m + i] / s[to]
    else completeRow(u, to, random)
  }
  return { u: transpose(u), s, v: transpose(turned) }
}

/** Fill a row with a unit vector orthogonal to the rows above it. */
function completeRow(u: Matrix64, row: number, random: Random): void {
  const { cols: m, data } = u
  const at = row * m
  for (let i = 0; i < m; i++) data[at + i] = random.normal()
  for (let pass = 0; pass < 3; pass++) {
    for (let above = 0; above < row; above++) {
      const along = dot(data, above * m, data, at, m)
      for (let i = 0; i < m; i++) data[at + i] -= along * data[above * m + i]
    }
    const length = Math.sqrt(dot(data, at, data, at, m))
    for (let i = 0; i < m; i++) data[at + i] /= length
  }
}

/** The k largest. */
async function randomized(a: Matrix64, k: number, options: SvdOptions): Promise<Factors> {
  const q = await findRange(a, k, options)
  const b = await matmul(q, a, { ...options, ta: true, tb: false })
  const { values, vectors } = await eigh(await gram(transpose(b), options), withoutCount(options))
  const floor = GRAM_RATIO * Math.sqrt(Math.max(0, values[0] ?? 0))
  if (k > 0 && !(Math.sqrt(Math.max(0, values[k - 1])) > floor)) {
    // Squares have lost the small ones: take the small matrix itself, which has more columns than rows.
    const { u, s, v } = await full(transpose(b), options)
    return { u: await matmul(q, columnsOf(v, 0, k), options), s, v: u }
  }
  const s = Float64Array.from(values.subarray(0, k), (value) => Math.sqrt(value))
  const left = columnsOf(vectors, 0, k)
  const v = await matmul(b, left, { ...options, ta: true, tb: false })
  return {
    u: await matmul(q, left, options),
    s,
    v: scaleColumns(
      v,
      s.map((value) => 1 / value),
    ),
  }
}

function withoutCount(options: SvdOptions): Run & WithProduct {
  const { signal, onProgress, product } = options
  return { ...(signal && { signal }), ...(onProgress && { onProgress }), ...(product && { product }) }
}
