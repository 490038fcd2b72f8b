/** Keys and values of GGUF files, with the types that they are stored as. */
import { type ByteReader, type ByteWriter, PithError } from '@pith/core'

/** Types of values in the order of their numbers. */
const TYPES = ['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'f32', 'bool', 'string', 'array', 'u64', 'i64', 'f64'] as const

/** Arrays within arrays that a value may have. */
const MAX_DEPTH = 4

/** Types of values that are small numbers. */
export type GgufNumberType = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'f32' | 'f64'
/** Types of values that are 64-bit integers. */
export type GgufBigType = 'u64' | 'i64'

/** A value of the metadata; arrays of numbers are typed arrays, those of truth values bytes of 0 and 1. */
export type GgufValue =
  | { readonly type: GgufNumberType; readonly value: number }
  | { readonly type: GgufBigType; readonly value: bigint }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | GgufArray

/** An array in the metadata. */
export type GgufArray =
  | { readonly type: 'array'; readonly of: GgufNumberType | GgufBigType | 'bool'; readonly value: GgufNumbers }
  | { readonly type: 'array'; readonly of: 'string'; readonly value: readonly string[] }
  | { readonly type: 'array'; readonly of: 'array'; readonly value: readonly GgufArray[] }

/** What holds the numbers of an array in the metadata. */
export type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array

interface NumberFacts {
  readonly bytes: number
  readonly make: (length: number) => GgufNumbers
  readonly get: (view: DataView, at: number) => number | bigint
  readonly set: (view: DataView, at: number, value: never) => void
}

const NUMBERS: Readonly<Record<GgufNumberType | GgufBigType | 'bool', NumberFacts>> = {
  u8: {
    bytes: 1,
    make: (n) => new Uint8Array(n),
    get: (v, at) => v.getUint8(at),
    set: (v, at, x) => v.setUint8(at, x),
  },
  i8: { bytes: 1, make: (n) => new Int8Array(n), get: (v, at) => v.getInt8(at), set: (v, at, x) => v.setInt8(at, x) },
  bool: {
    bytes: 1,
    make: (n) => new Uint8Array(n),
    get: (v, at) => v.getUint8(at),
    set: (v, at, x) => v.setUint8(at, x),
  },
  u16: {
    bytes: 2,
    make: (n) => new Uint16Array(n),
    get: (v, at) => v.getUint16(at, true),
    set: (v, at, x) => v.setUint16(at, x, true),
  },
  i16: {
    bytes: 2,
    make: (n) => new Int16Array(n),
    get: (v, at) => v.getInt16(at, true),
    set: (v, at, x) => v.setInt16(at, x, true),
  },
  u32: {
    bytes: 4,
    make: (n) => new Uint32Array(n),
    get: (v, at) => v.getUint32(at, true),
    set: (v, at, x) => v.setUint32(at, x, true),
  },
  i32: {
    bytes: 4,
    make: (n) => new Int32Array(n),
    get: (v, at) => v.getInt32(at, true),
    set: (v, at, x) => v.setInt32(at, x, true),
  },
  f32: {
    bytes: 4,
    make: (n) => new Float32Array(n),
    get: (v, at) => v.getFloat32(at, true),
    set: (v, at, x) => v.setFloat32(at, x, true),
  },
  u64: {
    bytes: 8,
    make: (n) => new BigUint64Array(n),
    get: (v, at) => v.getBigUint64(at, true),
    set: (v, at, x) => v.setBigUint64(at, x, true),
  },
  i64: {
    bytes: 8,
    make: (n) => new BigInt64Array(n),
    get: (v, at) => v.getBigInt64(at, true),
    set: (v, at, x) => v.setBigInt64(at, x, true),
  },
  f64: {
    bytes: 8,
    make: (n) => new Float64Array(n),
    get: (v, at) => v.getFloat64(at, true),
    set: (v, at, x) => v.setFloat64(at, x, true),
  },
}

/** A text with its length in front. @throws PithError `PITH_TRUNCATED` · `PITH_CORRUPT` no UTF-8 */
export function readText(reader: ByteReader): string {
  return reader.utf8(reader.u64())
}

/** The next value. @throws PithError `PITH_TRUNCATED` · `PITH_CORRUPT` an unknown type, or arrays too deep */
export function readValue(reader: ByteReader): GgufValue {
  return readOf(reader, typeOf(reader), 0)
}

function typeOf(reader: ByteReader): (typeof TYPES)[number] {
  const offset = reader.offset
  const number = reader.u32()
  const type = TYPES[number]
  if (type !== undefined) return type
  throw new PithError('PITH_CORRUPT', `a type of value 0..12 is expected, got ${number}`, { at: { offset } })
}

function readOf(reader: ByteReader, type: (typeof TYPES)[number], depth: number): GgufValue {
  if (type === 'string') return { type, value: readText(reader) }
  if (type === 'array') return readArray(reader, depth)
  const { bytes, get } = NUMBERS[type]
  const at = reader.skip(bytes)
  const value = get(new DataView(reader.bytes.buffer, reader.bytes.byteOffset, reader.bytes.byteLength), at)
  if (type === 'u64' || type === 'i64') return { type, value: value as bigint }
  if (type !== 'bool') return { type, value: value as number }
  if ((value as number) > 1) throw new PithError('PITH_CORRUPT', `a truth value is ${value}`, { at: { offset: at } })
  return { type, value: value === 1 }
}

function readArray(reader: ByteReader, depth: number): GgufArray {
  if (depth >= MAX_DEPTH) {
    throw new PithError('PITH_CORRUPT', `arrays stand more than ${MAX_DEPTH} deep`, { at: { offset: reader.offset } })
  }
  const of = typeOf(reader)
  const length = reader.u64()
  // Each element takes at least so much: nothing is made for those that cannot be there.
  const least = of === 'string' ? 8 : of === 'array' ? 12 : NUMBERS[of].bytes
  if (length * least > reader.remaining) {
    throw new PithError(
      'PITH_TRUNCATED',
      `an array of ${length} needs ${length * least} bytes, ${reader.remaining} are left`,
      {
        at: { offset: reader.offset },
      },
    )
  }
  if (of === 'string') {
    const value: string[] = []
    for (let i = 0; i < length; i++) value.push(readText(reader))
    return { type: 'array', of, value }
  }
  if (of === 'array') {
    const value: GgufArray[] = []
    for (let i = 0; i < length; i++) value.push(readArray(reader, depth + 1))
    return { type: 'array', of, value }
  }
  const { bytes, make, get } = NUMBERS[of]
  const words = reader.take(length * bytes)
  const view = new DataView(words.buffer, words.byteOffset, words.byteLength)
  const value = make(length) as { [at: number]: number | bigint }
  for (let i = 0; i < length; i++) value[i] = get(view, i * bytes)
  return { type: 'array', of, value: value as unknown as GgufNumbers }
}

/** Write a text with its length in front. */
export function writeText(writer: ByteWriter, text: string): void {
  const bytes = new TextEncoder().encode(text)
  writer.u64(bytes.length)
  writer.bytes(bytes)
}

/** Write a value with its type in front. @throws PithError `PITH_ARG` an array that does not hold what it says */
export function writeValue(writer: ByteWriter, value: GgufValue): void {
  writer.u32(TYPES.indexOf(value.type))
  if (value.type === 'array') writeArray(writer, value, 0)
  else if (value.type === 'string') writeText(writer, value.value)
  else {
    const { bytes, set } = NUMBERS[value.type]
    const word = new Uint8Array(bytes)
    const number = value.type === 'bool' ? Number(value.value) : value.value
    if (typeof number !== (bytes === 8 && value.type !== 'f64' ? 'bigint' : 'number')) {
      throw new PithError('PITH_ARG', `a value of type ${value.type} is a ${typeof number}`)
    }
    set(new DataView(word.buffer), 0, number as never)
    writer.bytes(word)
  }
}

function writeArray(writer: ByteWriter, array: GgufArray, depth: number): void {
  if (depth >= MAX_DEPTH) throw new PithError('PITH_ARG', `arrays may stand ${MAX_DEPTH} deep`)
  writer.u32(TYPES.indexOf(array.of))
  writer.u64(array.value.length)
  if (array.of === 'string') for (const text of array.value) writeText(writer, text)
  else if (array.of === 'array') for (const inner of array.value) writeArray(writer, inner, depth + 1)
  else {
    const { bytes, set, make } = NUMBERS[array.of]
    if (array.value.constructor !== make(0).constructor) {
      throw new PithError('PITH_ARG', `an array of ${array.of} is held by ${array.value.constructor.name}`)
    }
    const words = new Uint8Array(array.value.length * bytes)
    const view = new DataView(words.buffer)
    for (let i = 0; i < array.value.length; i++) set(view, i * bytes, array.value[i] as never)
    writer.bytes(words)
  }
}
