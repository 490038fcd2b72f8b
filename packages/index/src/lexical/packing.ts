/** Postings and places as bytes. Everything that is decoded here is hostile until it is checked. */
import { PithError } from '@pith/core'
import { MAX_COUNT, MAX_PLACE, MAX_ROWS, type Places, type Postings } from './source.ts'

/** Values that are packed with one width. */
const BLOCK = 128
/** Fewer than this are written one by one. */
const LEAST_PACKED = 12
const HAS_EXCEPTIONS = 0x80
const MAX_WIDTH = 25

/** Bytes that are written front to back into memory that grows. */
export class PackWriter {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1 << 14)
  length = 0

  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }

  push(byte: number): void {
    if (this.length === this.bytes.length) this.reserve(1)
    this.bytes[this.length++] = byte
  }

  varint(value: number): void {
    let rest = value
    while (rest >= 128) {
      this.push((rest & 127) | 128)
      rest >>>= 7
    }
    this.push(rest)
  }
}

/** Append postings: runs of 128 gaps and counts bit by bit, what is left one by one. */
export function packPostings(out: PackWriter, { rows, counts }: Postings): void {
  const gaps = new Uint32Array(BLOCK)
  const more = new Uint32Array(BLOCK)
  let last = -1
  for (let from = 0; from < rows.length; from += BLOCK) {
    const n = Math.min(BLOCK, rows.length - from)
    for (let i = 0; i < n; i++) {
      const row = rows[from + i] as number
      gaps[i] = row - last - 1
      more[i] = (counts[from + i] as number) - 1
      last = row
    }
    if (n >= LEAST_PACKED) {
      packBlock(out, gaps, n)
      packBlock(out, more, n)
      continue
    }
    for (let i = 0; i < n; i++) {
      const extra = more[i] as number
      out.varint(((gaps[i] as number) << 1) | (extra > 0 ? 1 : 0))
      if (extra > 0) out.varint(extra - 1)
    }
  }
}

/** Width, values of that width, and the upper parts of those that need more. */
function packBlock(out: PackWriter, values: Uint32Array, n: number): void {
  const byBits = new Uint32Array(MAX_WIDTH + 1)
  let most = 0
  for (let i = 0; i < n; i++) {
    const bits = 32 - Math.clz32(values[i] as number)
    byBits[bits]++
    if (bits > most) most = bits
  }
  let width = most
  let least = (n * most + 7) >> 3
  let exceptions = 0
  for (let w = most - 1, above = 0; w >= 0; w--) {
    above += byBits[w + 1] as number
    let bytes = ((n * w + 7) >> 3) + 1
    for (let bits = w + 1; bits <= most; bits++) bytes += (byBits[bits] as number) * (1 + Math.ceil((bits - w) / 7))
    if (bytes >= least) continue
    least = bytes
    width = w
    exceptions = above
  }
  out.push(width | (exceptions > 0 ? HAS_EXCEPTIONS : 0))
  out.reserve(((n * width + 7) >> 3) + 4)
  const bytes = out.bytes
  let at = out.length
  let held = 0
  let bits = 0
  const mask = (1 << width) - 1
  for (let i = 0; i < n; i++) {
    held |= ((values[i] as number) & mask) << bits
    bits += width
    while (bits >= 8) {
      bytes[at++] = held
      held >>>= 8
      bits -= 8
    }
  }
  if (bits > 0) bytes[at++] = held
  out.length = at
  if (exceptions === 0) return
  out.push(exceptions)
  for (let i = 0; i < n; i++) {
    const high = (values[i] as number) >>> width
    if (high === 0) continue
    out.push(i)
    out.varint(high)
  }
}

/**
 * Postings of a term.
 *
 * @throws PithError `PITH_CORRUPT` rows that do not ascend below `limit`, counts out of range, bytes left or missing
 */
export function unpackPostings(bytes: Uint8Array, documents: number, limit: number): Postings {
  if (documents > limit || documents > 64 * (bytes.length + 2))
    throw corrupt(`${documents} documents in ${bytes.length} bytes`)
  const input = new PackReader(bytes)
  const rows = new Uint32Array(documents)
  const extras = new Uint32Array(documents)
  for (let from = 0; from < documents; from += BLOCK) {
    const n = Math.min(BLOCK, documents - from)
    if (n >= LEAST_PACKED) {
      input.block(rows, from, n)
      input.block(extras, from, n)
      continue
    }
    for (let i = from; i < from + n; i++) {
      const head = input.varint()
      rows[i] = head >>> 1
      if ((head & 1) === 1) extras[i] = input.varint() + 1
    }
  }
  input.finish()
  const counts = new Uint16Array(documents)
  let last = -1
  for (let i = 0; i < documents; i++) {
    last += (rows[i] as number) + 1
    const extra = extras[i] as number
    if (last >= limit || extra >= MAX_COUNT) throw corrupt(`row ${last} of ${limit}, ${extra + 1} times`)
    rows[i] = last
    counts[i] = extra + 1
  }
  return { rows, counts }
}

/** Append places: gaps with a bit that says which is the last of its document. */
export function packPlaces(out: PackWriter, { starts, places }: Places): void {
  for (let i = 0; i + 1 < starts.length; i++) {
    const end = starts[i + 1] as number
    let last = 0
    for (let at = starts[i] as number; at < end; at++) {
      const place = places[at] as number
      out.varint(((place - last) << 1) | (at + 1 === end ? 1 : 0))
      last = place
    }
  }
}

/** Places of a term. @throws PithError `PITH_CORRUPT` places out of range, bytes left or missing */
export function unpackPlaces(bytes: Uint8Array, documents: number): Places {
  if (documents > bytes.length) throw corrupt(`places of ${documents} documents in ${bytes.length} bytes`)
  const input = new PackReader(bytes)
  const starts = new Uint32Array(documents + 1)
  const places = new Uint32Array(bytes.length)
  let n = 0
  for (let i = 0; i < documents; i++) {
    let place = 0
    for (let head = 0; (head & 1) === 0; ) {
      head = input.varint()
      place += head >>> 1
      if (place > MAX_PLACE) throw corrupt(`place ${place}`)
      places[n++] = place
    }
    starts[i + 1] = n
  }
  input.finish()
  return { starts, places: places.subarray(0, n) }
}

class PackReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  varint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.#at >= this.#bytes.length) throw corrupt('it ends in the middle')
      const byte = this.#bytes[this.#at++] as number
      value |= (byte & 127) << shift
      if (byte < 128) {
        if (value < 0) break
        return value
      }
    }
    throw corrupt('an integer of more than 31 bits')
  }

  block(to: Uint32Array, from: number, n: number): void {
    const bytes = this.#bytes
    if (this.#at >= bytes.length) throw corrupt('it ends in the middle')
    const head = bytes[this.#at++] as number
    const width = head & ~HAS_EXCEPTIONS
    const end = this.#at + ((n * width + 7) >> 3)
    if (width > MAX_WIDTH || end > bytes.length) throw corrupt(`${n} values of ${width} bits`)
    let at = this.#at
    let held = 0
    let bits = 0
    const mask = (1 << width) - 1
    for (let i = 0; i < n; i++) {
      while (bits < width) {
        held |= (bytes[at++] as number) << bits
        bits += 8
      }
      to[from + i] = held & mask
      held >>>= width
      bits -= width
    }
    this.#at = end
    if (head !== width) this.#exceptions(to, from, n, width)
  }

  #exceptions(to: Uint32Array, from: number, n: number, width: number): void {
    if (this.#at >= this.#bytes.length) throw corrupt('it ends in the middle')
    for (let left = this.#bytes[this.#at++] as number; left > 0; left--) {
      const i = this.#at < this.#bytes.length ? (this.#bytes[this.#at++] as number) : n
      const high = this.varint()
      if (i >= n || high >= MAX_ROWS >>> width) throw corrupt(`value ${i} of ${n}`)
      to[from + i] |= high << width
    }
  }

  finish(): void {
    if (this.#at !== this.#bytes.length) throw corrupt(`${this.#bytes.length - this.#at} bytes are left over`)
  }
}

function corrupt(what: string): PithError {
  return new PithError('PITH_CORRUPT', `the postings of a term are damaged: ${what}`, {
    hint: 'Build the index again, or restore it from a copy.',
  })
}
