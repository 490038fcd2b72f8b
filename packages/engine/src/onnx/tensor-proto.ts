/** Tensors of a file as plain arrays, and back. */
import { PithError } from '@pith/core'
import { bitsOf, type Data, type DType, dtypeOfOnnx, makeData, onnxType } from '../dtype.ts'
import { sizeOf } from '../shape.ts'
import { Tensor } from '../tensor.ts'
import { checkTensor, typedData } from './check.ts'
import type { Int64, TensorProto } from './proto.ts'

type Numbers = Exclude<Data, readonly string[]>

const LITTLE_ENDIAN: boolean = /* @__PURE__ */ new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/**
 * A tensor of a file: a view of its bytes where they stand aligned, a copy otherwise.
 *
 * @throws PithError `PITH_CORRUPT` bytes that do not fill the shape · `PITH_DTYPE` an element type that the engine lacks ·
 * `PITH_IO` elements that stand in another file
 */
export function toTensor(tensor: TensorProto): Tensor {
  checkTensor(tensor)
  const dtype = dtypeOfOnnx(tensor.dataType ?? 0)
  const name = JSON.stringify((tensor.name ?? '').slice(0, 80))
  if (dtype === undefined) {
    throw new PithError(
      'PITH_DTYPE',
      `the tensor ${name} has the element type ${tensor.dataType}, which is not supported`,
    )
  }
  if (tensor.dataLocation === 1) {
    throw new PithError('PITH_IO', `the elements of the tensor ${name} stand in another file`, {
      hint: 'Read the model with loadModel, or give its files to resolveExternal.',
    })
  }
  const shape = (tensor.dims ?? []).map(Number)
  return new Tensor(elementsOf(tensor, dtype, sizeOf(shape)), shape, dtype)
}

function elementsOf(tensor: TensorProto, dtype: DType, size: number): Data {
  if (dtype === 'string') {
    const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    try {
      return (tensor.stringData ?? []).map((bytes) => utf8.decode(bytes))
    } catch (cause) {
      throw new PithError('PITH_CORRUPT', 'a text of a tensor is not UTF-8', { cause })
    }
  }
  if (tensor.rawData !== undefined) return viewBytes(tensor.rawData, dtype, size)
  return typedElements(tensor, dtype, size)
}

/** Little-endian bytes as elements; a copy where they do not stand aligned. */
function viewBytes(bytes: Uint8Array, dtype: DType, size: number): Numbers {
  const empty = makeData(dtype, 0) as Numbers
  const width = empty.BYTES_PER_ELEMENT
  const make = empty.constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => Numbers
  const length = width === 1 ? bytes.length : size
  if (!LITTLE_ENDIAN && width > 1) return make === undefined ? empty : swapped(bytes, width, make)
  if (bytes.byteOffset % width === 0) return new make(bytes.buffer, bytes.byteOffset, length)
  return new make(bytes.slice().buffer, 0, length)
}

function swapped(
  bytes: Uint8Array,
  width: number,
  make: new (buffer: ArrayBufferLike, offset: number, length: number) => Numbers,
): Numbers {
  const copy = bytes.slice()
  for (let at = 0; at + width <= copy.length; at += width) copy.subarray(at, at + width).reverse()
  return new make(copy.buffer, 0, bytes.length / width)
}

function typedElements(tensor: TensorProto, dtype: DType, size: number): Numbers {
  const held = typedData(tensor)
  const data = makeData(dtype, size) as Numbers
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let i = 0; i < data.length; i++) data[i] = BigInt(held[i] as Int64)
  } else {
    // Bit patterns of halves and packed four-bit pairs are the low bits of the integers.
    for (let i = 0; i < data.length; i++) data[i] = Number(held[i])
  }
  return data
}

/** A tensor as a message; its bytes are a view of the data. */
export function fromTensor(tensor: Tensor, name?: string): TensorProto {
  const { data, dtype, shape } = tensor
  const proto: TensorProto = { dims: [...shape], dataType: onnxType(dtype) }
  if (name !== undefined) proto.name = name
  if (!ArrayBuffer.isView(data)) {
    const utf8 = new TextEncoder()
    proto.stringData = data.map((text) => utf8.encode(text))
    return proto
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  proto.rawData =
    LITTLE_ENDIAN || bitsOf(dtype) <= 8 ? bytes : new Uint8Array(swapped(bytes, bitsOf(dtype) / 8, Uint8Array).buffer)
  return proto
}
