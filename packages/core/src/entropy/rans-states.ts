/**
 * What all coders of static rANS share: the range of states, tables to encode and decode by, words, and the end.
 *
 * @module
 */
import type { ByteReader } from '../bytes.ts'
import { PithError } from '../errors.ts'
import { SCALE, SYMBOLS, startsOf } from './frequencies.ts'

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
