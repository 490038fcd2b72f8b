/** Products of matrices: plain loops, and the seam for a faster runtime. */
import { PithError, type Run, throwIfAborted } from '@pith/core'
import { type Matrix, type Matrix64, type Reals, toF64, transposeInto } from './matrix.ts'
import type { Product, ProductOptions } from './runtime-product.ts'

/** Takes what multiplies large matrices; the default is onnxruntime, and plain loops where it can not be loaded. */
export interface WithProduct {
  product?: Product
}

/** Below this many multiplications a call of a runtime costs more than the loops. */
const SMALL = 64 ** 3

/** From here on it is worth loading one. */
const LARGE = 128 ** 3

/** Rows of the transposed second factor that stay in the cache while rows of the first pass by. */
const PANEL = 64

/**
 * op(a) op(b) by plain loops, at once. Sums are in double precision and in the same order on every machine.
 *
 * @returns a matrix in single precision where both factors are
 * @throws PithError `PITH_SHAPE` the factors do not fit
 */
export function multiply<D extends Reals>(a: Matrix<D>, b: Matrix<D>, options: ProductOptions = {}): Matrix<D> {
  const { m, n, k } = productSizes(a, b, options)
  const left = options.ta ? turned(a) : a.data instanceof Float64Array ? a.data : Float64Array.from(a.data)
  const right = options.tb ? (b.data instanceof Float64Array ? b.data : Float64Array.from(b.data)) : turned(b)
  const isSingle = a.data instanceof Float32Array && b.data instanceof Float32Array
  const data = (isSingle ? new Float32Array(m * n) : new Float64Array(m * n)) as D
  multiplyRows(left, right, m, n, k, data)
  return { rows: m, cols: n, data }
}

/**
 * op(a) op(b); products of 64^3 multiplications and more go to `product`. What onnxruntime gives differs between processors
 * in the last digits; give {@link plainProduct} where it must not.
 *
 * @returns a matrix in single precision where both factors are
 * @throws PithError `PITH_SHAPE` the factors do not fit
 */
export async function matmul<D extends Reals>(
  a: Matrix<D>,
  b: Matrix<D>,
  options: ProductOptions & WithProduct & Pick<Run, 'signal'> = {},
): Promise<Matrix<D>> {
  throwIfAborted(options.signal)
  const { ta = false, tb = false } = options
  const { m, n, k } = productSizes(a, b, options)
  const product = m * n * k < SMALL ? undefined : (options.product ?? (await defaultProduct(m * n * k)))
  if (product === undefined) return multiply(a, b, { ta, tb })
  if (a.data.constructor === b.data.constructor) return await product(a, b, { ta, tb })
  return (await product<Float64Array>(toF64(a), toF64(b), { ta, tb })) as Matrix<D>
}

async function defaultProduct(work: number): Promise<Product | undefined> {
  if (work < LARGE) return undefined
  const { sharedProduct } = await import('./runtime-product.ts')
  return await sharedProduct()
}

/** Products by plain loops: the same bits on every machine. */
export const plainProduct: Product = async (a, b, options) => multiply(a, b, options)

/** A matrix times a column. @throws PithError `PITH_SHAPE` */
export function multiplyVector(a: Matrix, x: Reals): Float64Array {
  if (x.length !== a.cols) throw new PithError('PITH_SHAPE', `${a.rows}x${a.cols} and ${x.length} elements do not fit`)
  const out = new Float64Array(a.rows)
  for (let i = 0, at = 0; i < a.rows; i++) {
    let sum = 0
    for (let j = 0; j < a.cols; j++, at++) sum += a.data[at] * x[j]
    out[i] = sum
  }
  return out
}

/** The symmetric matrix a^T a. */
export async function gram(a: Matrix64, options: WithProduct & Pick<Run, 'signal'> = {}): Promise<Matrix64> {
  const out = await matmul(a, a, { ...options, ta: true, tb: false })
  const { cols: n, data } = out
  // A runtime may round (i, j) and (j, i) differently.
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) data[j * n + i] = data[i * n + j]
  return out
}

function productSizes(a: Matrix, b: Matrix, { ta, tb }: ProductOptions): { m: number; n: number; k: number } {
  const [m, k] = ta ? [a.cols, a.rows] : [a.rows, a.cols]
  const [inner, n] = tb ? [b.cols, b.rows] : [b.rows, b.cols]
  if (inner !== k) throw new PithError('PITH_SHAPE', `a product of ${m}x${k} and ${inner}x${n} does not fit`)
  return { m, n, k }
}

function turned(a: Matrix): Float64Array {
  const out = new Float64Array(a.data.length)
  transposeInto(a.data, a.rows, a.cols, out)
  return out
}

/** c[m, n] = a[m, k] b[n, k]^T: dot products of rows, 2 by 4 at a time so that each element loaded is used often. */
function multiplyRows(a: Float64Array, b: Float64Array, m: number, n: number, k: number, c: Reals): void {
  for (let left = 0; left < n; left += PANEL) {
    const right = Math.min(left + PANEL, n)
    let i = 0
    for (; i + 2 <= m; i += 2) {
      let j = left
      for (; j + 4 <= right; j += 4) tile2x4(a, b, i, j, n, k, c)
      for (; j < right; j++) {
        c[i * n + j] = dot(a, i * k, b, j * k, k)
        c[(i + 1) * n + j] = dot(a, (i + 1) * k, b, j * k, k)
      }
    }
    if (i < m) for (let j = left; j < right; j++) c[i * n + j] = dot(a, i * k, b, j * k, k)
  }
}

function tile2x4(a: Float64Array, b: Float64Array, i: number, j: number, n: number, k: number, c: Reals): void {
  const a0 = i * k
  const a1 = a0 + k
  const b0 = j * k
  const b1 = b0 + k
  const b2 = b1 + k
  const b3 = b2 + k
  let s00 = 0
  let s01 = 0
  let s02 = 0
  let s03 = 0
  let s10 = 0
  let s11 = 0
  let s12 = 0
  let s13 = 0
  for (let p = 0; p < k; p++) {
    const x = a[a0 + p]
    const y = a[a1 + p]
    const u = b[b0 + p]
    const v = b[b1 + p]
    const w = b[b2 + p]
    const z = b[b3 + p]
    s00 += x * u
    s01 += x * v
    s02 += x * w
    s03 += x * z
    s10 += y * u
    s11 += y * v
    s12 += y * w
    s13 += y * z
  }
  const at = i * n + j
  c[at] = s00
  c[at + 1] = s01
  c[at + 2] = s02
  c[at + 3] = s03
  c[at + n] = s10
  c[at + n + 1] = s11
  c[at + n + 2] = s12
  c[at + n + 3] = s13
}

/** Sum of products of `length` elements from two places, in order. */
export function dot(a: Reals, from: number, b: Reals, start: number, length: number): number {
  let sum = 0
  for (let p = 0; p < length; p++) sum += a[from + p] * b[start + p]
  return sum
}
