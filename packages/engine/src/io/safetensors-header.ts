/** The header of a safetensors file: names, types, shapes and places, written and checked. */
import { compareText, PithError } from '@pith/core'
import type { DType } from '../dtype.ts'
import { type Shape, sizeOf } from '../shape.ts'
import { checkedShape } from './elements.ts'
import { isRecord, parseJsonBytes } from './json-text.ts'
import type { TensorEntry } from './tensor-file.ts'

/** Name of a type in safetensors files. */
export type SafetensorsType =
  | 'BOOL'
  | 'U8'
  | 'I8'
  | 'F8_E5M2'
  | 'F8_E4M3'
  | 'I16'
  | 'U16'
  | 'F16'
  | 'BF16'
  | 'I32'
  | 'U32'
  | 'F32'
  | 'F64'
  | 'I64'
  | 'U64'

/** Types with their bytes, in the order by which writers of the format sort, the widest last. */
const TYPES: readonly (readonly [SafetensorsType, number, DType])[] = [
  ['BOOL', 1, 'bool'],
  ['U8', 1, 'u8'],
  ['I8', 1, 'i8'],
  ['F8_E5M2', 1, 'f32'],
  ['F8_E4M3', 1, 'f32'],
  ['I16', 2, 'i16'],
  ['U16', 2, 'u16'],
  ['F16', 2, 'f16'],
  ['BF16', 2, 'bf16'],
  ['I32', 4, 'i32'],
  ['U32', 4, 'u32'],
  ['F32', 4, 'f32'],
  ['F64', 8, 'f64'],
  ['I64', 8, 'i64'],
  ['U64', 8, 'u64'],
]

interface TypeFacts {
  readonly rank: number
  readonly bytes: number
  /** What a tensor of it is read as. */
  readonly dtype: DType
}

const FACTS: ReadonlyMap<string, TypeFacts> = /* @__PURE__ */ new Map(
  TYPES.map(([type, bytes, dtype], rank) => [type, { rank, bytes, dtype }]),
)

const BY_DTYPE: ReadonlyMap<DType, SafetensorsType> = /* @__PURE__ */ new Map(
  TYPES.filter(([type]) => !type.startsWith('F8')).map(([type, , dtype]) => [dtype, type]),
)

/** A tensor of a safetensors file. */
export interface SafetensorsEntry extends TensorEntry {
  readonly type: SafetensorsType
  /** First byte, counted from the start of the file. */
  readonly offset: number
}

/** Name, type and shape of a tensor that is going to be written. */
export interface SafetensorsSpec {
  readonly name: string
  readonly type: SafetensorsType
  readonly shape: Shape
}

/** Longest header that is read or written, in bytes; the format sets it. */
export const MAX_HEADER_BYTES = 100_000_000

/** What a tensor of a type is read as: eight-bit floats become f32. */
export function dtypeOfSafetensors(type: SafetensorsType): DType {
  return (FACTS.get(type) as TypeFacts).dtype
}

/** The type that a tensor is written as. @throws PithError `PITH_DTYPE` strings and four-bit integers have none */
export function safetensorsType(dtype: DType): SafetensorsType {
  const type = BY_DTYPE.get(dtype)
  if (type !== undefined) return type
  throw new PithError('PITH_DTYPE', `safetensors files hold no ${dtype}`, { hint: 'Convert the tensor first.' })
}

/** Bytes of a tensor. */
export function safetensorsBytes({ type, shape }: SafetensorsSpec): number {
  return sizeOf(shape) * (FACTS.get(type) as TypeFacts).bytes
}

/**
 * Read a header.
 *
 * @param json      the header without its length
 * @param fileSize  bytes of the whole file
 * @throws PithError `PITH_CORRUPT` it contradicts itself or leaves bytes that belong to no tensor · `PITH_TRUNCATED` the
 * file ends before the last tensor · `PITH_UNSUPPORTED` a type that is not known
 */
export function parseSafetensorsHeader(
  json: Uint8Array,
  fileSize: number,
): { entries: Map<string, SafetensorsEntry>; metadata: Map<string, string> } {
  const header = parseJsonBytes(json, 'the header')
  if (!isRecord(header)) throw new PithError('PITH_CORRUPT', 'the header is no JSON object')
  const start = 8 + json.length
  const metadata = new Map<string, string>()
  const found: SafetensorsEntry[] = []
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') readMetadata(value, metadata)
    else found.push(readEntry(name, value, start))
  }
  found.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes)
  checkTiling(found, start, fileSize)
  return { entries: new Map(found.map((entry) => [entry.name, entry])), metadata }
}

function readMetadata(value: unknown, into: Map<string, string>): void {
  if (!isRecord(value)) throw new PithError('PITH_CORRUPT', '__metadata__ is no JSON object')
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') {
      throw new PithError('PITH_CORRUPT', `__metadata__ has a value that is no string at ${shown(key)}`)
    }
    into.set(key, text)
  }
}

function readEntry(name: string, value: unknown, start: number): SafetensorsEntry {
  const what = `the tensor ${shown(name)}`
  if (!isRecord(value)) throw new PithError('PITH_CORRUPT', `${what} is no JSON object`)
  const { dtype, shape, data_offsets: range } = value
  const facts = typeof dtype === 'string' ? FACTS.get(dtype) : undefined
  if (facts === undefined) throw new PithError('PITH_UNSUPPORTED', `${what} has the unknown type ${shown(dtype)}`)
  if (Object.keys(value).length !== 3 || !Array.isArray(shape) || !Array.isArray(range) || range.length !== 2) {
    throw new PithError('PITH_CORRUPT', `${what} needs dtype, shape and data_offsets [begin, end]`)
  }
  const lengths = checkedShape(shape, what)
  const [begin, end] = range as unknown[]
  const bytes = sizeOf(lengths) * facts.bytes
  if (!(Number.isSafeInteger(begin) && Number.isSafeInteger(end) && (begin as number) >= 0)) {
    throw new PithError('PITH_CORRUPT', `${what} has data_offsets that are no integers >= 0`)
  }
  if (!Number.isSafeInteger(bytes) || (end as number) - (begin as number) !== bytes) {
    throw new PithError('PITH_CORRUPT', `${what} of ${bytes} bytes stands at ${String(begin)}..${String(end)}`)
  }
  return { name, type: dtype as SafetensorsType, shape: lengths, bytes, offset: start + (begin as number) }
}

/** Tensors must follow each other without holes or overlaps up to the end of the file. */
function checkTiling(entries: readonly SafetensorsEntry[], start: number, fileSize: number): void {
  let at = start
  for (const { name, offset, bytes } of entries) {
    if (offset !== at) {
      throw new PithError('PITH_CORRUPT', `the tensor ${shown(name)} starts at ${offset}, expected ${at}`, {
        at: { offset },
      })
    }
    at += bytes
  }
  if (at > fileSize) {
    throw new PithError('PITH_TRUNCATED', `the tensors end at ${at}, the file at ${fileSize}`, {
      hint: 'Get the file again: it was cut short.',
      at: { offset: fileSize },
    })
  }
  if (at < fileSize) {
    throw new PithError('PITH_CORRUPT', `${fileSize - at} bytes behind the last tensor belong to none`, {
      at: { offset: at },
    })
  }
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 80)
}

/**
 * The header of a file with these tensors, and the tensors in the order of their data: by type from the widest to the
 * narrowest, then by name, as the reference writer sorts, so that each stands aligned.
 *
 * @throws PithError `PITH_ARG` a name stands twice or is `__metadata__` · `PITH_LIMIT` a header above 100 MB
 */
export function layOutSafetensors<Spec extends SafetensorsSpec>(
  specs: readonly Spec[],
  metadata: Readonly<Record<string, string>> = {},
): { header: Uint8Array<ArrayBuffer>; order: Spec[] } {
  const rank = ({ type }: Spec) => (FACTS.get(type) as TypeFacts).rank
  const order = [...specs].sort((a, b) => rank(b) - rank(a) || compareText(a.name, b.name))
  const parts: string[] = []
  const keys = Object.keys(metadata).sort(compareText)
  if (keys.length > 0) {
    const pairs = keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`)
    parts.push(`"__metadata__":{${pairs.join(',')}}`)
  }
  const names = new Set(['__metadata__'])
  let at = 0
  for (const spec of order) {
    if (names.has(spec.name))
      throw new PithError('PITH_ARG', `the name ${shown(spec.name)} stands twice or is reserved`)
    names.add(spec.name)
    const end = at + safetensorsBytes(spec)
    parts.push(
      `${JSON.stringify(spec.name)}:{"dtype":"${spec.type}","shape":[${spec.shape.join(',')}],"data_offsets":[${at},${end}]}`,
    )
    at = end
  }
  const text = new TextEncoder().encode(`{${parts.join(',')}}`)
  const length = Math.ceil(text.length / 8) * 8
  if (length > MAX_HEADER_BYTES) {
    throw new PithError('PITH_LIMIT', `the header may have ${MAX_HEADER_BYTES} bytes, ${length} are needed`)
  }
  const header = new Uint8Array(8 + length).fill(32)
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true)
  header.set(text, 8)
  return { header, order }
}
