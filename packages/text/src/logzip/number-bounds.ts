/** What the spellings of a column's numbers can hold, by the bounds of their values. */
import type { SlotConstraint } from './search/tokens.ts'
import type { ColumnSpec } from './tables.ts'

/** Digits of the largest number of a column. */
const MOST_DIGITS = 16
/** Digits that a double holds, whatever they are. */
const SAFE_DIGITS = 15

type Bounds = Pick<ColumnSpec, 'low' | 'high' | 'width' | 'pad'>

/** Bytes that the numbers of a column have at least and at most. */
export function numberLengths({ low, high, width }: Bounds): { least: number; most: number } {
  const least = Math.max(1, width, low > 0 ? digitsOf(low) : 1)
  const digits = Math.max(digitsOf(high), low < 0 ? digitsOf(-low) + 1 : 1)
  return { least, most: Math.max(width, digits) }
}

function digitsOf(value: number): number {
  return value > Number.MAX_SAFE_INTEGER ? MOST_DIGITS : String(Math.max(0, value)).length
}

/** Whether a number of a column may meet a constraint; false is certain. */
export function numberMayMeet({ low, high, width, pad }: Bounds, { how, bytes }: SlotConstraint): boolean {
  const { length } = bytes
  let value = 0
  for (const byte of bytes) {
    // A sign, or what numbers are padded with.
    if (byte < 48 || byte > 57)
      return (byte === 45 && width === 0 && low < 0) || (byte === 32 && width > 0 && pad === 32)
    value = value * 10 + byte - 48
  }
  if (length > SAFE_DIGITS || high > Number.MAX_SAFE_INTEGER || -low > Number.MAX_SAFE_INTEGER) return true
  const isPadded = width > 0 && pad === 48
  // The digits of a negative number are those of its absolute value.
  const least = Math.max(0, low)
  const most = how === 'is' || how === 'startsWith' ? high : Math.max(high, -low)
  if (most < 0) return false
  const from = low < 0 ? 0 : least
  if (how === 'is') {
    if (isPadded ? length !== width : length > 1 && bytes[0] === 48) return false
    return value >= from && value <= most
  }
  if (how === 'endsWith') return hasDigits(from, most, value, 10 ** length, 1)
  const behind = isPadded ? width - length : MOST_DIGITS - length
  if (behind < 0) return false
  if (how === 'startsWith') {
    for (let count = isPadded ? behind : 0; count <= behind; count++) {
      const step = 10 ** count
      if (value * step <= most && (value + 1) * step > from) return true
    }
    return false
  }
  for (let count = 0; count <= behind; count++) {
    if (value * 10 ** count > most) return false
    if (hasDigits(from, most, value, 10 ** (length + count), 10 ** count)) return true
  }
  return false
}

/** Whether a number of `from..to` leaves, divided by `modulus`, a rest that starts with `value`: `value * step` up to the next. */
function hasDigits(from: number, to: number, value: number, modulus: number, step: number): boolean {
  if (to - from >= modulus) return true
  const first = from % modulus
  const last = first + (to - from)
  const low = value * step
  const high = low + step - 1
  return (first <= high && last >= low) || (first <= high + modulus && last >= low + modulus)
}
