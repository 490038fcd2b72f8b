/**
 * How quantised components are coded: symbols -31 .. 31 and an escape, by one of 64 tables that stand for how wide a component
 * spreads against its step. Mirrors docs/format-kv.md.
 *
 * @module
 */
import { makeRansTables, type RansTables } from '@pith/core/entropy'

/** Largest magnitude that has a symbol of its own. */
export const REACH = 31
/** Symbol of everything beyond. */
export const ESCAPE: number = 2 * REACH + 1
export const SYMBOLS: number = ESCAPE + 1
export const CLASSES = 64

const SCALE = 4096
/** Classes for each doubling of the spread. */
const PER_OCTAVE = 4
/** log2 of the spread of class 0 is minus this. */
const LOWEST = 4
/** Counts that the curve of a class weighs against those that were seen. */
const PRIOR_COUNTS = 64

/** The class of a component whose values deviate by `spread` steps. */
export function classOf(spread: number): number {
  if (!(spread > 0)) return 0
  return Math.min(CLASSES - 1, Math.max(0, Math.round((Math.log2(spread) + LOWEST) * PER_OCTAVE)))
}

/**
 * Integer tables from counts; where little was seen, the curve of Laplace with the spread of the class decides.
 *
 * @param counts u32[classes][symbols]
 * @returns u16[classes * symbols], each class summing up to 4096; the escape of each is 1 at least
 */
export function fitTables(counts: readonly Float64Array[]): Uint16Array {
  const tables = new Uint16Array(CLASSES * SYMBOLS)
  for (let c = 0; c < CLASSES; c++) {
    const own = counts[c] as Float64Array
    const total = own.reduce((sum, count) => sum + count, 0)
    const curve = laplace(2 ** (c / PER_OCTAVE - LOWEST))
    const weights = curve.map((p, s) => ((own[s] as number) + PRIOR_COUNTS * p) / (total + PRIOR_COUNTS))
    tables.set(normalised(weights), c * SYMBOLS)
  }
  return tables
}

/** Tables ready to code with, and the cost of each symbol in bits (infinite where a table has none). */
export interface CodingTables {
  readonly rans: RansTables
  /** f32[classes * symbols]. */
  readonly cost: Float32Array
}

/** @throws PithError `PITH_ARG` tables that do not sum up */
export function codingTables(tables: Uint16Array): CodingTables {
  const frequencies = Array.from({ length: CLASSES }, (_, c) => {
    const own = new Int32Array(256)
    own.set(tables.subarray(c * SYMBOLS, (c + 1) * SYMBOLS))
    return own
  })
  const cost = Float32Array.from(tables, (f) => (f === 0 ? Number.POSITIVE_INFINITY : Math.log2(SCALE / f)))
  return { rans: makeRansTables(frequencies), cost }
}

/** Probabilities of the symbols of a centred Laplace distribution with this deviation in steps, rounded to whole steps. */
function laplace(deviation: number): Float64Array {
  const scale = deviation / Math.SQRT2
  const above = (x: number): number => 0.5 * Math.exp(-x / scale)
  const out = new Float64Array(SYMBOLS)
  out[REACH] = 1 - 2 * above(0.6)
  for (let q = 1; q <= REACH; q++) {
    const p = above(q - 0.4) - above(q + 0.6)
    out[REACH + q] = p
    out[REACH - q] = p
  }
  out[ESCAPE] = 2 * above(REACH + 0.6)
  return out
}

/** Frequencies with the sum 4096; what is rarer than half of one has none, but for zero and the escape. */
function normalised(weights: Float64Array): Uint16Array {
  const out = new Uint16Array(SYMBOLS)
  let sum = 0
  for (const [s, weight] of weights.entries()) {
    out[s] = Math.round(weight * SCALE)
    if (s === ESCAPE || s === REACH) out[s] = Math.max(1, out[s] as number)
    sum += out[s] as number
  }
  while (sum !== SCALE) {
    let most = 0
    for (let s = 1; s < SYMBOLS; s++) if ((out[s] as number) > (out[most] as number)) most = s
    // Rounding is off by less than one for each symbol; the largest takes it with the least loss.
    const step = Math.sign(SCALE - sum)
    out[most] = (out[most] as number) + step
    sum += step
  }
  return out
}
