import { PithError } from '@pith/core'

const CHUNK_BITS = 20
const CHUNK = 1 << CHUNK_BITS
const MASK = CHUNK - 1
/** Bytes of the first slice of a stream, its pointer included. Most streams need no other. */
const FIRST = 12
const LARGEST = 8192
const POINTER = 4
/** Places in the state of a stream, behind where it begins. */
const [TAIL, END, SIZE] = [1, 2, 3] as const

/**
 * Many byte streams that grow side by side, in slices of a shared pool: each slice is twice as long as the one before and ends with
 * a pointer to the next.
 */
export class ByteStreams {
  readonly #chunks: Uint8Array[] = []
  #used = CHUNK
  /** Of each stream where it begins, where its last byte is followed, where its last slice ends and how long that is. */
  #state = new Uint32Array(4096)
  #count = 0

  /** Bytes that are held. */
  get memory(): number {
    return this.#chunks.length * CHUNK + this.#state.length * 4
  }

  /** A new stream; numbers count up from 0. */
  add(): number {
    const stream = this.#count++
    const own = stream * 4
    if (own === this.#state.length) this.#state = grown(this.#state, own * 2)
    const at = this.#slice(FIRST)
    this.#state[own] = at
    this.#state[own + TAIL] = at
    this.#state[own + END] = at + FIRST - POINTER
    this.#state[own + SIZE] = FIRST
    return stream
  }

  push(stream: number, byte: number): void {
    const own = stream * 4
    let at = this.#state[own + TAIL] as number
    if (at === this.#state[own + END]) at = this.#extend(own)
    ;(this.#chunks[at >>> CHUNK_BITS] as Uint8Array)[at & MASK] = byte
    this.#state[own + TAIL] = at + 1
  }

  /** An unsigned LEB128 integer below 2^32. */
  varint(stream: number, value: number): void {
    let rest = value
    while (rest >= 128) {
      this.push(stream, (rest & 127) | 128)
      rest >>>= 7
    }
    this.push(stream, rest)
  }

  /** A copy of all bytes of a stream. */
  bytes(stream: number): Uint8Array {
    const tail = this.#state[stream * 4 + TAIL] as number
    const parts: Uint8Array[] = []
    let length = 0
    let at = this.#state[stream * 4] as number
    for (let size = FIRST; ; size = Math.min(size * 2, LARGEST)) {
      const chunk = this.#chunks[at >>> CHUNK_BITS] as Uint8Array
      const from = at & MASK
      const room = size - POINTER
      const isLast = tail >= at && tail <= at + room
      const part = chunk.subarray(from, from + (isLast ? tail - at : room))
      parts.push(part)
      length += part.length
      if (isLast) break
      at = readPointer(chunk, from + room)
    }
    const joined = new Uint8Array(length)
    let to = 0
    for (const part of parts) {
      joined.set(part, to)
      to += part.length
    }
    return joined
  }

  #extend(own: number): number {
    const end = this.#state[own + END] as number
    const size = Math.min((this.#state[own + SIZE] as number) * 2, LARGEST)
    const at = this.#slice(size)
    writePointer(this.#chunks[end >>> CHUNK_BITS] as Uint8Array, end & MASK, at)
    this.#state[own + END] = at + size - POINTER
    this.#state[own + SIZE] = size
    return at
  }

  #slice(size: number): number {
    if (this.#used + size > CHUNK) {
      if (this.#chunks.length === 2 ** 32 / CHUNK - 1) {
        throw new PithError('PITH_LIMIT', 'an index that is built may hold 4 GiB of postings', {
          hint: 'Write what is built so far as a segment, and go on with a new one.',
        })
      }
      this.#chunks.push(new Uint8Array(CHUNK))
      this.#used = 0
    }
    const at = (this.#chunks.length - 1) * CHUNK + this.#used
    this.#used += size
    return at
  }
}

/** A longer copy of an array. */
export function grown(values: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const longer = new Uint32Array(length)
  longer.set(values)
  return longer
}

function readPointer(bytes: Uint8Array, at: number): number {
  const [a, b, c, d] = [bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number, bytes[at + 3] as number]
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0
}

function writePointer(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}
