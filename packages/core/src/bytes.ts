import { PithError } from './errors.ts'

/** Largest integer that a varint or a u64 field may carry: 2^53 - 1. */
export const MAX_INTEGER: number = Number.MAX_SAFE_INTEGER

const TWO_32 = 0x100000000
const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = /* @__PURE__ */ new TextEncoder()

/**
 * Read little-endian values from a byte array, front to back, with every access checked against its end.
 *
 * @throws PithError `PITH_TRUNCATED` reading past the end · `PITH_CORRUPT` an integer above 2^53 - 1, a varint that is
 * longer than it needs to be, bytes that are not UTF-8
 */
export class ByteReader {
  readonly bytes: Uint8Array
  /** Where the next value is read, in bytes from the start of the array. */
  offset: number
  readonly end: number
  readonly #view: DataView

  constructor(bytes: Uint8Array, offset = 0, end: number = bytes.length) {
    if (!(Number.isInteger(offset) && Number.isInteger(end) && 0 <= offset && offset <= end && end <= bytes.length)) {
      throw new PithError('PITH_ARG', `a range within 0..${bytes.length} is needed, got ${offset}..${end}`)
    }
    this.bytes = bytes
    this.offset = offset
    this.end = end
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Bytes left. */
  get remaining(): number {
    return this.end - this.offset
  }

  /** Step over `length` bytes and return where they start. */
  skip(length: number): number {
    const at = this.offset
    // Written so that NaN and negative lengths fail as well.
    if (!(length >= 0 && length <= this.end - at)) throw truncated(length, this.end - at, at)
    this.offset = at + length
    return at
  }

  u8(): number {
    return this.bytes[this.skip(1)]
  }

  u16(): number {
    return this.#view.getUint16(this.skip(2), true)
  }

  u32(): number {
    return this.#view.getUint32(this.skip(4), true)
  }

  i32(): number {
    return this.#view.getInt32(this.skip(4), true)
  }

  /** An unsigned 64-bit field that holds at most 2^53 - 1. */
  u64(): number {
    const at = this.skip(8)
    const high = this.#view.getUint32(at + 4, true)
    if (high > 0x1fffff) throw tooLarge(at)
    return high * TWO_32 + this.#view.getUint32(at, true)
  }

  f32(): number {
    return this.#view.getFloat32(this.skip(4), true)
  }

  f64(): number {
    return this.#view.getFloat64(this.skip(8), true)
  }

  /** An unsigned LEB128 integer, at most 2^53 - 1, in its shortest form. */
  varint(): number {
    const bytes = this.bytes
    const start = this.offset
    const end = this.end
    let at = start
    let value = 0
    let scale = 1
    for (;;) {
      if (at >= end) throw truncated(at - start + 1, end - start, start)
      const byte = bytes[at++]
      // The eighth byte holds bits 49..52, so it must be below 16 and the last one.
      if (scale === 0x2000000000000 && byte > 15) throw tooLarge(start)
      value += (byte & 127) * scale
      if (byte < 128) {
        if (byte === 0 && at - start > 1) {
          throw new PithError('PITH_CORRUPT', `the varint at ${start} is longer than it needs to be`, {
            at: { offset: start },
          })
        }
        this.offset = at
        return value
      }
      scale *= 128
    }
  }

  /** A signed integer in zigzag form, -2^52..2^52 - 1. */
  zigzag(): number {
    const value = this.varint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** A view of the next `length` bytes; it shares the memory of the input. */
  take(length: number): Uint8Array {
    const at = this.skip(length)
    return this.bytes.subarray(at, at + length)
  }

  /** The next `length` bytes as UTF-8 text. */
  utf8(length: number): string {
    const at = this.offset
    try {
      return decoder.decode(this.take(length))
    } catch (cause) {
      if (cause instanceof PithError) throw cause
      throw new PithError('PITH_CORRUPT', `the ${length} bytes at ${at} are not UTF-8`, { at: { offset: at }, cause })
    }
  }

  /** Check that nothing is left. */
  finish(): void {
    if (this.offset !== this.end) {
      throw new PithError('PITH_CORRUPT', `${this.remaining} bytes are left over at ${this.offset}`, {
        at: { offset: this.offset },
      })
    }
  }
}

function truncated(wanted: number, left: number, at: number): PithError {
  if (!(wanted >= 0)) return new PithError('PITH_ARG', `a length >= 0 is needed, got ${wanted}`)
  return new PithError('PITH_TRUNCATED', `${wanted} bytes are needed at ${at}, ${left} are left`, {
    at: { offset: at },
  })
}

function tooLarge(at: number): PithError {
  return new PithError('PITH_CORRUPT', `the integer at ${at} is above 2^53 - 1`, { at: { offset: at } })
}

/**
 * Write little-endian values to a byte buffer that grows.
 *
 * @throws PithError `PITH_ARG` a value outside the range of its field · `PITH_LIMIT` more than `maxBytes`
 */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView<ArrayBuffer>
  #length = 0
  readonly #maxBytes: number

  constructor(capacity = 64, maxBytes: number = MAX_INTEGER) {
    this.#bytes = new Uint8Array(Math.max(16, capacity))
    this.#view = new DataView(this.#bytes.buffer)
    this.#maxBytes = maxBytes
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length
  }

  /** Make room for `length` bytes, count them as written, and return where they start. */
  reserve(length: number): number {
    const at = this.#length
    const end = at + length
    if (!(length >= 0)) throw new PithError('PITH_ARG', `a length >= 0 is needed, got ${length}`)
    if (end > this.#bytes.length) this.#grow(end)
    this.#length = end
    return at
  }

  #grow(needed: number): void {
    if (needed > this.#maxBytes) {
      throw new PithError('PITH_LIMIT', `the buffer may hold ${this.#maxBytes} bytes, ${needed} are needed`)
    }
    const grown = new Uint8Array(Math.min(this.#maxBytes, Math.max(needed, this.#bytes.length * 2)))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }

  u8(value: number): void {
    checkField(value, 0xff, 'u8')
    const at = this.reserve(1)
    this.#bytes[at] = value
  }

  u16(value: number): void {
    checkField(value, 0xffff, 'u16')
    const at = this.reserve(2)
    this.#view.setUint16(at, value, true)
  }

  u32(value: number): void {
    checkField(value, 0xffffffff, 'u32')
    const at = this.reserve(4)
    this.#view.setUint32(at, value, true)
  }

  i32(value: number): void {
    if ((value | 0) !== value) throw new PithError('PITH_ARG', `an i32 is needed, got ${value}`)
    const at = this.reserve(4)
    this.#view.setInt32(at, value, true)
  }

  u64(value: number): void {
    checkField(value, MAX_INTEGER, 'u64')
    const at = this.reserve(8)
    this.#view.setUint32(at, value % TWO_32, true)
    this.#view.setUint32(at + 4, Math.floor(value / TWO_32), true)
  }

  f32(value: number): void {
    const at = this.reserve(4)
    this.#view.setFloat32(at, value, true)
  }

  f64(value: number): void {
    const at = this.reserve(8)
    this.#view.setFloat64(at, value, true)
  }

  /** An unsigned LEB128 integer, 0..2^53 - 1, in its shortest form (1 to 8 bytes). */
  varint(value: number): void {
    checkField(value, MAX_INTEGER, 'varint')
    let rest = value
    // Bitwise operators see 32 bits only, so the upper part goes by division.
    while (rest >= 0x80000000) {
      this.#push((rest % 128) | 128)
      rest = Math.floor(rest / 128)
    }
    while (rest >= 128) {
      this.#push((rest & 127) | 128)
      rest >>>= 7
    }
    this.#push(rest)
  }

  #push(byte: number): void {
    if (this.#length === this.#bytes.length) this.#grow(this.#length + 1)
    this.#bytes[this.#length++] = byte
  }

  /** A signed integer, -2^52..2^52 - 1, in zigzag form. */
  zigzag(value: number): void {
    if (!(Number.isSafeInteger(value) && value >= -4503599627370496 && value <= 4503599627370495)) {
      throw new PithError('PITH_ARG', `an integer in -2^52..2^52-1 is needed, got ${value}`)
    }
    this.varint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  bytes(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length)
    this.#bytes.set(bytes, at)
  }

  /** UTF-8 text without a length; returns the number of bytes. */
  utf8(text: string): number {
    const bytes = encoder.encode(text)
    this.bytes(bytes)
    return bytes.length
  }

  /** Write a u32 over four bytes that stand already. */
  patchU32(at: number, value: number): void {
    checkField(value, 0xffffffff, 'u32')
    if (!(at >= 0 && at + 4 <= this.#length)) throw new PithError('PITH_ARG', `4 bytes at ${at} are not written yet`)
    this.#view.setUint32(at, value, true)
  }

  /** What was written, as a view that the next write may invalidate. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length)
  }

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length)
  }

  /** Forget what was written and keep the memory. */
  reset(): void {
    this.#length = 0
  }
}

function checkField(value: number, max: number, field: string): void {
  if (!(value >= 0 && value <= max && Math.floor(value) === value)) {
    throw new PithError('PITH_ARG', `${field} must be an integer in 0..${max}, got ${value}`)
  }
}

/** Join byte arrays into one that owns its memory. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/** Whether two byte arrays hold the same bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Lower-case hex of a byte array. */
export function toHex(bytes: Uint8Array): string {
  let hex = ''
  for (const byte of bytes) hex += (byte >> 4).toString(16) + (byte & 15).toString(16)
  return hex
}

/** Bytes of a hex string. @throws PithError `PITH_ARG` for anything else */
export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  if (hex.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hex)) {
    throw new PithError('PITH_ARG', `pairs of hex digits are needed, got ${JSON.stringify(hex.slice(0, 80))}`)
  }
  const bytes = new Uint8Array(hex.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)
  return bytes
}
