/**
 * Static frequency tables: counts made to sum up to 4096, their compact form in the file, and their cost in bits, all
 * in integers. docs/format-entropy.md section 1.
 *
 * @module
 */
import { PithError } from '../errors.ts'
import type { BitReader, BitWriter } from './bits.ts'

/** Sum of the frequencies of a static table is 2^12. */
export const SCALE_BITS = 12
export const SCALE: number = 1 << SCALE_BITS
/** Symbols are bytes. */
export const SYMBOLS = 256

/** Count each byte of `data[from..to)` into a new u32[256]. */
export function countBytes(data: Uint8Array, from: number = 0, to: number = data.length): Uint32Array<ArrayBuffer> {
  // Four tables, so that a run of equal bytes doesn't wait for its own last store.
  const a = new Uint32Array(SYMBOLS)
  const b = new Uint32Array(SYMBOLS)
  const c = new Uint32Array(SYMBOLS)
  const d = new Uint32Array(SYMBOLS)
  let i = from
  for (; i + 4 <= to; i += 4) {
    a[data[i]]++
    b[data[i + 1]]++
    c[data[i + 2]]++
    d[data[i + 3]]++
  }
  for (; i < to; i++) a[data[i]]++
  for (let s = 0; s < SYMBOLS; s++) a[s] += b[s] + c[s] + d[s]
  return a
}

/**
 * Scale counts to frequencies that sum up to 4096, at least 1 for each symbol that occurs.
 *
 * @param counts u32[256], not all zero, their sum below 2^32
 */
export function normalizeCounts(counts: Uint32Array): Int32Array<ArrayBuffer> {
  let total = 0
  for (let s = 0; s < SYMBOLS; s++) total += counts[s]
  if (total === 0) throw new PithError('PITH_ARG', 'counts must not all be 0')
  const frequencies = new Int32Array(SYMBOLS)
  const rests: { symbol: number; rest: number }[] = []
  let sum = 0
  for (let s = 0; s < SYMBOLS; s++) {
    if (counts[s] === 0) continue
    const scaled = counts[s] * SCALE
    const whole = Math.floor(scaled / total)
    frequencies[s] = Math.max(1, whole)
    sum += frequencies[s]
    if (whole > 0) rests.push({ symbol: s, rest: scaled - whole * total })
  }
  rests.sort((x, y) => y.rest - x.rest || x.symbol - y.symbol)
  for (let i = 0; sum < SCALE; i = (i + 1) % rests.length, sum++) frequencies[rests[i].symbol]++
  while (sum > SCALE) {
    // Take from the symbol that loses least: the one with the most.
    let largest = 0
    for (let s = 1; s < SYMBOLS; s++) if (frequencies[s] > frequencies[largest]) largest = s
    frequencies[largest]--
    sum--
  }
  return frequencies
}

/**
 * Write a table: per symbol that occurs the distance from the one before, then the frequency as the number of its bits,
 * which what is left bounds, and its lower bits. It ends where nothing is left.
 */
export function writeFrequencies(frequencies: Int32Array, to: BitWriter): void {
  let left = SCALE
  let last = -1
  for (let s = 0; s < SYMBOLS; s++) {
    const frequency = frequencies[s]
    if (frequency === 0) continue
    to.putGamma(s - last)
    const bits = 31 - Math.clz32(frequency)
    to.putBelow(bits, 32 - Math.clz32(left))
    to.put(frequency, bits)
    left -= frequency
    last = s
  }
}

/**
 * Read a table.
 *
 * @throws PithError `PITH_CORRUPT` symbols above 255, or a sum other than 4096 · `PITH_TRUNCATED`
 */
export function readFrequencies(from: BitReader): Int32Array<ArrayBuffer> {
  const frequencies = new Int32Array(SYMBOLS)
  let left = SCALE
  let s = -1
  while (left > 0) {
    s += from.getGamma()
    const bits = from.getBelow(32 - Math.clz32(left))
    const frequency = (1 << bits) | from.get(bits)
    if (s >= SYMBOLS || frequency > left) {
      throw new PithError('PITH_CORRUPT', `symbol ${s} has frequency ${frequency} of ${left} that are left`)
    }
    frequencies[s] = frequency
    left -= frequency
  }
  return frequencies
}

/** First slot of each symbol: the sum of the frequencies before it. */
export function startsOf(frequencies: Int32Array): Int32Array<ArrayBuffer> {
  const starts = new Int32Array(SYMBOLS)
  let sum = 0
  for (let s = 0; s < SYMBOLS; s++) {
    starts[s] = sum
    sum += frequencies[s]
  }
  return starts
}

const LOG_BITS = 12
const logs: Uint16Array = /* @__PURE__ */ makeLogs()

/** log2(1 + i / 4096) in units of 2^-12, by squaring, so that no rounding of a library decides. */
function makeLogs(): Uint16Array {
  const table = new Uint16Array(1 << LOG_BITS)
  for (let i = 0; i < table.length; i++) {
    // Mantissa in units of 2^-24; its square fits in 2^50.
    let m = (4096 + i) * 4096
    let log = 0
    for (let bit = 1; bit <= LOG_BITS; bit++) {
      m = Math.floor((m * m) / 16777216)
      log *= 2
      if (m >= 33554432) {
        m = Math.floor(m / 2)
        log++
      }
    }
    table[i] = log
  }
  return table
}

/** log2 of an integer 1..2^31 - 1 in units of 2^-12, rounded down to within 2^-11. */
export function log2Fixed(value: number): number {
  const exponent = 31 - Math.clz32(value)
  const mantissa = exponent >= LOG_BITS ? value >>> (exponent - LOG_BITS) : value << (LOG_BITS - exponent)
  return (exponent << LOG_BITS) + logs[mantissa - 4096]
}

/** Bits, in units of 2^-12, that symbols of these counts need with a table of their own, which is not counted. */
export function entropyOf(counts: Uint32Array): number {
  let total = 0
  let sum = 0
  for (let s = 0; s < SYMBOLS; s++) {
    if (counts[s] === 0) continue
    total += counts[s]
    sum += counts[s] * log2Fixed(counts[s])
  }
  return total === 0 ? 0 : total * log2Fixed(total) - sum
}
