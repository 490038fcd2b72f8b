/** A plain, eager array: what goes into a session and what comes out. */
import { PithError } from '@pith/core'
import { bytesFor, type Data, type DType, dtypeOfData, makeData } from './dtype.ts'
import { type Shape, shapeText, sizeOf } from './shape.ts'

/** Type and shape of a tensor. */
export interface Spec {
  readonly dtype: DType
  readonly shape: Shape
}

/** Elements in row-major order with their type and shape; the data is not copied. */
export class Tensor implements Spec {
  readonly dtype: DType
  readonly shape: Shape
  readonly data: Data

  /**
   * @param data as many elements as `shape` has; four-bit types have two in a byte
   * @param dtype needed where the array does not tell: `bool`, `f16`, `bf16`, `i4`, `u4`
   * @throws PithError `PITH_SHAPE` another number of elements, or lengths that are none
   */
  constructor(data: Data, shape: Shape = [data.length], dtype: DType = dtypeOfData(data)) {
    checkLengths(shape)
    const size = sizeOf(shape)
    const wanted = dtype === 'i4' || dtype === 'u4' ? bytesFor(dtype, size) : size
    if (data.length !== wanted) {
      throw new PithError('PITH_SHAPE', `${data.length} elements do not fill ${dtype}${shapeText(shape)}`)
    }
    this.dtype = dtype
    this.shape = shape
    this.data = data
  }

  /** @throws PithError `PITH_SHAPE` lengths that are none · `PITH_LIMIT` more than the memory holds */
  static zeros(shape: Shape, dtype: DType = 'f32'): Tensor {
    checkLengths(shape)
    try {
      return new Tensor(makeData(dtype, sizeOf(shape)), shape, dtype)
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause
      throw new PithError('PITH_LIMIT', `${specText({ dtype, shape })} is more than the memory holds`, { cause })
    }
  }

  /** A tensor of one element and no axes. */
  static scalar(value: number, dtype: 'f32' | 'f64' | 'i32' | 'i64' = 'f32'): Tensor {
    if (dtype === 'i64') return new Tensor(BigInt64Array.of(BigInt(value)), [], dtype)
    const data = makeData(dtype, 1) as Float32Array
    data[0] = value
    return new Tensor(data, [], dtype)
  }

  /** The same elements in another shape. @throws PithError `PITH_SHAPE` another number of elements */
  reshape(shape: Shape): Tensor {
    return new Tensor(this.data, shape, this.dtype)
  }
}

function checkLengths(shape: Shape): void {
  if (shape.every((length) => Number.isSafeInteger(length) && length >= 0)) return
  throw new PithError('PITH_SHAPE', `the shape ${shapeText(shape)} has lengths that are no whole numbers from 0 on`)
}

/** Parameters by flat dotted names, which are the keys of a safetensors file: `blocks.0.attn.wq`. */
export type Params = Record<string, Tensor>

/** The type and shape `f32[2, 3]`. */
export function spec(dtype: DType, shape: Shape): Spec {
  return { dtype, shape }
}

/** Single-precision values of a shape. */
export function f32(...shape: number[]): Spec {
  return spec('f32', shape)
}

/** 64-bit integers of a shape. */
export function i64(...shape: number[]): Spec {
  return spec('i64', shape)
}

/** `f32[2, 3]` as text, for messages. */
export function specText({ dtype, shape }: Spec): string {
  return `${dtype}${shapeText(shape)}`
}
