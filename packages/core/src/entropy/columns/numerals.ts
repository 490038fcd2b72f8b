/**
 * Columns of strings that are numerals: decimal ones of fixed width or without leading zeros, and hexadecimal ones.
 *
 * @module
 */
import { PithError } from '../../errors.ts'
import type { ByteColumn } from './byte-column.ts'
import { startOf } from './byte-column.ts'

/** Digits that an integer of 2^53 - 1 always holds. */
const MOST_DIGITS = 15

/** Rows of decimal digits as integers. */
export interface DigitColumn {
  /** Digits of every row, 1..15; 0: as many as the value needs. */
  readonly width: number
  /** f64[rows] of integers. */
  readonly values: Float64Array<ArrayBuffer>
}

/**
 * Read decimal numerals, all of one width or none with a leading zero.
 *
 * @returns undefined where a row is something else: empty, a sign, a letter, more than 15 digits, mixed leading zeros
 */
export function encodeDigits(column: ByteColumn): DigitColumn | undefined {
  const rows = column.ends.length
  const values = new Float64Array(rows)
  let width = rows === 0 ? 0 : column.ends[0]
  let leadingZero = false
  for (let i = 0; i < rows; i++) {
    const start = startOf(column, i)
    const length = column.ends[i] - start
    if (length < 1 || length > MOST_DIGITS) return undefined
    if (length !== width) width = 0
    let value = 0
    for (let at = start; at < column.ends[i]; at++) {
      const digit = column.bytes[at] - 48
      if (digit < 0 || digit > 9) return undefined
      value = value * 10 + digit
    }
    if (column.bytes[start] === 48 && length > 1) leadingZero = true
    values[i] = value
  }
  return leadingZero && width === 0 ? undefined : { width, values }
}

/** The inverse of {@link encodeDigits}. @throws PithError `PITH_CORRUPT` a value that its width can't show */
export function decodeDigits({ width, values }: DigitColumn): ByteColumn {
  if (!(Number.isInteger(width) && width >= 0 && width <= MOST_DIGITS)) {
    throw new PithError('PITH_CORRUPT', `numerals of ${width} digits`)
  }
  const ends = new Uint32Array(values.length)
  let length = 0
  for (let i = 0; i < values.length; i++) {
    if (!(Number.isInteger(values[i]) && values[i] >= 0 && values[i] < 10 ** (width || MOST_DIGITS))) {
      throw new PithError('PITH_CORRUPT', `row ${i} does not fit in ${width || MOST_DIGITS} digits`)
    }
    ends[i] = length += width || digitsOf(values[i])
  }
  const bytes = new Uint8Array(length)
  for (let i = 0; i < values.length; i++) {
    let rest = values[i]
    const start = i === 0 ? 0 : ends[i - 1]
    for (let at = ends[i] - 1; at >= start; at--) {
      bytes[at] = 48 + (rest % 10)
      rest = Math.floor(rest / 10)
    }
  }
  return { bytes, ends }
}

function digitsOf(value: number): number {
  let digits = 1
  for (let limit = 10; value >= limit; limit *= 10) digits++
  return digits
}

/** Rows of hexadecimal digits as packed nibbles. */
export interface HexColumn {
  /** Whether the letters are capitals. */
  readonly upper: boolean
  /** Digits of every row, or 0 where `lengths` has them. */
  readonly width: number
  /** u32[rows] where the width is 0, else u32[0]. */
  readonly lengths: Uint32Array<ArrayBuffer>
  /** Two digits a byte, the first in the high half, rows one behind the other; a last odd digit is followed by 0. */
  readonly nibbles: Uint8Array<ArrayBuffer>
}

/**
 * Pack hexadecimal numerals whose letters are all small or all capitals.
 *
 * @returns undefined where a row is empty or has another character, or the letters are mixed
 */
export function encodeHex(column: ByteColumn): HexColumn | undefined {
  const rows = column.ends.length
  const digits = rows === 0 ? 0 : column.ends[rows - 1]
  const nibbles = new Uint8Array((digits + 1) >> 1)
  let small = false
  let capital = false
  for (let at = 0; at < digits; at++) {
    const byte = column.bytes[at]
    let value = byte - 48
    if (byte >= 97 && byte <= 102) {
      small = true
      value = byte - 87
    } else if (byte >= 65 && byte <= 70) {
      capital = true
      value = byte - 55
    } else if (value < 0 || value > 9) {
      return undefined
    }
    nibbles[at >> 1] |= (at & 1) === 0 ? value << 4 : value
  }
  if (small && capital) return undefined
  const lengths = new Uint32Array(rows)
  let width = rows === 0 ? 0 : column.ends[0]
  for (let i = 0; i < rows; i++) {
    lengths[i] = column.ends[i] - startOf(column, i)
    if (lengths[i] === 0) return undefined
    if (lengths[i] !== width) width = 0
  }
  return { upper: capital, width, lengths: width === 0 ? lengths : new Uint32Array(0), nibbles }
}

/** The inverse of {@link encodeHex}. @param rows number of rows @throws PithError `PITH_CORRUPT` lengths that don't fit */
export function decodeHex({ upper, width, lengths, nibbles }: HexColumn, rows: number): ByteColumn {
  if (width === 0 && lengths.length !== rows) {
    throw new PithError('PITH_CORRUPT', `${lengths.length} lengths for ${rows} rows`)
  }
  // Before anything is allocated: the digits must be there.
  let digits = 0
  if (width > 0) digits = width * rows
  else for (const length of lengths) digits += length
  if (!(digits <= 2 * nibbles.length && digits > 2 * nibbles.length - 2)) {
    throw new PithError('PITH_CORRUPT', `${digits} hexadecimal digits in ${nibbles.length} bytes`)
  }
  const ends = new Uint32Array(rows)
  let end = 0
  for (let i = 0; i < rows; i++) ends[i] = end += width || lengths[i]
  const letters = upper ? 55 : 87
  const bytes = new Uint8Array(digits)
  for (let at = 0; at < digits; at++) {
    const nibble = (at & 1) === 0 ? nibbles[at >> 1] >> 4 : nibbles[at >> 1] & 15
    bytes[at] = nibble + (nibble < 10 ? 48 : letters)
  }
  return { bytes, ends }
}
