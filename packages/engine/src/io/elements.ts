/** Elements of tensors as bytes of files: little-endian words to typed arrays and back. */
import { PithError } from '@pith/core'
import { bitsOf, bytesFor, type Data, type DType, makeData } from '../dtype.ts'
import { type Shape, shapeText } from '../shape.ts'
import { Tensor } from '../tensor.ts'

const IS_LITTLE_ENDIAN = /* @__PURE__ */ new Uint8Array(/* @__PURE__ */ new Uint32Array([1]).buffer)[0] === 1

/** Most axes that a tensor of a file may have. */
const MAX_RANK = 64

/**
 * The shape that a file declares.
 *
 * @param what  the tensor, for the message
 * @throws PithError `PITH_CORRUPT` a length that is no integer >= 0, more than 64 axes, more than 2^53 - 1 elements
 */
export function checkedShape(lengths: readonly unknown[], what: string): number[] {
  if (lengths.length > MAX_RANK) throw new PithError('PITH_CORRUPT', `${what} has ${lengths.length} axes`)
  let size = 1
  for (const length of lengths) {
    // A zero elsewhere must not hide lengths that no array can have.
    if (!(Number.isSafeInteger(length) && (length as number) >= 0)) {
      throw new PithError('PITH_CORRUPT', `${what} has an axis of length ${String(length).slice(0, 40)}`)
    }
    size *= Math.max(1, length as number)
  }
  if (!Number.isSafeInteger(size)) {
    throw new PithError('PITH_CORRUPT', `${what} ${shapeText(lengths as number[])} has more than 2^53 - 1 elements`)
  }
  return lengths as number[]
}

/** Turn around the bytes of each word, in place. @param width bytes of a word */
export function swapWords(bytes: Uint8Array, width: number): void {
  for (let at = 0; at + width <= bytes.length; at += width) bytes.subarray(at, at + width).reverse()
}

/**
 * Elements of little-endian bytes, in memory of their own.
 *
 * @param bytes  exactly as many as `length` elements take
 * @throws PithError `PITH_SHAPE` another number of bytes · `PITH_DTYPE` strings
 */
export function dataOfBytes(dtype: DType, length: number, bytes: Uint8Array): Data {
  if (dtype === 'string') throw new PithError('PITH_DTYPE', 'strings have no bytes of a fixed width')
  if (bytes.length !== bytesFor(dtype, length)) {
    throw new PithError('PITH_SHAPE', `${length} elements of ${dtype} do not take ${bytes.length} bytes`)
  }
  const data = makeData(dtype, length) as Exclude<Data, readonly string[]>
  const own = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  own.set(bytes)
  if (!IS_LITTLE_ENDIAN) swapWords(own, bitsOf(dtype) >> 3)
  return data
}

/**
 * A tensor of little-endian bytes.
 *
 * @throws PithError `PITH_SHAPE` another number of bytes · `PITH_DTYPE` strings
 */
export function tensorOfBytes(dtype: DType, shape: Shape, bytes: Uint8Array): Tensor {
  let size = 1
  for (const length of shape) size *= length
  return new Tensor(dataOfBytes(dtype, size, bytes), shape, dtype)
}

/** Elements as little-endian bytes: a view of `data` where it can be. @throws PithError `PITH_DTYPE` strings */
export function bytesOfData(dtype: DType, data: Data): Uint8Array {
  if (!ArrayBuffer.isView(data)) throw new PithError('PITH_DTYPE', 'strings have no bytes of a fixed width')
  const view = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  if (IS_LITTLE_ENDIAN) return view
  const turned = view.slice()
  swapWords(turned, bitsOf(dtype) >> 3)
  return turned
}
