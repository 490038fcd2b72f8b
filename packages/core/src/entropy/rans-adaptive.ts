/**
 * Adaptive rANS over bytes: each byte is two nibbles, each nibble has a table of 16 bits that learns as it goes, so no
 * table is sent. Four interleaved states, 16-bit renormalisation. docs/format-entropy.md section 1.5.
 *
 * @module
 */
import { ByteReader, ByteWriter } from '../bytes.ts'
import { PithError } from '../errors.ts'

const LOW = 65536
/** Sum of the frequencies of an adaptive table is 2^16. */
const TOTAL = 65536
const NIBBLES = 16
/** Tables per context: one for the high nibble, one per high nibble for the low one. */
const TABLES = 17

/** Cumulative frequencies u16[tables][16]; entry 0 of a table is 0, the sum 65536 behind entry 15 is not stored. */
interface Model {
  readonly starts: Uint16Array
  /** Times that a table was used, up to 255. */
  readonly uses: Uint8Array
}

function makeModel(contexts: number): Model {
  const starts = new Uint16Array(contexts * TABLES * NIBBLES)
  for (let i = 0; i < starts.length; i++) starts[i] = (i % NIBBLES) * (TOTAL / NIBBLES)
  return { starts, uses: new Uint8Array(contexts * TABLES) }
}

/**
 * Move a table towards the nibble that came: each start goes a part of its way to where it would be if that nibble had
 * all the room but 1 for each other. The part is 1/4 at first and 1/64 in the end; no frequency falls below 1.
 */
function learn({ starts, uses }: Model, table: number, nibble: number): void {
  const n = uses[table]
  const rate = n < 4 ? 2 : n < 12 ? 3 : n < 40 ? 4 : n < 160 ? 5 : 6
  if (n < 255) uses[table] = n + 1
  const at = table * NIBBLES
  for (let i = 1; i < NIBBLES; i++) {
    const target = i > nibble ? TOTAL - NIBBLES + i : i
    starts[at + i] += (target - starts[at + i]) >> rate
  }
}

/**
 * Compress bytes whose frequencies drift, or which are too few for tables.
 *
 * @param data  u8[n], n < 2^28
 * @param order 0: one context; 1: the previous byte is the context
 */
export function encodeRansAdaptive(data: Uint8Array, order: 0 | 1): Uint8Array<ArrayBuffer> {
  if (data.length >= 2 ** 28) throw new PithError('PITH_ARG', `at most 2^28 - 1 bytes, got ${data.length}`)
  const model = makeModel(order === 0 ? 1 : 256)
  // The decoder learns front to back, the states are built back to front: so note what each nibble was coded with.
  const coded = new Uint32Array(2 * data.length)
  let context = 0
  for (let i = 0; i < data.length; i++) {
    const first = context * TABLES
    const high = data[i] >> 4
    coded[2 * i] = interval(model, first, high)
    learn(model, first, high)
    coded[2 * i + 1] = interval(model, first + 1 + high, data[i] & 15)
    learn(model, first + 1 + high, data[i] & 15)
    if (order === 1) context = data[i]
  }
  const words = new Uint16Array(2 * data.length + 8)
  let w = words.length
  const states = new Float64Array(4).fill(LOW)
  for (let i = coded.length - 1; i >= 0; i--) {
    const start = coded[i] & 0xffff
    const frequency = (coded[i] >>> 16) + 1
    let x = states[i & 3]
    if (x >= frequency * 65536) {
      words[--w] = x & 0xffff
      x = Math.floor(x / 65536)
    }
    const q = Math.floor(x / frequency)
    states[i & 3] = q * TOTAL + (x - q * frequency) + start
  }
  const writer = new ByteWriter(2 * (words.length - w) + 32)
  writer.varint(data.length)
  writer.u8(order)
  for (const state of states) writer.u32(state)
  for (let i = w; i < words.length; i++) writer.u16(words[i])
  return writer.finish()
}

/** Frequency - 1 above 16 bits of start. */
function interval({ starts }: Model, table: number, nibble: number): number {
  const at = table * NIBBLES + nibble
  const end = nibble === NIBBLES - 1 ? TOTAL : starts[at + 1]
  return (((end - starts[at] - 1) << 16) | starts[at]) >>> 0
}

/**
 * Decompress what {@link encodeRansAdaptive} made.
 *
 * @param maxBytes most bytes that the caller expects
 * @throws PithError `PITH_LIMIT` more than `maxBytes` · `PITH_CORRUPT`, `PITH_TRUNCATED` a damaged or hostile input
 */
export function decodeRansAdaptive(bytes: Uint8Array, maxBytes: number): Uint8Array<ArrayBuffer> {
  const reader = new ByteReader(bytes)
  const length = reader.varint()
  if (length > maxBytes) {
    throw new PithError('PITH_LIMIT', `${length} bytes are declared, at most ${maxBytes} are expected`)
  }
  const order = reader.u8()
  if (order > 1) throw new PithError('PITH_CORRUPT', `order ${order} of adaptive rANS is not 0 or 1`)
  const states = new Uint32Array(4)
  for (let k = 0; k < 4; k++) states[k] = reader.u32()
  if (states.some((state) => state < LOW)) throw new PithError('PITH_CORRUPT', 'a state of rANS is out of range')
  const model = makeModel(order === 0 ? 1 : 256)
  const data = new Uint8Array(length)
  const end = bytes.length
  let at = reader.offset
  let context = 0
  for (let i = 0; i < length; i++) {
    let value = 0
    for (let half = 0; half < 2; half++) {
      const table = context * TABLES + (half === 0 ? 0 : 1 + value)
      const k = (2 * i + half) & 3
      let x = states[k]
      const slot = x & 0xffff
      const first = table * NIBBLES
      let nibble = model.starts[first + 8] <= slot ? 8 : 0
      while (nibble < NIBBLES - 1 && model.starts[first + nibble + 1] <= slot) nibble++
      const coded = interval(model, table, nibble)
      x = ((coded >>> 16) + 1) * (x >>> 16) + slot - (coded & 0xffff)
      if (x < LOW) {
        if (at + 2 > end) throw new PithError('PITH_TRUNCATED', 'the words of rANS end before its bytes')
        x = x * 65536 + (bytes[at] | (bytes[at + 1] << 8))
        at += 2
      }
      states[k] = x
      learn(model, table, nibble)
      value = (value << 4) | nibble
    }
    data[i] = value
    if (order === 1) context = value
  }
  if (at !== end || states.some((state) => state !== LOW)) {
    throw new PithError('PITH_CORRUPT', 'the states of rANS do not end where they began')
  }
  return data
}
