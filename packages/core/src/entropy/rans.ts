/**
 * Static rANS over bytes: 12-bit tables that travel with the data, four interleaved states, 16-bit renormalisation.
 * docs/format-entropy.md section 1.
 *
 * @module
 */
import { ByteReader, ByteWriter } from '../bytes.ts'
import { PithError } from '../errors.ts'
import { BitReader, BitWriter } from './bits.ts'
import { chooseBuckets, readBuckets, writeBuckets } from './buckets.ts'
import { countBytes, entropyOf, normalizeCounts, readFrequencies, SCALE_BITS, writeFrequencies } from './frequencies.ts'
import { checkEnd, decodeRows, encodeTable, fillSlots, LOW, MASK, outOfWords, readWords } from './rans-states.ts'

const STORED = 0
const ORDER_0 = 1
const ORDER_1 = 2

/** How bytes are modelled before they are coded. */
export interface RansOptions {
  /** 0: one table; 1: a table per bucket of previous bytes; default: whichever is smaller. */
  order?: 0 | 1
}

/** Tables of the encoder for one context: per symbol the highest state that needs no renormalisation, and so on. */
/**
 * Compress bytes by their frequencies; what does not shrink is stored with a header of 2 to 6 bytes.
 *
 * @param data u8[n], n < 2^31
 */
export function encodeRans(data: Uint8Array, options: RansOptions = {}): Uint8Array<ArrayBuffer> {
  if (data.length >= 2 ** 31) throw new PithError('PITH_ARG', `at most 2^31 - 1 bytes, got ${data.length}`)
  let best = stored(data)
  if (data.length === 0) return best
  const counts = countBytes(data)
  if (options.order !== 1) best = smaller(best, encodeOrder0(data, counts))
  if (options.order !== 0 && data.length >= 64) {
    // Order 1 costs a pass over the data, so it is tried only where its buckets promise something.
    const buckets = chooseBuckets(data)
    const gain = entropyOf(counts) - buckets.cost
    if (options.order === 1 || gain > 0) best = smaller(best, encodeOrder1(data, buckets.bucketOf, buckets.counts))
  }
  return best
}

/**
 * Decompress what {@link encodeRans} made.
 *
 * @param maxBytes most bytes that the caller expects
 * @throws PithError `PITH_LIMIT` more than `maxBytes` · `PITH_CORRUPT`, `PITH_TRUNCATED` a damaged or hostile input
 */
export function decodeRans(bytes: Uint8Array, maxBytes: number): Uint8Array<ArrayBuffer> {
  const reader = new ByteReader(bytes)
  const length = reader.varint()
  if (length > maxBytes) {
    throw new PithError('PITH_LIMIT', `${length} bytes are declared, at most ${maxBytes} are expected`)
  }
  const mode = reader.u8()
  if (mode === STORED) {
    const data = reader.take(length).slice()
    reader.finish()
    return data
  }
  if (length === 0 || (mode !== ORDER_0 && mode !== ORDER_1)) {
    throw new PithError('PITH_CORRUPT', `mode ${mode} for ${length} bytes is not one of rANS`)
  }
  const bits = new BitReader(bytes, reader.offset)
  const bucketOf = mode === ORDER_1 ? readBuckets(bits) : undefined
  const tables = bucketOf === undefined ? 1 : bucketOf.reduce((a, b) => Math.max(a, b), 0) + 1
  const slots = new Int32Array(tables << SCALE_BITS)
  for (let t = 0; t < tables; t++) fillSlots(readFrequencies(bits), slots, t << SCALE_BITS)
  reader.offset = bits.align()
  const states = Int32Array.from({ length: 4 }, () => reader.u32())
  if (states.some((state) => state < LOW)) throw new PithError('PITH_CORRUPT', 'a state of rANS is out of range')
  const words = readWords(reader)
  const data = new Uint8Array(length)
  if (bucketOf === undefined) decodeRows(data, length, Uint8Array.of(0), slots, states, words)
  else decodeOrder1(data, slots, bucketOf, states, words)
  return data
}

function smaller(a: Uint8Array<ArrayBuffer>, b: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return b.length < a.length ? b : a
}

function stored(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(data.length + 8)
  writer.varint(data.length)
  writer.u8(STORED)
  writer.bytes(data)
  return writer.finish()
}

function assemble(
  length: number,
  mode: number,
  header: Uint8Array,
  states: Int32Array,
  words: Uint16Array,
  from: number,
): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(header.length + 2 * (words.length - from) + 32)
  writer.varint(length)
  writer.u8(mode)
  writer.bytes(header)
  for (const state of states) writer.u32(state)
  const at = writer.reserve(2 * (words.length - from))
  const out = writer.view()
  for (let i = from, p = at; i < words.length; i++, p += 2) {
    out[p] = words[i] & 255
    out[p + 1] = words[i] >> 8
  }
  return writer.finish()
}

function encodeOrder0(data: Uint8Array, counts: Uint32Array): Uint8Array<ArrayBuffer> {
  const frequencies = normalizeCounts(counts)
  const header = new BitWriter()
  writeFrequencies(frequencies, header)
  const { highest, inverse, frequency, start } = encodeTable(frequencies)
  const words = new Uint16Array(data.length + 8)
  let w = words.length
  const states = new Int32Array(4).fill(LOW)
  let i = data.length
  for (; i % 4 !== 0; ) {
    const s = data[--i]
    let x = states[i & 3]
    if (x > highest[s]) {
      words[--w] = x
      x >>= 16
    }
    const q = ((x + 0.5) * inverse[s]) | 0
    states[i & 3] = (q << SCALE_BITS) + (x - Math.imul(q, frequency[s])) + start[s]
  }
  let [x0, x1, x2, x3] = states
  // (x + 0.5) * (1 / f) rounds towards the true quotient: its error is below 2^-21, its distance from an integer
  // at least 2^-13. A division of integers takes twice as long.
  while (i > 0) {
    i -= 4
    const s3 = data[i + 3]
    const s2 = data[i + 2]
    const s1 = data[i + 1]
    const s0 = data[i]
    if (x3 > highest[s3]) {
      words[--w] = x3
      x3 >>= 16
    }
    if (x2 > highest[s2]) {
      words[--w] = x2
      x2 >>= 16
    }
    if (x1 > highest[s1]) {
      words[--w] = x1
      x1 >>= 16
    }
    if (x0 > highest[s0]) {
      words[--w] = x0
      x0 >>= 16
    }
    const q3 = ((x3 + 0.5) * inverse[s3]) | 0
    const q2 = ((x2 + 0.5) * inverse[s2]) | 0
    const q1 = ((x1 + 0.5) * inverse[s1]) | 0
    const q0 = ((x0 + 0.5) * inverse[s0]) | 0
    x3 = ((q3 << SCALE_BITS) + (x3 - Math.imul(q3, frequency[s3])) + start[s3]) | 0
    x2 = ((q2 << SCALE_BITS) + (x2 - Math.imul(q2, frequency[s2])) + start[s2]) | 0
    x1 = ((q1 << SCALE_BITS) + (x1 - Math.imul(q1, frequency[s1])) + start[s1]) | 0
    x0 = ((q0 << SCALE_BITS) + (x0 - Math.imul(q0, frequency[s0])) + start[s0]) | 0
  }
  states.set([x0, x1, x2, x3])
  return assemble(data.length, ORDER_0, header.finish(), states, words, w)
}

function encodeOrder1(data: Uint8Array, bucketOf: Uint8Array, counts: readonly Uint32Array[]): Uint8Array<ArrayBuffer> {
  const header = new BitWriter()
  writeBuckets(bucketOf, header)
  const tables = counts.map((count) => {
    const frequencies = normalizeCounts(count)
    writeFrequencies(frequencies, header)
    return encodeTable(frequencies)
  })
  const words = new Uint16Array(data.length + 8)
  let w = words.length
  const states = new Int32Array(4).fill(LOW)
  const quarter = data.length >> 2
  // Backwards through what the decoder does: the rest of the last quarter, then one byte of each quarter in turn.
  const put = (k: number, i: number, first: number): void => {
    const s = data[i]
    const table = tables[bucketOf[i === first ? 0 : data[i - 1]]]
    let x = states[k]
    if (x > table.highest[s]) {
      words[--w] = x
      x >>= 16
    }
    const q = ((x + 0.5) * table.inverse[s]) | 0
    states[k] = (q << SCALE_BITS) + (x - Math.imul(q, table.frequency[s])) + table.start[s]
  }
  for (let i = data.length - 1; i >= 4 * quarter; i--) put(3, i, 3 * quarter)
  for (let i = quarter - 1; i >= 0; i--) {
    for (let k = 3; k >= 0; k--) put(k, k * quarter + i, k * quarter)
  }
  return assemble(data.length, ORDER_1, header.finish(), states, words, w)
}

function decodeOrder1(
  data: Uint8Array,
  slots: Int32Array,
  bucketOf: Uint8Array,
  states: Int32Array,
  words: Uint16Array,
): void {
  const quarter = data.length >> 2
  const tableOf = Int32Array.from(bucketOf, (bucket) => bucket << SCALE_BITS)
  let [x0, x1, x2, x3] = states
  let w = 0
  let i = 0
  let t0 = tableOf[0]
  let t1 = t0
  let t2 = t0
  let t3 = t0
  const safe = words.length - 4
  for (; i < quarter; i++) {
    if (w > safe) break
    const e0 = slots[t0 | (x0 & MASK)]
    const e1 = slots[t1 | (x1 & MASK)]
    const e2 = slots[t2 | (x2 & MASK)]
    const e3 = slots[t3 | (x3 & MASK)]
    data[i] = e0
    data[i + quarter] = e1
    data[i + 2 * quarter] = e2
    data[i + 3 * quarter] = e3
    x0 = Math.imul((e0 >>> 20) + 1, x0 >> SCALE_BITS) + ((e0 >> 8) & MASK)
    x1 = Math.imul((e1 >>> 20) + 1, x1 >> SCALE_BITS) + ((e1 >> 8) & MASK)
    x2 = Math.imul((e2 >>> 20) + 1, x2 >> SCALE_BITS) + ((e2 >> 8) & MASK)
    x3 = Math.imul((e3 >>> 20) + 1, x3 >> SCALE_BITS) + ((e3 >> 8) & MASK)
    t0 = tableOf[e0 & 255]
    t1 = tableOf[e1 & 255]
    t2 = tableOf[e2 & 255]
    t3 = tableOf[e3 & 255]
    if (x0 < LOW) x0 = (x0 << 16) | words[w++]
    if (x1 < LOW) x1 = (x1 << 16) | words[w++]
    if (x2 < LOW) x2 = (x2 << 16) | words[w++]
    if (x3 < LOW) x3 = (x3 << 16) | words[w++]
  }
  const rest = Int32Array.of(x0, x1, x2, x3)
  const get = (k: number, at: number, first: number): void => {
    let x = rest[k]
    const e = slots[tableOf[at === first ? 0 : data[at - 1]] | (x & MASK)]
    data[at] = e
    x = Math.imul((e >>> 20) + 1, x >> SCALE_BITS) + ((e >> 8) & MASK)
    if (x < LOW) {
      if (w >= words.length) throw outOfWords()
      x = (x << 16) | words[w++]
    }
    rest[k] = x
  }
  for (; i < quarter; i++) for (let k = 0; k < 4; k++) get(k, k * quarter + i, k * quarter)
  for (let at = 4 * quarter; at < data.length; at++) get(3, at, 3 * quarter)
  checkEnd(rest, w, words)
}
