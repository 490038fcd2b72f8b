import { type ByteReader, type ByteWriter, isPithError, PithError } from '@pith/core'
import type { FieldValue, IndexDocument } from '../types.ts'

const MAX_ID_BYTES = 512
const MAX_NAME_BYTES = 255

const HAS_TITLE = 1
const HAS_FIELDS = 2
const HAS_VECTOR = 4
const HAS_SPARSE = 8
const KNOWN = HAS_TITLE | HAS_FIELDS | HAS_VECTOR | HAS_SPARSE

/** Tags of values. */
const TEXT = 0
const NUMBER = 1
const FALSE = 2
const TRUE = 3
const LIST = 4

const encoder = /* @__PURE__ */ new TextEncoder()

/**
 * Check a document before it is taken.
 *
 * @throws PithError `PITH_ARG` an id that is empty, above 512 bytes or no Unicode, a value of another type · `PITH_NONFINITE`
 */
export function checkDocument(document: IndexDocument): void {
  checkId(document.id)
  const { id, title, text, fields, vector, sparse } = document
  if (typeof text !== 'string') throw wrong(id, 'needs a text')
  if (title !== undefined && typeof title !== 'string') throw wrong(id, 'has a title that is no text')
  for (const [name, value] of Object.entries(fields ?? {})) {
    checkFieldName(id, name)
    if (!isFieldValue(value)) throw wrong(id, `has in ${JSON.stringify(name)} neither text, number, boolean nor texts`)
    if (typeof value === 'number' && !Number.isFinite(value)) throw notFinite(id, name)
  }
  if (vector !== undefined) {
    if (!(vector instanceof Float32Array)) throw wrong(id, 'has a vector that is no Float32Array')
    for (let i = 0; i < vector.length; i++) if (!Number.isFinite(vector[i])) throw notFinite(id, `vector[${i}]`)
  }
  for (const [name, value] of Object.entries(sparse ?? {})) {
    checkFieldName(id, name)
    if (!Number.isFinite(value)) throw notFinite(id, name)
    if (!(Math.fround(value) > 0))
      throw wrong(id, `has in ${JSON.stringify(name)} the weight ${value}, above 0 is needed`)
  }
}

/** @throws PithError `PITH_ARG` empty, above 512 bytes of UTF-8, or with half a character */
export function checkId(id: string): void {
  if (typeof id !== 'string' || id === '') throw new PithError('PITH_ARG', 'a document needs an id')
  if (!id.isWellFormed()) throw new PithError('PITH_ARG', `the id ${JSON.stringify(id.slice(0, 80))} is no Unicode`)
  if (id.length * 3 > MAX_ID_BYTES && encoder.encode(id).length > MAX_ID_BYTES) {
    throw new PithError('PITH_ARG', `an id has at most ${MAX_ID_BYTES} bytes: ${JSON.stringify(id.slice(0, 80))}`)
  }
}

function checkFieldName(id: string, name: string): void {
  const bytes = encoder.encode(name).length
  if (!name.isWellFormed()) throw wrong(id, `has a name that is no Unicode`)
  if (bytes < 1 || bytes > MAX_NAME_BYTES)
    throw wrong(id, `has a name of ${bytes} bytes, 1..${MAX_NAME_BYTES} are possible`)
}

function isFieldValue(value: unknown): value is FieldValue {
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string')
  return ['string', 'number', 'boolean'].includes(typeof value)
}

function wrong(id: string, what: string): PithError {
  return new PithError('PITH_ARG', `the document ${JSON.stringify(id.slice(0, 80))} ${what}`)
}

function notFinite(id: string, name: string): PithError {
  return new PithError(
    'PITH_NONFINITE',
    `the document ${JSON.stringify(id.slice(0, 80))} has a number in ${JSON.stringify(name.slice(0, 80))} that is not finite`,
  )
}

/** Append a document without its id. */
export function writeDocument(out: ByteWriter, document: IndexDocument): void {
  const { title, text, fields, vector, sparse } = document
  const has = [title, fields, vector, sparse].map((part, i) => (part === undefined ? 0 : 1 << i))
  out.u8(has.reduce((sum, bit) => sum | bit))
  writeText(out, text)
  if (title !== undefined) writeText(out, title)
  if (fields !== undefined) writeFields(out, fields)
  if (vector !== undefined) {
    out.varint(vector.length)
    for (const value of vector) out.f32(value)
  }
  if (sparse !== undefined) {
    const entries = Object.entries(sparse)
    out.varint(entries.length)
    for (const [name, value] of entries) {
      writeText(out, name)
      out.f32(value)
    }
  }
}

/** Read what {@link writeDocument} wrote. @throws PithError `PITH_CORRUPT` · `PITH_TRUNCATED` */
export function readDocument(input: ByteReader, id: string): IndexDocument {
  const has = input.u8()
  if ((has & ~KNOWN) !== 0) throw damaged(`a document has the parts ${has}`, input.offset - 1)
  const text = readText(input)
  const title = has & HAS_TITLE ? { title: readText(input) } : {}
  const fields = has & HAS_FIELDS ? { fields: readFields(input) } : {}
  const vector = has & HAS_VECTOR ? { vector: readVector(input) } : {}
  const sparse = has & HAS_SPARSE ? { sparse: readSparse(input) } : {}
  return { id, ...title, text, ...fields, ...vector, ...sparse }
}

function writeFields(out: ByteWriter, fields: Readonly<Record<string, FieldValue>>): void {
  const entries = Object.entries(fields)
  out.varint(entries.length)
  for (const [name, value] of entries) {
    writeText(out, name)
    if (typeof value === 'string') {
      out.u8(TEXT)
      writeText(out, value)
    } else if (typeof value === 'number') {
      out.u8(NUMBER)
      out.f64(value)
    } else if (typeof value === 'boolean') {
      out.u8(value ? TRUE : FALSE)
    } else {
      out.u8(LIST)
      out.varint(value.length)
      for (const item of value) writeText(out, item)
    }
  }
}

function readFields(input: ByteReader): Record<string, FieldValue> {
  const fields: Record<string, FieldValue> = {}
  for (let left = input.varint(); left > 0; left--) setOwn(fields, readText(input), readValue(input))
  return fields
}

function readValue(input: ByteReader): FieldValue {
  const tag = input.u8()
  switch (tag) {
    case TEXT:
      return readText(input)
    case NUMBER:
      return finite(input.f64(), input)
    case FALSE:
      return false
    case TRUE:
      return true
    case LIST: {
      const items: string[] = []
      for (let left = input.varint(); left > 0; left--) items.push(readText(input))
      return items
    }
    default:
      throw damaged(`a value has the tag ${tag}`, input.offset - 1)
  }
}

function readVector(input: ByteReader): Float32Array {
  const length = input.varint()
  if (length * 4 > input.remaining) throw damaged(`a vector has ${length} numbers`, input.offset)
  return Float32Array.from({ length }, () => finite(input.f32(), input))
}

function readSparse(input: ByteReader): Record<string, number> {
  const sparse: Record<string, number> = {}
  for (let left = input.varint(); left > 0; left--) setOwn(sparse, readText(input), finite(input.f32(), input))
  return sparse
}

/** Also a name such as `__proto__` becomes a property like any other. */
function setOwn<T>(object: Record<string, T>, name: string, value: T): void {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
}

/** Length in bytes and UTF-8. */
export function writeText(out: ByteWriter, text: string): void {
  const bytes = encoder.encode(text)
  out.varint(bytes.length)
  out.bytes(bytes)
}

export function readText(input: ByteReader): string {
  return input.utf8(input.varint())
}

function finite(value: number, input: ByteReader): number {
  if (Number.isFinite(value)) return value
  throw damaged('a number is not finite', input.offset)
}

/** The text of a document as it is encoded. */
export function encodedText({ title, text }: Pick<IndexDocument, 'title' | 'text'>): string {
  return title === undefined || title === '' ? text : `${title}\n${text}`
}

/** What would be a wrong argument is damage in a file. */
export async function asStored<T>(open: () => T | Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (cause) {
    const wrong = isPithError(cause) && ['PITH_ARG', 'PITH_SHAPE', 'PITH_NONFINITE'].includes(cause.code)
    if (!wrong) throw cause
    throw new PithError('PITH_CORRUPT', `the index holds what none takes: ${cause.message}`, { cause })
  }
}

/** Of bytes that are sound by their checksum and yet make no sense. */
export function damaged(what: string, offset?: number): PithError {
  return new PithError('PITH_CORRUPT', what, {
    hint: 'Build the index again, or restore it from a copy.',
    ...(offset === undefined ? {} : { at: { offset } }),
  })
}
