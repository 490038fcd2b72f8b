/** NumPy's .npy files: one array each. */
import { type ByteSource, concatBytes, PithError, readAll } from '@pith/core'
import { bitsOf, bytesFor, type Data, type DType, makeData } from '../dtype.ts'
import { type Shape, sizeOf, stridesOf } from '../shape.ts'
import { Tensor } from '../tensor.ts'
import { bytesOfData, checkedShape, dataOfBytes, swapWords } from './elements.ts'
import type { ReadOptions } from './tensor-file.ts'

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] as const

/** Longest header that is read, in bytes; NumPy writes 118 or less for plain arrays. */
const MAX_HEADER_BYTES = 64 * 1024

const DTYPES: Readonly<Record<string, DType>> = {
  f2: 'f16',
  f4: 'f32',
  f8: 'f64',
  i1: 'i8',
  i2: 'i16',
  i4: 'i32',
  i8: 'i64',
  u1: 'u8',
  u2: 'u16',
  u4: 'u32',
  u8: 'u64',
  b1: 'bool',
}

/** What the header of a .npy file says. */
export interface NpyHeader {
  /** NumPy's name of the type, such as `<f4`. */
  readonly descr: string
  readonly dtype: DType
  readonly bigEndian: boolean
  /** Whether the first axis runs fastest in the file. */
  readonly fortranOrder: boolean
  readonly shape: Shape
  /** Bytes before the elements. */
  readonly dataOffset: number
}

/**
 * Read the header of a .npy file.
 *
 * @param bytes  the start of the file, with the whole header
 * @throws PithError `PITH_TRUNCATED` · `PITH_CORRUPT` no such header · `PITH_VERSION` a version other than 1 to 3 ·
 * `PITH_UNSUPPORTED` a type that no tensor has: objects (never loaded, they are code), texts, records, complex numbers
 */
export function parseNpyHeader(bytes: Uint8Array): NpyHeader {
  if (bytes.length < 10) throw new PithError('PITH_TRUNCATED', `a .npy file has 10 bytes or more, got ${bytes.length}`)
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw new PithError('PITH_CORRUPT', 'this is no .npy file: its first bytes are others', { at: { offset: 0 } })
  }
  const version = bytes[6] as number
  if (version < 1 || version > 3) {
    throw new PithError('PITH_VERSION', `version 1, 2 or 3 of .npy is expected, got ${version}`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = version === 1 ? 10 : 12
  if (bytes.length < start) throw new PithError('PITH_TRUNCATED', 'the .npy file ends in its header')
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (length > MAX_HEADER_BYTES) {
    throw new PithError('PITH_LIMIT', `a .npy header may have ${MAX_HEADER_BYTES} bytes, got ${length}`)
  }
  if (start + length > bytes.length) throw new PithError('PITH_TRUNCATED', 'the .npy file ends in its header')
  const text = new TextDecoder(version === 3 ? 'utf-8' : 'latin1').decode(bytes.subarray(start, start + length))
  return { ...parseDict(text), dataOffset: start + length }
}

const ITEM = /^\s*(?:'(descr|fortran_order|shape)'|"(descr|fortran_order|shape)")\s*:\s*/
const SHAPE = /^\(\s*((?:\d{1,16}L?\s*,\s*)*(?:\d{1,16}L?)?)\s*\)/

/** The Python dictionary of a header, by the few forms in which NumPy writes one. */
function parseDict(text: string): Omit<NpyHeader, 'dataOffset'> {
  let rest = text.trim()
  if (!rest.startsWith('{') || !rest.endsWith('}')) throw badHeader('no dictionary')
  rest = rest.slice(1, -1)
  let descr: string | undefined
  let fortranOrder: boolean | undefined
  let shape: number[] | undefined
  while (rest.trim() !== '') {
    const key = ITEM.exec(rest)
    if (key === null) throw badHeader('a key other than descr, fortran_order and shape')
    rest = rest.slice(key[0].length)
    const value = readValue(key[1] ?? (key[2] as string), rest)
    if (value.key === 'descr' && descr === undefined) descr = value.text
    else if (value.key === 'fortran_order' && fortranOrder === undefined) fortranOrder = value.text === 'True'
    else if (value.key === 'shape' && shape === undefined) shape = shapeOf(value.text)
    else throw badHeader(`the key ${value.key} twice`)
    rest = rest.slice(value.length).trimStart()
    if (rest.startsWith(',')) rest = rest.slice(1)
    else if (rest !== '') throw badHeader('a comma is missing')
  }
  if (descr === undefined || fortranOrder === undefined || shape === undefined) throw badHeader('a key is missing')
  return { descr, ...dtypeOfDescr(descr), fortranOrder, shape }
}

function readValue(key: string, rest: string): { key: string; text: string; length: number } {
  const pattern =
    key === 'shape' ? SHAPE : key === 'fortran_order' ? /^(True|False)/ : /^(?:'([^'\\]{1,32})'|"([^"\\]{1,32})")/
  const match = pattern.exec(rest)
  if (match !== null) return { key, text: match[1] ?? match[2] ?? '', length: match[0].length }
  if (key === 'descr' && rest.startsWith('[')) {
    throw new PithError('PITH_UNSUPPORTED', 'arrays of records cannot be read', { hint: 'Save each field by itself.' })
  }
  throw badHeader(`no value of ${key}`)
}

function shapeOf(text: string): number[] {
  const numbers = text.split(',').map((part) => part.trim().replace('L', ''))
  if (numbers.at(-1) === '') numbers.pop()
  // (3) is a number in parentheses and no tuple.
  else if (numbers.length === 1) throw badHeader('the shape is no tuple')
  return checkedShape(numbers.map(Number), 'the array')
}

function dtypeOfDescr(descr: string): { dtype: DType; bigEndian: boolean } {
  const [, order = '', kind = ''] = /^([<>|=]?)(.*)$/.exec(descr) ?? []
  const dtype = Object.hasOwn(DTYPES, kind) ? DTYPES[kind] : undefined
  if (dtype !== undefined && order !== '=') return { dtype, bigEndian: order === '>' }
  throw new PithError('PITH_UNSUPPORTED', `arrays of type ${JSON.stringify(descr)} cannot be read`, {
    hint: kind.startsWith('O')
      ? 'Arrays of Python objects hold code and are never loaded: save arrays of numbers.'
      : 'Save it as numbers of one of the types bool, int, uint, float16, float32, float64.',
  })
}

function badHeader(why: string): PithError {
  return new PithError('PITH_CORRUPT', `the .npy header cannot be read: ${why}`, { at: { offset: 10 } })
}

/**
 * The array of a .npy file, with the last axis fastest; it owns its memory.
 *
 * @throws PithError what {@link parseNpyHeader} gives · `PITH_TRUNCATED` fewer elements than the shape has ·
 * `PITH_CORRUPT` bytes behind them
 */
export function parseNpy(bytes: Uint8Array): Tensor {
  const header = parseNpyHeader(bytes)
  const { dtype, shape, dataOffset } = header
  const size = sizeOf(shape)
  const wanted = bytesFor(dtype, size)
  const left = bytes.length - dataOffset
  if (left < wanted) {
    throw new PithError('PITH_TRUNCATED', `the array needs ${wanted} bytes, the file has ${left}`, {
      at: { offset: dataOffset },
    })
  }
  if (left > wanted) {
    throw new PithError('PITH_CORRUPT', `${left - wanted} bytes stand behind the array`, {
      at: { offset: dataOffset + wanted },
    })
  }
  let words = bytes.subarray(dataOffset)
  if (header.bigEndian && bitsOf(dtype) > 8) {
    words = words.slice()
    swapWords(words, bitsOf(dtype) >> 3)
  }
  const data = dataOfBytes(dtype, size, words)
  return new Tensor(header.fortranOrder ? toRowMajor(data, shape, dtype) : data, shape, dtype)
}

/** Elements whose first axis is fastest, with the last one fastest instead. */
function toRowMajor(data: Data, shape: Shape, dtype: DType): Data {
  if (shape.length < 2 || data.length === 0) return data
  const from = data as Float32Array
  const to = makeData(dtype, data.length) as Float32Array
  const steps = stridesOf([...shape].reverse()).reverse()
  const index = new Array<number>(shape.length).fill(0)
  let at = 0
  for (let i = 0; i < to.length; i++) {
    to[i] = from[at] as number
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += steps[axis] as number
      if (++(index[axis] as number) < (shape[axis] as number)) break
      at -= (steps[axis] as number) * (shape[axis] as number)
      index[axis] = 0
    }
  }
  return to
}

/** The array of a .npy file. @throws PithError what {@link parseNpy} gives, and what the source gives */
export async function readNpy(source: ByteSource, options: ReadOptions = {}): Promise<Tensor> {
  return parseNpy(await readAll(source, options))
}

/**
 * A .npy file of version 1, in the bytes that NumPy writes.
 *
 * @throws PithError `PITH_DTYPE` NumPy has no such type: `bf16`, `i4`, `u4`, strings
 */
export function writeNpy(tensor: Tensor): Uint8Array<ArrayBuffer> {
  const { dtype, shape, data } = tensor
  const kind = Object.keys(DTYPES).find((name) => DTYPES[name] === dtype)
  if (kind === undefined) {
    throw new PithError('PITH_DTYPE', `.npy files hold no ${dtype}`, { hint: 'Convert the tensor to f32 first.' })
  }
  const descr = `${bitsOf(dtype) === 8 ? '|' : '<'}${kind}`
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`
  // NumPy leaves room for the first axis to grow to 21 digits, then fills up to a multiple of 64 with one byte or more.
  const text = dict + ' '.repeat(shape.length > 0 ? 21 - String(shape[0]).length : 0)
  const length = (Math.floor((10 + text.length + 1) / 64) + 1) * 64 - 10
  const header = new TextEncoder().encode(`${text.padEnd(length - 1)}\n`)
  const start = Uint8Array.of(...MAGIC, 1, 0, length & 255, length >> 8)
  return concatBytes([start, header, bytesOfData(dtype, data)])
}
