/** GGUF files (versions 2 and 3): metadata and tensors, read lazily; tensors of blocks are turned into f32. */
import {
  ByteReader,
  type ByteSource,
  concatBytes,
  isPithError,
  PithError,
  type RandomAccess,
  toRandomAccess,
} from '@pith/core'
import type { DType } from '../dtype.ts'
import { Tensor } from '../tensor.ts'
import { checkedShape, tensorOfBytes } from './elements.ts'
import { dequantize, isBlockType } from './gguf-dequantize.ts'
import { type GgufValue, readText, readValue } from './gguf-metadata.ts'
import { type GgufPlainType, type GgufType, ggufBytes, ggufTypeFacts, ggufTypeOf } from './gguf-types.ts'
import { entryOf, type ReadOptions, readExactly, type TensorEntry, type TensorFile } from './tensor-file.ts'

/** `GGUF` as a little-endian word. */
export const GGUF_MAGIC = 0x46554747
/** Where the alignment of the data is not named. */
export const DEFAULT_ALIGNMENT = 32
/** Longest header that is read, in bytes: vocabularies take tens of megabytes. */
const MAX_HEADER_BYTES = 2 ** 30
const FIRST_READ = 64 * 1024
/** Axes that a tensor may have. */
const MAX_RANK = 4
const MAX_NAME_BYTES = 65535

const PLAIN: Readonly<Record<GgufPlainType, DType>> = {
  F32: 'f32',
  F16: 'f16',
  BF16: 'bf16',
  F64: 'f64',
  I8: 'i8',
  I16: 'i16',
  I32: 'i32',
  I64: 'i64',
}

/** The element type of plain tensors; undefined for blocks. */
export function dtypeOfGguf(type: GgufType): DType | undefined {
  return Object.hasOwn(PLAIN, type) ? PLAIN[type as GgufPlainType] : undefined
}

/** A tensor of a GGUF file; the shape has the fastest axis last, the file has it first. */
export interface GgufEntry extends TensorEntry {
  readonly type: GgufType
  /** First byte, counted from the start of the file. */
  readonly offset: number
}

/** An open GGUF file. */
export interface Gguf extends TensorFile<GgufEntry> {
  readonly version: number
  readonly alignment: number
  /** Values by key, in the order of the file. */
  readonly metadata: ReadonlyMap<string, GgufValue>
  /** The bytes of a tensor as they stand; they may share memory with the source. */
  bytes(name: string, options?: ReadOptions): Promise<Uint8Array>
}

/**
 * Open a GGUF file; its header is read. Tensors come as f32 where they are blocks, else in their own type.
 *
 * @throws PithError `PITH_TRUNCATED` · `PITH_CORRUPT` the header contradicts itself · `PITH_VERSION` neither 2 nor 3 ·
 * `PITH_UNSUPPORTED` big-endian, or an unknown type · `PITH_LIMIT` a header above 1 GiB
 */
export async function openGguf(source: ByteSource, options: ReadOptions = {}): Promise<Gguf> {
  const access = toRandomAccess(source)
  const header = await readHeader(access, options)
  const bytes = async (name: string, read: ReadOptions = {}): Promise<Uint8Array> => {
    const entry = entryOf(header.entries, name)
    return await readExactly(access, entry.offset, entry.bytes, read)
  }
  return {
    ...header,
    bytes,
    async tensor(name, read = {}) {
      const { type, shape } = entryOf(header.entries, name)
      const dtype = dtypeOfGguf(type)
      if (dtype !== undefined) return tensorOfBytes(dtype, shape, await bytes(name, read))
      if (!isBlockType(type)) {
        throw new PithError('PITH_UNSUPPORTED', `${name.slice(0, 80)} has blocks of ${type}, which stay bytes`, {
          hint: 'Read them with `bytes`, or use a file of one of the types Q4_0 to Q8_0 or Q2_K to Q6_K.',
        })
      }
      return new Tensor(dequantize(type, await bytes(name, read)), shape)
    },
    close: async () => access.close?.(),
  }
}

type Header = Pick<Gguf, 'version' | 'alignment' | 'metadata' | 'entries'>

/** The length of a header stands nowhere: read four times as much until it is whole. */
async function readHeader(access: RandomAccess, options: ReadOptions): Promise<Header> {
  const limit = Math.min(access.size, MAX_HEADER_BYTES)
  let held = await readExactly(access, 0, Math.min(limit, FIRST_READ), options)
  let header: Header | undefined
  while (header === undefined) {
    try {
      header = parseHeader(held)
    } catch (error) {
      if (!isPithError(error, 'PITH_TRUNCATED') || held.length >= limit) throw limitReached(error, held, access.size)
      const more = Math.min(limit, 4 * held.length) - held.length
      held = concatBytes([held, await readExactly(access, held.length, more, options)])
    }
  }
  checkPlaces([...header.entries.values()], access.size)
  return header
}

function limitReached(error: unknown, held: Uint8Array, size: number): unknown {
  if (!isPithError(error, 'PITH_TRUNCATED') || held.length >= size) return error
  return new PithError('PITH_LIMIT', `a header may have ${MAX_HEADER_BYTES} bytes`, { cause: error })
}

function parseHeader(bytes: Uint8Array): Header {
  const reader = new ByteReader(bytes)
  if (reader.u32() !== GGUF_MAGIC) {
    throw new PithError('PITH_CORRUPT', 'this is no GGUF file: its first bytes are others', { at: { offset: 0 } })
  }
  const version = reader.u32()
  if (version === 0x02000000 || version === 0x03000000) {
    throw new PithError('PITH_UNSUPPORTED', 'big-endian GGUF files cannot be read', { hint: 'Convert it first.' })
  }
  if (version !== 2 && version !== 3) throw new PithError('PITH_VERSION', `GGUF 2 or 3 is expected, got ${version}`)
  const tensorCount = counted(reader, 24, 'tensors')
  const valueCount = counted(reader, 13, 'values', 24 * tensorCount)
  const metadata = new Map<string, GgufValue>()
  for (let i = 0; i < valueCount; i++) {
    const offset = reader.offset
    const key = readName(reader)
    if (metadata.has(key))
      throw new PithError('PITH_CORRUPT', `the key ${key.slice(0, 80)} stands twice`, { at: { offset } })
    metadata.set(key, readValue(reader))
  }
  const alignment = alignmentOf(metadata)
  const infos = Array.from({ length: tensorCount }, () => readInfo(reader))
  const start = Math.ceil(reader.offset / alignment) * alignment
  const entries = new Map<string, GgufEntry>()
  for (const info of infos) {
    if (entries.has(info.name)) throw new PithError('PITH_CORRUPT', `the tensor ${info.name.slice(0, 80)} stands twice`)
    if (info.offset % alignment !== 0) {
      throw new PithError('PITH_CORRUPT', `${info.name.slice(0, 80)} at ${info.offset} is not aligned to ${alignment}`)
    }
    entries.set(info.name, { ...info, offset: start + info.offset })
  }
  return { version, alignment, metadata, entries }
}

/** A number of things that take `least` bytes each, of which so many must be left. */
function counted(reader: ByteReader, least: number, what: string, others = 0): number {
  const count = reader.u64()
  if (count * least + others > reader.remaining) {
    throw new PithError(
      'PITH_TRUNCATED',
      `${count} ${what} need more than the ${reader.remaining} bytes that are left`,
      {
        at: { offset: reader.offset - 8 },
      },
    )
  }
  return count
}

function readName(reader: ByteReader): string {
  const offset = reader.offset
  const text = readText(reader)
  if (text.length === 0 || text.length > MAX_NAME_BYTES) {
    throw new PithError('PITH_CORRUPT', `a name of 1..${MAX_NAME_BYTES} characters is expected, got ${text.length}`, {
      at: { offset },
    })
  }
  return text
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>): number {
  const value = metadata.get('general.alignment')
  if (value === undefined) return DEFAULT_ALIGNMENT
  if (value.type === 'u32' && value.value >= 8 && value.value <= 2 ** 20 && (value.value & (value.value - 1)) === 0) {
    return value.value
  }
  throw new PithError('PITH_CORRUPT', 'general.alignment must be a power of two in 8..2^20, stored as u32')
}

function readInfo(reader: ByteReader): GgufEntry {
  const at = { offset: reader.offset }
  const name = readName(reader)
  const what = `the tensor ${name.slice(0, 80)}`
  const rank = reader.u32()
  if (rank > MAX_RANK)
    throw new PithError('PITH_CORRUPT', `${what} has ${rank} axes, at most ${MAX_RANK} can be`, { at })
  const lengths: number[] = []
  for (let axis = 0; axis < rank; axis++) lengths.unshift(reader.u64())
  const shape = checkedShape(lengths, what)
  const number = reader.u32()
  const type = ggufTypeOf(number)
  if (type === undefined) throw new PithError('PITH_UNSUPPORTED', `${what} has the unknown type ${number}`, { at })
  if ((shape.at(-1) ?? 1) % ggufTypeFacts(type).blockSize !== 0) {
    throw new PithError('PITH_CORRUPT', `${what} has rows of ${shape.at(-1)}, which are no blocks of ${type}`, { at })
  }
  const bytes = ggufBytes(type, shape)
  if (!Number.isSafeInteger(bytes)) throw new PithError('PITH_CORRUPT', `${what} is too large`, { at })
  return { name, type, shape, bytes, offset: reader.u64() }
}

function checkPlaces(entries: readonly GgufEntry[], fileSize: number): void {
  let end = 0
  for (const { name, offset, bytes } of [...entries].sort((a, b) => a.offset - b.offset || a.bytes - b.bytes)) {
    if (offset < end)
      throw new PithError('PITH_CORRUPT', `${name.slice(0, 80)} overlaps another tensor`, { at: { offset } })
    end = offset + bytes
    if (end > fileSize) {
      throw new PithError('PITH_TRUNCATED', `${name.slice(0, 80)} ends at ${end}, the file at ${fileSize}`, {
        hint: 'Get the file again: it was cut short.',
        at: { offset: fileSize },
      })
    }
  }
}
