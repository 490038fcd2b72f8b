/** Eigenvalues and eigenvectors of symmetric matrices. */
import { PithError } from '@pith/core'
import { EigenvalueDecomposition, Matrix as MlMatrix } from 'ml-matrix'
import { beginEigh, EIGH } from './long-eigh.ts'
import { fingerprintOf, type LongOptions, restoreWork, runLong } from './long-work.ts'
import {
  checkCount,
  checkFinite,
  checkSquare,
  columnsOf,
  type Matrix,
  type Matrix64,
  scaleOf,
  zeros,
} from './matrix.ts'
import { matmul, type WithProduct } from './product.ts'
import { findRange, type RangeOptions } from './range.ts'

/** Options of {@link eigh}. */
export interface EighOptions extends LongOptions, WithProduct, RangeOptions {
  /** How many eigenvalues to give; default all. */
  k?: number
  /** `randomized` takes those of largest magnitude from a random subspace, in O(n^2 k). Default `full`. */
  method?: 'full' | 'randomized'
}

/** What {@link eigh} gives. */
export interface Eigh {
  /** f64[k], falling; the k largest (`randomized`: the k of largest magnitude). */
  readonly values: Float64Array
  /** f64[n, k], an eigenvector in each column. */
  readonly vectors: Matrix64
}

/** Up to here the library's routine does. */
const SMALL = 256

/**
 * Eigenvalues and orthonormal eigenvectors of a symmetric matrix, of which only the lower triangle is read.
 * Method: Householder tridiagonalisation and implicit QL; ml-matrix up to n = 256. Above, and with all of them asked for, the
 * work can be done in a worker (`responsive`) and goes on from a state (`checkpoint`, `from`), to the same bits.
 *
 * @throws PithError `PITH_SHAPE` not square · `PITH_NONFINITE` · `PITH_ARG` k, a state of something else · `PITH_INTERNAL` a
 * worker died · the reason of the abort
 * @complexity about 9 n^3; seconds at n = 1024
 */
export async function eigh(a: Matrix, options: EighOptions = {}): Promise<Eigh> {
  const n = checkSquare(a, 'eigh')
  const k = checkCount(options.k ?? n, 0, n, 'k')
  const { method = 'full' } = options
  if (method !== 'full' && method !== 'randomized') {
    throw new PithError('PITH_ARG', `method must be full or randomized, got ${String(method)}`)
  }
  checkFinite(a, 'eigh')
  const scale = scaleOf(a.data)
  const own = mirrorLower(a, scale)
  const found = method === 'randomized' && k < n ? await fromRange(own, k, options) : await eighOf(own, options)
  const values = found.values.slice(0, k)
  if (scale !== 1) for (let i = 0; i < k; i++) values[i] /= scale
  return { values, vectors: k === n ? found.vectors : columnsOf(found.vectors, 0, k) }
}

/** All of them, of a symmetric matrix that is scaled and finite and may be overwritten. */
async function eighOf(a: Matrix64, options: LongOptions): Promise<Eigh> {
  const n = a.rows
  if (options.from !== undefined && n <= SMALL) throw new PithError('PITH_ARG', `eigh of ${n} rows has no states`)
  if (n === 0) return { values: new Float64Array(0), vectors: zeros(0, 0) }
  if (n <= SMALL) {
    const found = new EigenvalueDecomposition(MlMatrix.from1DArray(n, n, a.data), { assumeSymmetric: true })
    return sorted(found.realEigenvalues, Float64Array.from(found.eigenvectorMatrix.to1DArray()), n)
  }
  const work = beginEigh(a.data, n, fingerprintOf(a.data))
  if (options.from !== undefined) restoreWork(work, EIGH, options.from, ['matrix'])
  const { arrays } = await runLong(work, EIGH, options)
  return sorted(arrays['d'] as Float64Array, arrays['z'] as Float64Array, n)
}

/** Rayleigh-Ritz on a random subspace. */
async function fromRange(a: Matrix64, k: number, options: EighOptions): Promise<Eigh> {
  const q = await findRange(a, k, options)
  const image = await matmul(a, q, options)
  const small = await matmul(q, image, { ...options, ta: true })
  const { checkpoint: _checkpoint, from: _from, ...run } = options
  const { values, vectors } = await eighOf(mirrorLower(small, 1), run)
  const order = Array.from(values.keys()).sort((i, j) => Math.abs(values[j]) - Math.abs(values[i]) || i - j)
  const kept = order.slice(0, k).sort((i, j) => i - j)
  const chosen = zeros(vectors.rows, k)
  for (let i = 0; i < vectors.rows; i++) {
    for (const [to, from] of kept.entries()) chosen.data[i * k + to] = vectors.data[i * vectors.cols + from]
  }
  return { values: Float64Array.from(kept, (i) => values[i]), vectors: await matmul(q, chosen, options) }
}

function mirrorLower(a: Matrix, scale: number): Matrix64 {
  const n = a.rows
  const out = zeros(n, n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) out.data[i * n + j] = out.data[j * n + i] = a.data[i * n + j] * scale
  }
  return out
}

/** Falling order; equal values keep theirs. */
function sorted(values: ArrayLike<number>, vectors: Float64Array, n: number): Eigh {
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => values[j] - values[i] || i - j)
  const out = zeros(n, n)
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) out.data[i * n + j] = vectors[i * n + order[j]]
  return { values: Float64Array.from(order, (i) => values[i]), vectors: out }
}
