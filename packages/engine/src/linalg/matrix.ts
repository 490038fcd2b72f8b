/** Dense matrices in row-major order, in single or double precision. */
import { PithError } from '@pith/core'
import { Tensor } from '../tensor.ts'

/** Real numbers of either precision. */
export type Reals = Float32Array | Float64Array

/** Plain data: element (i, j) is `data[i * cols + j]`. Functions never change the matrices that they are given. */
export interface Matrix<D extends Reals = Reals> {
  readonly rows: number
  readonly cols: number
  readonly data: D
}

/** A matrix in double precision, which is what decompositions give. */
export type Matrix64 = Matrix<Float64Array>

/** Elements of the largest matrix that is allocated: 8 GiB in double precision. */
const MAX_ELEMENTS = 2 ** 30

/**
 * View `data` as a matrix; it is not copied.
 *
 * @throws PithError `PITH_SHAPE` another number of elements
 */
export function matrixOf<D extends Reals>(data: D, rows: number, cols: number): Matrix<D> {
  checkSize(rows, cols)
  if (data.length !== rows * cols) {
    throw new PithError('PITH_SHAPE', `${data.length} elements do not fill a matrix of ${rows}x${cols}`)
  }
  return { rows, cols, data }
}

/**
 * A matrix in double precision from its rows.
 *
 * @throws PithError `PITH_SHAPE` the rows differ in length
 */
export function matrixFromRows(rows: readonly ArrayLike<number>[]): Matrix64 {
  const cols = rows[0]?.length ?? 0
  const out = zeros(rows.length, cols)
  for (const [i, row] of rows.entries()) {
    if (row.length !== cols) throw new PithError('PITH_SHAPE', `row ${i} has ${row.length} elements, the first ${cols}`)
    out.data.set(row, i * cols)
  }
  return out
}

/** A matrix of zeros in double precision. @throws PithError `PITH_LIMIT` more than 2^30 elements */
export function zeros(rows: number, cols: number): Matrix64 {
  checkSize(rows, cols)
  return { rows, cols, data: new Float64Array(rows * cols) }
}

/** The matrix with ones on its diagonal. */
export function identity(n: number): Matrix64 {
  const out = zeros(n, n)
  for (let i = 0; i < n; i++) out.data[i * n + i] = 1
  return out
}

/** A copy in double precision. */
export function toF64(a: Matrix): Matrix64 {
  return { rows: a.rows, cols: a.cols, data: Float64Array.from(a.data) }
}

/** A copy in single precision. */
export function toF32(a: Matrix): Matrix<Float32Array> {
  return { rows: a.rows, cols: a.cols, data: Float32Array.from(a.data) }
}

/** A view of a tensor with two axes, or of one with one axis as a column. @throws PithError `PITH_SHAPE`, `PITH_DTYPE` */
export function matrixOfTensor(tensor: Tensor): Matrix {
  const { data, shape } = tensor
  if (!(data instanceof Float32Array || data instanceof Float64Array)) {
    throw new PithError('PITH_DTYPE', `a matrix holds f32 or f64, got ${tensor.dtype}`)
  }
  if (shape.length !== 1 && shape.length !== 2) {
    throw new PithError('PITH_SHAPE', `a matrix has two axes, got ${shape.length}`)
  }
  return matrixOf(data, shape[0], shape[1] ?? 1)
}

/** A tensor over the elements of a matrix; they are not copied. */
export function tensorOfMatrix(a: Matrix): Tensor {
  return new Tensor(a.data, [a.rows, a.cols])
}

/** The transpose, in the same precision. */
export function transpose<D extends Reals>(a: Matrix<D>): Matrix<D> {
  const { rows, cols } = a
  const data = sameKind(a.data, rows * cols)
  transposeInto(a.data, rows, cols, data)
  return { rows: cols, cols: rows, data }
}

/** Room for `length` elements in the precision of `data`. */
function sameKind<D extends Reals>(data: D, length: number): D {
  return (data instanceof Float32Array ? new Float32Array(length) : new Float64Array(length)) as D
}

/** Write the transpose of `rows` x `cols` elements, in tiles that stay in the cache. */
export function transposeInto(from: Reals, rows: number, cols: number, to: Reals): void {
  for (let top = 0; top < rows; top += 32) {
    const bottom = Math.min(top + 32, rows)
    for (let left = 0; left < cols; left += 32) {
      const right = Math.min(left + 32, cols)
      for (let i = top; i < bottom; i++) for (let j = left; j < right; j++) to[j * rows + i] = from[i * cols + j]
    }
  }
}

/** The columns `start` to `end` - 1, copied. */
export function columnsOf(a: Matrix64, start: number, end: number): Matrix64 {
  const out = zeros(a.rows, end - start)
  for (let i = 0; i < a.rows; i++) {
    out.data.set(a.data.subarray(i * a.cols + start, i * a.cols + end), i * out.cols)
  }
  return out
}

/** The columns times one factor each. */
export function scaleColumns(a: Matrix64, factors: ArrayLike<number>): Matrix64 {
  const data = new Float64Array(a.data.length)
  for (let i = 0, at = 0; i < a.rows; i++) for (let j = 0; j < a.cols; j++, at++) data[at] = a.data[at] * factors[j]
  return { rows: a.rows, cols: a.cols, data }
}

/** Root of the sum of squares, without overflow. */
export function frobeniusNorm(a: Matrix): number {
  const scale = largestOf(a.data)
  if (scale === 0) return 0
  let sum = 0
  for (let i = 0; i < a.data.length; i++) sum += (a.data[i] / scale) ** 2
  return scale * Math.sqrt(sum)
}

/** The largest magnitude, 0 for no elements. */
export function largestOf(data: Reals): number {
  let largest = 0
  for (let i = 0; i < data.length; i++) {
    const size = Math.abs(data[i])
    if (size > largest) largest = size
  }
  return largest
}

/**
 * A power of two that brings the largest magnitude near 1, so that squares neither overflow nor vanish; 1 where there is
 * nothing to scale.
 */
export function scaleOf(data: Reals): number {
  const largest = largestOf(data)
  if (largest === 0 || (largest > 2 ** -200 && largest < 2 ** 200)) return 1
  let scale = 1
  while (largest * scale > 2 && scale > 2 ** -1000) scale /= 2
  while (largest * scale < 0.5 && scale < 2 ** 1000) scale *= 2
  return scale
}

/** @throws PithError `PITH_SHAPE` no matrix, such as a tensor · `PITH_NONFINITE` an element is NaN or infinite */
export function checkFinite(a: Matrix, op: string): void {
  const { data } = a
  if (data.length !== a.rows * a.cols) {
    throw new PithError('PITH_SHAPE', `${op} needs a matrix: rows, cols and as many elements`, {
      hint: 'View a tensor as one with matrixOfTensor.',
    })
  }
  for (let i = 0; i < data.length; i++) {
    // NaN and the infinities are the only numbers whose difference from themselves is not 0.
    if (data[i] - data[i] !== 0) {
      const place = a.cols === 1 ? `element ${i}` : `element (${Math.floor(i / a.cols)}, ${i % a.cols})`
      throw new PithError('PITH_NONFINITE', `${op}: ${place} is ${data[i]}`)
    }
  }
}

/** @throws PithError `PITH_SHAPE` */
export function checkSquare(a: Matrix, op: string): number {
  if (a.rows !== a.cols) throw new PithError('PITH_SHAPE', `${op} needs a square matrix, got ${a.rows}x${a.cols}`)
  return a.rows
}

/** @throws PithError `PITH_SHAPE` */
export function checkRows(a: Matrix, b: Matrix, op: string): void {
  if (a.rows !== b.rows) throw new PithError('PITH_SHAPE', `${op}: ${a.rows} rows and ${b.rows} rows do not fit`)
}

/** An integer option within its bounds. @throws PithError `PITH_ARG` */
export function checkCount(value: number, least: number, most: number, name: string): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new PithError('PITH_ARG', `${name} must be an integer in ${least}..${most}, got ${value}`)
}

function checkSize(rows: number, cols: number): void {
  if (!(Number.isInteger(rows) && Number.isInteger(cols) && rows >= 0 && cols >= 0)) {
    throw new PithError('PITH_SHAPE', `a matrix has whole numbers of rows and columns, got ${rows}x${cols}`)
  }
  if (rows * cols > MAX_ELEMENTS)
    throw new PithError('PITH_LIMIT', `a matrix of ${rows}x${cols} is beyond 2^30 elements`)
}
