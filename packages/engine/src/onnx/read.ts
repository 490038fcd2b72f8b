/** Reads ONNX files. Byte strings and tensors are views of the input; nothing is allocated on the word of a length. */
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { type PithCode, PithError } from '@pith/core'
import { checkModel } from './check.ts'
import { type ReadLimits, resolveReadLimits } from './limits.ts'
import type { Message, ModelProto, TensorProto } from './proto.ts'
import { type Field, type MessageType, messageType } from './schema-table.ts'

/** Wire types of protobuf. */
const VARINT = 0
const BIT64 = 1
const LENGTH = 2
const BIT32 = 5

/** Longest text in bytes that is decoded letter by letter. */
const SHORT_TEXT = 32

type Fields = Record<string, unknown>

/** Options of {@link readModel}. */
export interface ReadModelOptions {
  limits?: Partial<ReadLimits>
  /** Whether names, sizes of tensors and the order of nodes are checked. Default true. */
  check?: boolean
}

/**
 * Read a model. Tensors are views of `bytes`, which must not change while the model is used.
 *
 * @throws PithError `PITH_TRUNCATED`, `PITH_CORRUPT` no ONNX file · `PITH_LIMIT` more than the limits allow · `PITH_MODEL`
 * names, sizes or an order of nodes that make no graph
 */
export function readModel(bytes: Uint8Array, { limits, check = true }: ReadModelOptions = {}): ModelProto {
  const resolved = resolveReadLimits(limits)
  const model = new MessageReader(bytes, resolved).read('Model') as ModelProto
  if (model.graph === undefined) {
    throw new PithError('PITH_MODEL', 'the file holds no graph', { hint: 'Check that it is an ONNX model.' })
  }
  if (check) checkModel(model, resolved)
  return model
}

/** Read one tensor, as the files of test data sets hold it. @throws PithError `PITH_TRUNCATED`, `PITH_CORRUPT`, `PITH_LIMIT` */
export function readTensorProto(bytes: Uint8Array, limits: Partial<ReadLimits> = {}): TensorProto {
  return new MessageReader(bytes, resolveReadLimits(limits)).read('Tensor') as TensorProto
}

class MessageReader {
  readonly #bytes: Uint8Array
  readonly #wire: BinaryReader
  readonly #limits: ReadLimits
  readonly #utf8: TextDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  #messages: number
  #nodes: number
  #values: number

  constructor(bytes: Uint8Array, limits: ReadLimits) {
    // A Buffer's `slice` is a view: make sure that views of views behave alike.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#wire = new BinaryReader(this.#bytes)
    this.#limits = limits
    this.#messages = 0
    this.#nodes = 0
    this.#values = 0
  }

  read(name: string): Message {
    const message: Fields = {}
    try {
      this.#readFields(messageType(name), message, this.#bytes.length, 1, 0)
    } catch (error) {
      if (error instanceof PithError) throw error
      // What is left are the errors of the wire format: a varint without an end, a tag that is none.
      const isShort = this.#wire.pos >= this.#bytes.length
      throw new PithError(isShort ? 'PITH_TRUNCATED' : 'PITH_CORRUPT', `no ONNX file: ${(error as Error).message}`, {
        at: { offset: Math.min(this.#wire.pos, this.#bytes.length) },
        cause: error,
      })
    }
    return message
  }

  #fail(code: PithCode, what: string, path: string, hint?: string): never {
    const at = { offset: this.#wire.pos, section: path }
    throw new PithError(code, what, hint === undefined ? { at } : { at, hint })
  }

  #spend(used: number, limit: keyof ReadLimits, path: string): void {
    if (used <= this.#limits[limit]) return
    this.#fail(
      'PITH_LIMIT',
      `the model has more than ${this.#limits[limit]} ${limit}`,
      path,
      `Raise the limit ${limit} if you trust the file.`,
    )
  }

  #readFields(type: MessageType, into: Fields, end: number, depth: number, graphs: number): void {
    this.#spend(depth, 'depth', type.name)
    this.#spend(++this.#messages, 'messages', type.name)
    if (type.name === 'Node') this.#spend(++this.#nodes, 'nodes', type.name)
    const wire = this.#wire
    while (wire.pos < end) {
      const start = wire.pos
      const [number, wireType] = wire.tag()
      const field = type.byNumber.get(number)
      if (field === undefined || !fits(field, wireType)) {
        this.#skip(wireType, end, type.name)
        const kept = (into['unknown'] ??= []) as Uint8Array[]
        this.#spend(++this.#values, 'values', type.name)
        kept.push(this.#bytes.subarray(start, wire.pos))
      } else if (field.kind === 'message') {
        this.#readMessage(type, field, into, end, depth, graphs)
      } else if (field.isRepeated) {
        this.#readRepeated(field, into, wireType, end)
      } else {
        into[field.name] = this.#readScalar(field, end)
      }
    }
    if (wire.pos !== end) this.#fail('PITH_CORRUPT', 'a field goes beyond its message', type.name)
  }

  #readMessage(type: MessageType, field: Field, into: Fields, end: number, depth: number, graphs: number): void {
    const stop = this.#length(end, field.path)
    const inner = messageType(field.message as string)
    const isGraph = inner.name === 'Graph' && type.name === 'Attribute'
    if (isGraph) this.#spend(graphs + 1, 'graphDepth', type.name)
    // A field of one message that comes twice is merged, as protobuf has it.
    const known = field.isRepeated ? undefined : into[field.name]
    const message = (known ?? {}) as Fields
    this.#readFields(inner, message, stop, depth + 1, graphs + (isGraph ? 1 : 0))
    if (field.isRepeated) ((into[field.name] ??= []) as Fields[]).push(message)
    else into[field.name] = message
  }

  #readRepeated(field: Field, into: Fields, wireType: number, end: number): void {
    const isRun = wireType === LENGTH && field.kind !== 'string' && field.kind !== 'bytes'
    const { path } = field
    if (!isRun) {
      this.#spend(++this.#values, 'values', path)
      listOf(into, field.name).push(this.#readScalar(field, end))
      return
    }
    const stop = this.#length(end, path)
    if (field.kind === 'float' || field.kind === 'double') {
      this.#readFloats(field, into, stop, path)
      return
    }
    const list = listOf(into, field.name)
    while (this.#wire.pos < stop) list.push(this.#readScalar(field, stop))
    this.#values += list.length
    this.#spend(this.#values, 'values', path)
  }

  /** A run of floats is copied at once, as it rarely stands where a typed array may. */
  #readFloats(field: Field, into: Fields, stop: number, path: string): void {
    const start = this.#wire.pos
    const width = field.kind === 'float' ? 4 : 8
    if ((stop - start) % width !== 0) this.#fail('PITH_CORRUPT', 'a run of floats ends within one', path)
    const copy = this.#bytes.slice(start, stop).buffer
    const floats = field.kind === 'float' ? new Float32Array(copy) : new Float64Array(copy)
    this.#wire.pos = stop
    if (field.isPacked && into[field.name] === undefined) {
      into[field.name] = floats
      return
    }
    this.#values += floats.length
    this.#spend(this.#values, 'values', path)
    const list = listOf(into, field.name)
    for (const value of floats) list.push(value)
  }

  #readScalar(field: Field, end: number): unknown {
    const wire = this.#wire
    const { path } = field
    switch (field.kind) {
      case 'int32': {
        const value = this.#int(false, end, path)
        return typeof value === 'number' && value < 2 ** 31 ? value : Number(BigInt.asIntN(32, BigInt(value)))
      }
      case 'int64':
        return this.#int(true, end, path)
      case 'uint64':
        return this.#int(false, end, path)
      case 'float':
      case 'double': {
        const stop = wire.pos + (field.kind === 'float' ? 4 : 8)
        if (stop > end) this.#short(stop, path)
        return field.kind === 'float' ? wire.float() : wire.double()
      }
      case 'string':
        return this.#text(end, path)
      default: {
        const stop = this.#length(end, path)
        const bytes = this.#bytes.subarray(wire.pos, stop)
        wire.pos = stop
        return bytes
      }
    }
  }

  #int(isSigned: boolean, end: number, path: string): number | bigint {
    const bytes = this.#bytes
    const wire = this.#wire
    const start = wire.pos
    // Most integers take one to three bytes; the general way makes a bigint of each.
    let value = 0
    for (let i = 0; i < 3 && start + i < end; i++) {
      const byte = bytes[start + i] as number
      value |= (byte & 0x7f) << (7 * i)
      if (byte < 0x80) {
        wire.pos = start + i + 1
        return value
      }
    }
    const wide = BigInt(isSigned ? wire.int64() : wire.uint64())
    if (wire.pos > end) this.#short(wire.pos, path)
    const narrow = Number(wide)
    return Number.isSafeInteger(narrow) ? narrow : wide
  }

  #text(end: number, path: string): string {
    const stop = this.#length(end, path)
    const short = stop - this.#wire.pos <= SHORT_TEXT ? this.#ascii(stop) : undefined
    if (short !== undefined) return short
    const bytes = this.#bytes.subarray(this.#wire.pos, stop)
    try {
      const text = this.#utf8.decode(bytes)
      this.#wire.pos = stop
      return text
    } catch {
      return this.#fail('PITH_CORRUPT', 'a text is not UTF-8', path)
    }
  }

  /** The text up to a place, where it is ASCII. Names are short, and a call of the decoder costs as much as 30 letters. */
  #ascii(stop: number): string | undefined {
    const bytes = this.#bytes
    let text = ''
    for (let at = this.#wire.pos; at < stop; at++) {
      const byte = bytes[at] as number
      if (byte >= 0x80) return undefined
      text += String.fromCharCode(byte)
    }
    this.#wire.pos = stop
    return text
  }

  /** Where the bytes end whose length stands here. */
  #length(end: number, path: string): number {
    const length = Number(this.#int(false, end, path))
    const stop = this.#wire.pos + length
    if (stop > end) this.#short(stop, path)
    return stop
  }

  #short(stop: number, path: string): never {
    if (stop > this.#bytes.length) {
      this.#fail('PITH_TRUNCATED', 'the file ends within a field', path, 'Fetch the whole file.')
    }
    this.#fail('PITH_CORRUPT', 'a field goes beyond its message', path)
  }

  #skip(wireType: number, end: number, path: string): void {
    const wire = this.#wire
    if (wireType === VARINT) this.#int(false, end, path)
    else if (wireType === BIT32) wire.pos += 4
    else if (wireType === BIT64) wire.pos += 8
    else if (wireType === LENGTH) wire.pos = this.#length(end, path)
    else
      this.#fail(
        'PITH_CORRUPT',
        `a field of the wire type ${wireType}, which ONNX does not use`,
        path,
        'Check that it is an ONNX model.',
      )
    if (wire.pos > end) this.#short(wire.pos, path)
  }
}

/** Whether a field may stand in a wire type; one that may not is kept as unknown. */
function fits(field: Field, wireType: number): boolean {
  switch (field.kind) {
    case 'message':
    case 'string':
    case 'bytes':
      return wireType === LENGTH
    case 'float':
      return wireType === BIT32 || (field.isRepeated && wireType === LENGTH)
    case 'double':
      return wireType === BIT64 || (field.isRepeated && wireType === LENGTH)
    default:
      return wireType === VARINT || (field.isRepeated && wireType === LENGTH)
  }
}

/** The list of a field; a run of floats that more follow becomes one. */
function listOf(into: Fields, name: string): unknown[] {
  const known = into[name]
  if (Array.isArray(known)) return known
  const list: unknown[] = known === undefined ? [] : Array.from(known as ArrayLike<number>)
  into[name] = list
  return list
}
