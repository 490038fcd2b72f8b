/**
 * What all coders of static rANS share: the range of states, tables to encode and decode by, words, and the end.
 *
 * @module
 */
import type { ByteReader } from '../bytes.ts'
import { PithError } from '../errors.ts'
import { SCALE, SCALE_BITS, SYMBOLS, startsOf } from './frequencies.ts'

/** States lie in 2^15..2^31 - 1, so that signed 32-bit arithmetic suffices. */
export const LOW = 32768
export const MASK: number = SCALE - 1

/** What an encoder looks up for a symbol. */
export interface EncodeTable {
  readonly highest: Int32Array
  readonly inverse: Float64Array
  readonly frequency: Int32Array
  readonly start: Int32Array
}

/** The words behind the states: the rest of what a reader has. @throws PithError `PITH_TRUNCATED` */
export function readWords(reader: ByteReader): Uint16Array<ArrayBuffer> {
  const rest = reader.take(reader.remaining)
  if (rest.length % 2 !== 0) throw new PithError('PITH_TRUNCATED', 'the words of rANS end within one')
  const words = new Uint16Array(rest.length >> 1)
  for (let i = 0; i < words.length; i++) words[i] = rest[2 * i] | (rest[2 * i + 1] << 8)
  return words
}

/** The encoder's table of frequencies, i32[256]. */
export function encodeTable(frequency: Int32Array): EncodeTable {
  const highest = new Int32Array(SYMBOLS)
  const inverse = new Float64Array(SYMBOLS)
  for (let s = 0; s < SYMBOLS; s++) {
    if (frequency[s] === 0) continue
    highest[s] = frequency[s] * (2 ** 31 / SCALE) - 1
    inverse[s] = 1 / frequency[s]
  }
  return { highest, inverse, frequency, start: startsOf(frequency) }
}

/** Per slot: frequency - 1 in bits 20..31, the slot's number within its symbol in 8..19, the symbol in 0..7. */
export function fillSlots(frequencies: Int32Array, slots: Int32Array, at: number): void {
  let slot = at
  for (let s = 0; s < SYMBOLS; s++) {
    for (let i = 0; i < frequencies[s]; i++) slots[slot++] = ((frequencies[s] - 1) << 20) | (i << 8) | s
  }
}

/**
 * Decode rows of `rowLength` bytes, row r by the table `tableOf[r]`. Byte i of a row takes state i mod 4.
 *
 * @param data u8[rows, rowLength], receives the bytes
 * @param slots i32[tables << 12], as {@link fillSlots} makes them
 * @throws PithError `PITH_TRUNCATED` too few words · `PITH_CORRUPT` states that do not end where they began
 */
export function decodeRows(
  data: Uint8Array,
  rowLength: number,
  tableOf: Uint8Array,
  slots: Int32Array,
  states: Int32Array,
  words: Uint16Array,
): void {
  let [x0, x1, x2, x3] = states
  let w = 0
  const safe = words.length - 4
  const whole = rowLength - (rowLength & 3)
  for (let row = 0; row < tableOf.length; row++) {
    const table = tableOf[row] << SCALE_BITS
    const from = row * rowLength
    let i = 0
    for (; i < whole && w <= safe; i += 4) {
      const e0 = slots[table | (x0 & MASK)]
      const e1 = slots[table | (x1 & MASK)]
      const e2 = slots[table | (x2 & MASK)]
      const e3 = slots[table | (x3 & MASK)]
      data[from + i] = e0
      data[from + i + 1] = e1
      data[from + i + 2] = e2
      data[from + i + 3] = e3
      x0 = Math.imul((e0 >>> 20) + 1, x0 >> SCALE_BITS) + ((e0 >> 8) & MASK)
      x1 = Math.imul((e1 >>> 20) + 1, x1 >> SCALE_BITS) + ((e1 >> 8) & MASK)
      x2 = Math.imul((e2 >>> 20) + 1, x2 >> SCALE_BITS) + ((e2 >> 8) & MASK)
      x3 = Math.imul((e3 >>> 20) + 1, x3 >> SCALE_BITS) + ((e3 >> 8) & MASK)
      if (x0 < LOW) x0 = (x0 << 16) | words[w++]
      if (x1 < LOW) x1 = (x1 << 16) | words[w++]
      if (x2 < LOW) x2 = (x2 << 16) | words[w++]
      if (x3 < LOW) x3 = (x3 << 16) | words[w++]
    }
    if (i === rowLength) continue
    const rest = Int32Array.of(x0, x1, x2, x3)
    for (; i < rowLength; i++) {
      let x = rest[i & 3]
      const e = slots[table | (x & MASK)]
      data[from + i] = e
      x = Math.imul((e >>> 20) + 1, x >> SCALE_BITS) + ((e >> 8) & MASK)
      if (x < LOW) {
        if (w >= words.length) throw outOfWords()
        x = (x << 16) | words[w++]
      }
      rest[i & 3] = x
    }
    ;[x0, x1, x2, x3] = rest
  }
  checkEnd(Int32Array.of(x0, x1, x2, x3), w, words)
}

/** The states come back to where the encoder started, exactly when the last word is used. */
export function checkEnd(states: Int32Array, used: number, words: Uint16Array): void {
  if (used !== words.length || states.some((state) => state !== LOW)) {
    throw new PithError('PITH_CORRUPT', 'the states of rANS do not end where they began')
  }
}

/** Words that are missing. */
export function outOfWords(): PithError {
  return new PithError('PITH_TRUNCATED', 'the words of rANS end before its bytes')
}
