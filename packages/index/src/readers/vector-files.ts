/** Vectors of files of arrays, row by row: NumPy's .npy and safetensors. */
import {
  type ByteSource,
  f32FromBf16,
  f32FromF16,
  PithError,
  type RandomAccess,
  throwIfAborted,
  toRandomAccess,
} from '@pith/core'
import { nameOf, type TextOptions } from '../lines.ts'
import type { IndexDocument } from '../types.ts'

/** Bytes that are read at once. */
const STEP_BYTES = 4 * 2 ** 20
const HEAD_BYTES = 64 * 1024 + 16
const MAX_DIM = 65_536

/** How a file of vectors is read. */
export interface VectorOptions extends TextOptions {
  /** Name of the tensor in a safetensors file; default the only one of two axes. */
  tensor?: string
}

/** Vectors of a file. Each row of `read` is an array of its own. */
export interface VectorFile {
  readonly n: number
  readonly dim: number
  read(): AsyncGenerator<Float32Array, void, undefined>
}

type FloatType = 'f32' | 'f64' | 'f16' | 'bf16'

const BYTES: Readonly<Record<FloatType, number>> = { f32: 4, f64: 8, f16: 2, bf16: 2 }

/**
 * Open a file of vectors, [n, dim] numbers as float32, float64, float16 or bfloat16. Only its header is read.
 *
 * @throws PithError `PITH_SHAPE` another number of axes · `PITH_DTYPE` other numbers · `PITH_CORRUPT`, `PITH_TRUNCATED` damage ·
 * `PITH_NONFINITE` from `read`: a number that is none, with its row
 */
export async function openVectors(source: ByteSource, options: VectorOptions = {}): Promise<VectorFile> {
  const access = toRandomAccess(source)
  const name = nameOf(source as { name?: string }, options)
  const head = await access.read(0, Math.min(HEAD_BYTES, access.size))
  const table =
    head[0] === 0x93 && head[1] === 0x4e ? await npyTable(access, head, name) : await tensorTable(access, name, options)
  const { n, dim, type } = table
  if (!(dim >= 1 && dim <= MAX_DIM)) {
    throw new PithError('PITH_SHAPE', `vectors of ${name} have ${dim} numbers, expected 1..${MAX_DIM}`)
  }
  if (n * dim * BYTES[type] !== table.bytes) {
    const code = table.bytes < n * dim * BYTES[type] ? 'PITH_TRUNCATED' : 'PITH_CORRUPT'
    throw new PithError(
      code,
      `${name} holds ${table.bytes} bytes of vectors, ${n} x ${dim} need ${n * dim * BYTES[type]}`,
    )
  }
  return { n, dim, read: () => readRows(access, table, name, options) }
}

interface Table {
  readonly n: number
  readonly dim: number
  readonly type: FloatType
  readonly bigEndian: boolean
  /** Where the numbers start, and how many bytes there are. */
  readonly offset: number
  readonly bytes: number
}

async function npyTable(access: RandomAccess, head: Uint8Array, name: string): Promise<Table> {
  const { parseNpyHeader } = await import('@pith/engine/io')
  const { dtype, shape, fortranOrder, bigEndian, dataOffset } = parseNpyHeader(head)
  if (fortranOrder && shape.length > 1) {
    throw new PithError('PITH_UNSUPPORTED', `${name} holds its columns behind each other, not its rows`, {
      hint: 'Save it as numpy.ascontiguousarray(x).',
    })
  }
  return {
    ...matrixOf(shape, name),
    type: floatType(dtype, name),
    bigEndian,
    offset: dataOffset,
    bytes: access.size - dataOffset,
  }
}

async function tensorTable(access: RandomAccess, name: string, { tensor }: VectorOptions): Promise<Table> {
  const { dtypeOfSafetensors, openSafetensors } = await import('@pith/engine/io')
  const { entries } = await openSafetensors(access)
  const fitting = [...entries.values()].filter((entry) => entry.shape.length === 2)
  const entry = tensor === undefined ? fitting[0] : entries.get(tensor)
  if (entry === undefined || (tensor === undefined && fitting.length > 1)) {
    throw new PithError('PITH_ARG', `which tensor of ${name} holds the vectors?`, {
      hint: `Name one of ${[...entries.keys()].slice(0, 12).join(', ') || 'none, the file is empty'}.`,
    })
  }
  const { shape, offset, bytes, type } = entry
  return { ...matrixOf(shape, name), type: floatType(dtypeOfSafetensors(type), name), bigEndian: false, offset, bytes }
}

function matrixOf(shape: readonly number[], name: string): { n: number; dim: number } {
  if (shape.length === 2) return { n: shape[0] as number, dim: shape[1] as number }
  throw new PithError('PITH_SHAPE', `${name} has ${shape.length} axes, expected rows of vectors`)
}

function floatType(dtype: string, name: string): FloatType {
  if (Object.hasOwn(BYTES, dtype)) return dtype as FloatType
  throw new PithError('PITH_DTYPE', `${name} holds ${dtype}, expected float32, float64, float16 or bfloat16`, {
    hint: 'Save the vectors as float32.',
  })
}

async function* readRows(
  access: RandomAccess,
  { n, dim, type, bigEndian, offset }: Table,
  name: string,
  { signal }: VectorOptions,
): AsyncGenerator<Float32Array, void, undefined> {
  const size = dim * BYTES[type]
  const step = Math.max(1, Math.floor(STEP_BYTES / size))
  for (let from = 0; from < n; from += step) {
    throwIfAborted(signal)
    const count = Math.min(step, n - from)
    const bytes = await access.read(offset + from * size, count * size, signal === undefined ? undefined : { signal })
    if (bytes.length !== count * size) {
      throw new PithError('PITH_TRUNCATED', `${name} ends before row ${from + count} of ${n}`)
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let row = 0; row < count; row++) {
      const vector = rowAt(view, row * size, dim, type, !bigEndian)
      if (!vector.every(Number.isFinite)) {
        throw new PithError('PITH_NONFINITE', `row ${from + row + 1} of ${name} has a number that is no float32`)
      }
      yield vector
    }
  }
}

function rowAt(view: DataView, at: number, dim: number, type: FloatType, little: boolean): Float32Array {
  const row = new Float32Array(dim)
  if (type === 'f32') for (let i = 0; i < dim; i++) row[i] = view.getFloat32(at + 4 * i, little)
  else if (type === 'f64') for (let i = 0; i < dim; i++) row[i] = view.getFloat64(at + 8 * i, little)
  else {
    const halves = Uint16Array.from({ length: dim }, (_, i) => view.getUint16(at + 2 * i, little))
    if (type === 'f16') f32FromF16(halves, row)
    else f32FromBf16(halves, row)
  }
  return row
}

/**
 * Documents with the vectors of a file that has one row for each, in their order.
 *
 * @throws PithError `PITH_SHAPE` there are more documents than rows, or fewer
 */
export async function* withVectors(
  documents: AsyncIterable<IndexDocument>,
  vectors: VectorFile,
): AsyncGenerator<IndexDocument, void, undefined> {
  const rows = vectors.read()
  let count = 0
  for await (const document of documents) {
    const row = await rows.next()
    if (row.done) throw new PithError('PITH_SHAPE', `there are ${vectors.n} vectors, and more documents`)
    count++
    yield { ...document, vector: row.value }
  }
  if (count < vectors.n) throw new PithError('PITH_SHAPE', `there are ${vectors.n} vectors, and ${count} documents`)
}

/** Documents that are vectors only: their ids are the numbers of the rows, from 0. */
export async function* vectorDocuments(vectors: VectorFile): AsyncGenerator<IndexDocument, void, undefined> {
  let row = 0
  for await (const vector of vectors.read()) yield { id: String(row++), text: '', vector }
}
