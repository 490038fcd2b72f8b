/** Principal components. */
import { PithError } from '@pith/core'
import { checkCount, checkFinite, type Matrix, type Matrix64, toF64, transpose } from './matrix.ts'
import { matmul } from './product.ts'
import { type SvdOptions, svd } from './svd.ts'

/** Principal components of rows. */
export interface Pca {
  /** f64[cols] */
  readonly mean: Float64Array
  /** f64[k, cols], orthonormal rows, the first with the largest variance. The largest element of each is positive. */
  readonly components: Matrix64
  /** f64[k], variance along each component (divided by rows - 1). */
  readonly variances: Float64Array
  /** f64[k], share of the whole variance. */
  readonly shares: Float64Array
}

/**
 * The k directions with the largest variance of rows.
 *
 * @param x [rows, cols], rows >= 2
 * @throws PithError `PITH_SHAPE` fewer than two rows · `PITH_NONFINITE` · `PITH_ARG` k
 */
export async function pca(x: Matrix, k: number, options: Omit<SvdOptions, 'k'> = {}): Promise<Pca> {
  if (x.rows < 2) throw new PithError('PITH_SHAPE', `pca needs two rows or more, got ${x.rows}`)
  checkCount(k, 0, Math.min(x.rows, x.cols), 'k')
  checkFinite(x, 'pca')
  const centred = toF64(x)
  const mean = columnMeans(centred)
  let total = 0
  for (let i = 0, at = 0; i < x.rows; i++) {
    for (let j = 0; j < x.cols; j++, at++) {
      centred.data[at] -= mean[j]
      total += centred.data[at] ** 2
    }
  }
  const { s, v } = await svd(centred, { ...options, k })
  const components = transpose(v)
  for (let i = 0; i < k; i++) makePositive(components.data.subarray(i * x.cols, (i + 1) * x.cols))
  return {
    mean,
    components,
    variances: s.map((value) => (value * value) / (x.rows - 1)),
    shares: s.map((value) => (total === 0 ? 0 : (value * value) / total)),
  }
}

/** Coordinates of rows along the components, f64[rows, k]. @throws PithError `PITH_SHAPE` */
export async function projectPca(
  x: Matrix,
  model: Pick<Pca, 'mean' | 'components'>,
  options: Pick<SvdOptions, 'product' | 'signal'> = {},
): Promise<Matrix64> {
  const centred = toF64(x)
  for (let i = 0; i < centred.data.length; i++) centred.data[i] -= model.mean[i % x.cols]
  return await matmul(centred, model.components, { ...options, tb: true })
}

function columnMeans(a: Matrix64): Float64Array {
  const mean = new Float64Array(a.cols)
  for (let i = 0, at = 0; i < a.rows; i++) for (let j = 0; j < a.cols; j++, at++) mean[j] += a.data[at]
  return mean.map((sum) => sum / a.rows)
}

/** A direction and its opposite are equally good: take the one whose largest element is positive. */
function makePositive(row: Float64Array): void {
  let largest = 0
  for (const value of row) if (Math.abs(value) > Math.abs(largest)) largest = value
  if (largest < 0) for (let j = 0; j < row.length; j++) row[j] = -row[j]
}
