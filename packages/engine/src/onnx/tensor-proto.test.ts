import { isPithError } from '@pith/core'
import { describe, expect, test } from 'vitest'
import { type Data, type DType, onnxType } from '../dtype.ts'
import { Tensor } from '../tensor.ts'
import type { TensorProto } from './proto.ts'
import { readTensorProto } from './read.ts'
import { fromTensor, toTensor } from './tensor-proto.ts'
import { writeTensorProto } from './write.ts'

/** Three elements of each type. */
const ELEMENTS: Readonly<Record<DType, Data>> = {
  f32: Float32Array.of(1.5, -0, Number.NaN),
  f64: Float64Array.of(1 / 3, -1e300, Number.NEGATIVE_INFINITY),
  f16: Uint16Array.of(0x3c00, 0x8000, 0x7e01),
  bf16: Uint16Array.of(0x3f80, 0x8000, 0x7fc1),
  i8: Int8Array.of(-128, 0, 127),
  u8: Uint8Array.of(0, 1, 255),
  i16: Int16Array.of(-32768, 0, 32767),
  u16: Uint16Array.of(0, 1, 65535),
  i32: Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1),
  u32: Uint32Array.of(0, 1, 2 ** 32 - 1),
  i64: BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 63n - 1n),
  u64: BigUint64Array.of(0n, 1n, 2n ** 64n - 1n),
  bool: Uint8Array.of(1, 0, 1),
  i4: Uint8Array.of(0x7f, 0x08),
  u4: Uint8Array.of(0xf1, 0x03),
  string: ['', 'a', 'é😀'],
}

const DTYPES = Object.keys(ELEMENTS) as DType[]

/** The fields that writers without raw bytes use. */
function typedFields(dtype: DType, data: Data): TensorProto {
  if (dtype === 'string')
    return { stringData: (data as readonly string[]).map((text) => new TextEncoder().encode(text)) }
  if (dtype === 'f32') return { floatData: data as Float32Array }
  if (dtype === 'f64') return { doubleData: data as Float64Array }
  if (dtype === 'i64') return { int64Data: [...(data as BigInt64Array)] }
  if (dtype === 'u64' || dtype === 'u32') return { uint64Data: [...(data as BigUint64Array)] }
  return { int32Data: [...(data as Int32Array)] }
}

describe.each(DTYPES)('%s', (dtype) => {
  const tensor = new Tensor(ELEMENTS[dtype], [3, 1], dtype)

  test('a tensor becomes a message and a tensor again', () => {
    const proto = readTensorProto(writeTensorProto(fromTensor(tensor, 'w')))
    expect(proto).toMatchObject({ name: 'w', dims: [3, 1], dataType: onnxType(dtype) })
    expect(toTensor(proto)).toEqual(tensor)
  })

  test('typed fields are read', () => {
    const proto = { dims: [3, 1], dataType: onnxType(dtype), ...typedFields(dtype, ELEMENTS[dtype]) }
    expect(toTensor(readTensorProto(writeTensorProto(proto)))).toEqual(tensor)
  })
})

test('aligned bytes are a view, others a copy', () => {
  const bytes = new Uint8Array(24)
  const at = (offset: number) =>
    toTensor({ dims: [2], dataType: 1, rawData: bytes.subarray(offset, offset + 8) }).data as Float32Array
  expect(at(4).buffer).toBe(bytes.buffer)
  expect(at(5).buffer).not.toBe(bytes.buffer)
})

test('types without arithmetic are refused by their number', () => {
  const float8: TensorProto = { dims: [1], dataType: 17, rawData: new Uint8Array(1) }
  expect(() => toTensor(float8)).toThrow(expect.objectContaining({ code: 'PITH_DTYPE' }))
})

test('a text that is not UTF-8 is refused', () => {
  let caught: unknown
  try {
    toTensor({ dims: [1], dataType: 8, stringData: [Uint8Array.of(0xff)] })
  } catch (error) {
    caught = error
  }
  expect(isPithError(caught, 'PITH_CORRUPT')).toBe(true)
})
