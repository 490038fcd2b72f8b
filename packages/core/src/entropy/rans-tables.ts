/**
 * Static rANS with tables that both sides have: rows of bytes, each coded by one of the tables. Four interleaved states, 16-bit
 * renormalisation. docs/format-entropy.md section 1.6.
 *
 * @module
 */
import { ByteReader, ByteWriter } from '../bytes.ts'
import { PithError } from '../errors.ts'
import { SCALE, SCALE_BITS, SYMBOLS } from './frequencies.ts'
import { decodeRows, type EncodeTable, encodeTable, fillSlots, LOW, readWords } from './rans-states.ts'

/** Most tables of a set. */
const MAX_TABLES = 256

/** A set of tables, ready to code with. */
export interface RansTables {
  readonly count: number
  readonly encode: readonly EncodeTable[]
  /** i32[count << 12]. */
  readonly slots: Int32Array
}

/**
 * Make tables ready.
 *
 * @param frequencies i32[256] each, summing up to 4096; a symbol with 0 can not be coded by that table
 * @throws PithError `PITH_ARG` no table, more than 256, or another sum
 */
export function makeRansTables(frequencies: readonly Int32Array[]): RansTables {
  if (frequencies.length === 0 || frequencies.length > MAX_TABLES) {
    throw new PithError('PITH_ARG', `there must be 1..${MAX_TABLES} tables, got ${frequencies.length}`)
  }
  const slots = new Int32Array(frequencies.length << SCALE_BITS)
  for (const [t, own] of frequencies.entries()) {
    if (own.length !== SYMBOLS || own.some((f) => f < 0) || own.reduce((sum, f) => sum + f, 0) !== SCALE) {
      throw new PithError('PITH_ARG', `table ${t} is not ${SYMBOLS} frequencies with the sum ${SCALE}`)
    }
    fillSlots(own, slots, t << SCALE_BITS)
  }
  return { count: frequencies.length, encode: frequencies.map(encodeTable), slots }
}

/**
 * Compress rows of bytes.
 *
 * @param data u8[rows, rowLength]
 * @param tableOf number of the table of each row
 * @throws PithError `PITH_ARG` a symbol or a table that is not there, or another number of bytes
 */
export function encodeRansRows(
  data: Uint8Array,
  rowLength: number,
  tableOf: Uint8Array,
  tables: RansTables,
): Uint8Array<ArrayBuffer> {
  checkRows(data.length, rowLength, tableOf, tables)
  const words = new Uint16Array(data.length + 8)
  let w = words.length
  const states = new Int32Array(4).fill(LOW)
  for (let row = tableOf.length - 1; row >= 0; row--) {
    const { highest, inverse, frequency, start } = tables.encode[tableOf[row]] as EncodeTable
    const from = row * rowLength
    for (let i = rowLength - 1; i >= 0; i--) {
      const s = data[from + i]
      if (frequency[s] === 0) throw new PithError('PITH_ARG', `table ${tableOf[row]} has no symbol ${s}`)
      let x = states[i & 3]
      if (x > highest[s]) {
        words[--w] = x
        x >>= 16
      }
      const q = ((x + 0.5) * inverse[s]) | 0
      states[i & 3] = (q << SCALE_BITS) + (x - Math.imul(q, frequency[s])) + start[s]
    }
  }
  const writer = new ByteWriter(2 * (words.length - w) + 16)
  for (const state of states) writer.u32(state)
  for (let i = w; i < words.length; i++) writer.u16(words[i])
  return writer.finish()
}

/**
 * Decompress what {@link encodeRansRows} made with the same tables.
 *
 * @returns u8[rows, rowLength]
 * @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED` a damaged or hostile input · `PITH_ARG` a table that is not there
 */
export function decodeRansRows(
  bytes: Uint8Array,
  rowLength: number,
  tableOf: Uint8Array,
  tables: RansTables,
): Uint8Array<ArrayBuffer> {
  checkRows(rowLength * tableOf.length, rowLength, tableOf, tables)
  const reader = new ByteReader(bytes)
  const states = Int32Array.from({ length: 4 }, () => reader.u32())
  if (states.some((state) => state < LOW)) throw new PithError('PITH_CORRUPT', 'a state of rANS is out of range')
  const words = readWords(reader)
  const data = new Uint8Array(rowLength * tableOf.length)
  decodeRows(data, rowLength, tableOf, tables.slots, states, words)
  return data
}

function checkRows(length: number, rowLength: number, tableOf: Uint8Array, tables: RansTables): void {
  if (!(Number.isInteger(rowLength) && rowLength >= 0) || length !== rowLength * tableOf.length) {
    throw new PithError('PITH_ARG', `${length} bytes are not ${tableOf.length} rows of ${rowLength}`)
  }
  const missing = tableOf.find((table) => table >= tables.count)
  if (missing !== undefined) throw new PithError('PITH_ARG', `there is no table ${missing}, only ${tables.count}`)
}
