/**
 * Writes ONNX files in two passes: the sizes of all messages, then their bytes. Fields stand in the order of their numbers,
 * as protobuf's own writers have them, so that a file of theirs comes back byte for byte.
 */
import { concatBytes, PithError } from '@pith/core'
import type { ModelProto, TensorProto } from './proto.ts'
import { type Field, type MessageType, messageType } from './schema-table.ts'

/** Most bytes of an ONNX file: a message of Protocol Buffers has no more. */
export const MAX_BYTES: number = 2 ** 31 - 1
/** Byte strings of this length or more are not copied into a chunk but are one. */
const OWN_CHUNK = 4096
const CHUNK = 1 << 16

const LITTLE_ENDIAN: boolean = /* @__PURE__ */ new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

type Fields = Readonly<Record<string, unknown>>
type Sizes = Map<object, number>

/** Write a model. @throws PithError `PITH_LIMIT` 2 GiB or more: keep the tensors in another file (`saveModel`) */
export function writeModel(model: ModelProto): Uint8Array<ArrayBuffer> {
  return concatBytes([...writeModelChunks(model)])
}

/**
 * Write a model as chunks in their order; large tensors are the arrays that the model holds and are not copied.
 *
 * @throws PithError `PITH_LIMIT` 2 GiB or more: keep the tensors in another file (`saveModel`)
 */
export function writeModelChunks(model: ModelProto): Iterable<Uint8Array> {
  return writeMessage('Model', model as Fields)
}

/** Write one tensor, as the files of test data sets hold it. @throws PithError `PITH_LIMIT` 2 GiB or more */
export function writeTensorProto(tensor: TensorProto): Uint8Array<ArrayBuffer> {
  return concatBytes(writeMessage('Tensor', tensor as Fields))
}

/** Length in bytes of a model's file. @throws PithError `PITH_LIMIT` 2 GiB or more */
export function modelBytes(model: ModelProto): number {
  return checkedSize(messageType('Model'), model as Fields, new Map())
}

function checkedSize(type: MessageType, message: Fields, sizes: Sizes): number {
  const size = sizeMessage(type, message, sizes)
  if (size <= MAX_BYTES) return size
  throw new PithError('PITH_LIMIT', `the model takes ${size} bytes, an ONNX file holds ${MAX_BYTES}`, {
    hint: "Save it with external: 'always', which keeps the tensors in a file of their own.",
  })
}

function writeMessage(name: string, message: Fields): Uint8Array[] {
  const type = messageType(name)
  const sizes: Sizes = new Map()
  checkedSize(type, message, sizes)
  const writer = new ChunkWriter()
  writeFields(type, message, sizes, writer)
  return writer.finish()
}

function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

function intSize(value: number | bigint): number {
  if (typeof value === 'number' && value >= 0) return varintSize(value)
  let size = 1
  for (let rest = BigInt.asUintN(64, BigInt(value)); rest >= 128n; rest >>= 7n) size++
  return size
}

/** Bytes of a text in UTF-8; a lone surrogate is written as U+FFFD. */
function textSize(text: string): number {
  let size = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit < 0x800) {
      size += 1
    } else if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      size += 2
      i++
    } else {
      size += 2
    }
  }
  return size
}

function scalarSize(field: Field, value: unknown): number {
  switch (field.kind) {
    case 'float':
      return 4
    case 'double':
      return 8
    case 'string':
      return framed(textSize(value as string))
    case 'bytes':
      return framed((value as Uint8Array).length)
    default:
      return intSize(value as number | bigint)
  }
}

function framed(size: number): number {
  return varintSize(size) + size
}

/** Sizes of the runs are kept by their lists: each packed list belongs to one message. */
function runSize(field: Field, list: ArrayLike<unknown>, sizes: Sizes): number {
  let size = 0
  if (field.kind === 'float') size = 4 * list.length
  else if (field.kind === 'double') size = 8 * list.length
  else for (let i = 0; i < list.length; i++) size += intSize(list[i] as number | bigint)
  sizes.set(list, size)
  return size
}

function sizeMessage(type: MessageType, message: Fields, sizes: Sizes): number {
  let size = 0
  for (const field of type.fields) {
    const value = message[field.name]
    if (value === undefined) continue
    const tag = varintSize(field.number * 8)
    if (field.isPacked) {
      size +=
        (value as ArrayLike<unknown>).length === 0
          ? 0
          : tag + framed(runSize(field, value as ArrayLike<unknown>, sizes))
      continue
    }
    const list = field.isRepeated ? (value as ArrayLike<unknown>) : [value]
    const inner = field.message === undefined ? undefined : messageType(field.message)
    for (let i = 0; i < list.length; i++) {
      size += tag
      size += inner === undefined ? scalarSize(field, list[i]) : framed(sizeMessage(inner, list[i] as Fields, sizes))
    }
  }
  for (const bytes of (message['unknown'] ?? []) as Uint8Array[]) size += bytes.length
  sizes.set(message, size)
  return size
}

function writeFields(type: MessageType, message: Fields, sizes: Sizes, writer: ChunkWriter): void {
  for (const field of type.fields) {
    const value = message[field.name]
    if (value === undefined) continue
    if (field.isPacked) {
      writeRun(field, value as ArrayLike<unknown>, sizes, writer)
      continue
    }
    const list = field.isRepeated ? (value as ArrayLike<unknown>) : [value]
    const inner = field.message === undefined ? undefined : messageType(field.message)
    for (let i = 0; i < list.length; i++) {
      writer.int(field.number * 8 + wireTypeOf(field))
      if (inner === undefined) {
        writer.scalar(field, list[i])
      } else {
        writer.int(sizes.get(list[i] as object) as number)
        writeFields(inner, list[i] as Fields, sizes, writer)
      }
    }
  }
  for (const bytes of (message['unknown'] ?? []) as Uint8Array[]) writer.bytes(bytes)
}

function writeRun(field: Field, list: ArrayLike<unknown>, sizes: Sizes, writer: ChunkWriter): void {
  if (list.length === 0) return
  writer.int(field.number * 8 + 2)
  writer.int(sizes.get(list) as number)
  const isWide = field.kind === 'float' ? list instanceof Float32Array : list instanceof Float64Array
  // As bytes, so that a NaN keeps its bits.
  if (isWide && LITTLE_ENDIAN) {
    const floats = list as unknown as Float32Array
    writer.bytes(new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength))
    return
  }
  for (let i = 0; i < list.length; i++) writer.scalar(field, list[i])
}

function wireTypeOf(field: Field): number {
  if (field.kind === 'float') return 5
  if (field.kind === 'double') return 1
  return field.kind === 'message' || field.kind === 'string' || field.kind === 'bytes' ? 2 : 0
}

/** Collects small pieces in chunks and takes large ones as they are. */
class ChunkWriter {
  readonly #chunks: Uint8Array[] = []
  readonly #utf8: TextEncoder = new TextEncoder()
  #room: Uint8Array<ArrayBuffer>
  #view: DataView
  /** The first byte of the room that is no chunk yet, and the next to be written. */
  #start: number
  #at: number

  constructor() {
    this.#room = new Uint8Array(CHUNK)
    this.#view = new DataView(this.#room.buffer)
    this.#start = 0
    this.#at = 0
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#room.length) return
    this.#cut()
    this.#room = new Uint8Array(Math.max(CHUNK, length))
    this.#view = new DataView(this.#room.buffer)
    this.#start = 0
    this.#at = 0
  }

  #cut(): void {
    if (this.#at > this.#start) this.#chunks.push(this.#room.subarray(this.#start, this.#at))
    this.#start = this.#at
  }

  int(value: number | bigint): void {
    this.#reserve(10)
    if (typeof value === 'number' && value >= 0) {
      let rest = value
      for (; rest >= 128; rest = Math.floor(rest / 128)) this.#room[this.#at++] = (rest % 128) + 128
      this.#room[this.#at++] = rest
      return
    }
    let rest = BigInt.asUintN(64, BigInt(value))
    for (; rest >= 128n; rest >>= 7n) this.#room[this.#at++] = Number(rest & 127n) + 128
    this.#room[this.#at++] = Number(rest)
  }

  bytes(bytes: Uint8Array): void {
    if (bytes.length >= OWN_CHUNK) {
      this.#cut()
      this.#chunks.push(bytes)
      return
    }
    this.#reserve(bytes.length)
    this.#room.set(bytes, this.#at)
    this.#at += bytes.length
  }

  scalar(field: Field, value: unknown): void {
    switch (field.kind) {
      case 'float':
        this.#reserve(4)
        this.#view.setFloat32(this.#at, value as number, true)
        this.#at += 4
        return
      case 'double':
        this.#reserve(8)
        this.#view.setFloat64(this.#at, value as number, true)
        this.#at += 8
        return
      case 'string': {
        const size = textSize(value as string)
        this.int(size)
        this.#reserve(size)
        this.#utf8.encodeInto(value as string, this.#room.subarray(this.#at))
        this.#at += size
        return
      }
      case 'bytes':
        this.int((value as Uint8Array).length)
        this.bytes(value as Uint8Array)
        return
      default:
        this.int(value as number | bigint)
    }
  }

  finish(): Uint8Array[] {
    this.#cut()
    return this.#chunks
  }
}
