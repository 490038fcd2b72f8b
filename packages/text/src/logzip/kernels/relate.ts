/** Step F, kernels: what predicts a column: its own rows, a dictionary, or a column left of it. */
import type { f64, i32 } from '@pith/core/wasm/memory'
import { clz, ld8, ld32, ldf64, st32, stf64, udiv } from '@pith/core/wasm/memory'
import { bitLength, maxValue, minValue, residualCost, sameText, zigzag } from './values.ts'

/**
 * Fields of the record of a column, {@link RECORD_BYTES} each: lines, rows, starts, ends, values, kind, ticks a second
 * (f64), largest absolute value (f64). The last four are those of columns that have been planned.
 */
const LINES: i32 = 0
const ROWS: i32 = 4
const STARTS: i32 = 8
const ENDS: i32 = 12
const VALUES: i32 = 16
const KIND: i32 = 20
const TICKS: i32 = 24
const REACH: i32 = 32

/** Kinds of a record: const, nothing to refer to. */
const TEXT: i32 = 1
const NUMBER: i32 = 2
const TIME: i32 = 3

/** First of `n` ascending lines, from the `j`-th on, that is at least `line`. */
export function seekLine(lines: i32, n: i32, j: i32, line: i32): i32 {
  let low: i32 = j
  let step: i32 = 1
  while (low + step < n && ld32(lines + ((low + step) << 2)) < line) {
    low += step
    step = step << 1
  }
  let high: i32 = low + step < n ? low + step : n
  while (low < high) {
    const middle: i32 = (low + high) >> 1
    if (ld32(lines + (middle << 2)) < line) low = middle + 1
    else high = middle
  }
  return low
}

/** For each row of a column, the row of another that stands in the same line (`lines` are ascending; the other has each of them). */
export function matchRows(lines: i32, n: i32, otherLines: i32, others: i32, out: i32): i32 {
  let j: i32 = 0
  for (let i: i32 = 0; i < n; i++) {
    const line: i32 = ld32(lines + (i << 2))
    j = seekLine(otherLines, others, j, line)
    if (j >= others || ld32(otherLines + (j << 2)) !== line) return 0
    st32(out + (i << 2), j)
  }
  return 1
}

/**
 * Shortest and longest of `n` rows (out, out + 4), whether all are equal (out + 8); of the first `sample` rows, their
 * bytes (out + 12), and the first zero with a digit behind it or space that a row begins with, else 0 (out + 16).
 */
function measureRows(starts: i32, ends: i32, n: i32, sample: i32, out: i32): void {
  const first: i32 = ld32(starts)
  const firstLength: i32 = ld32(ends) - first
  let shortest: i32 = firstLength
  let longest: i32 = firstLength
  let equal: i32 = 1
  let bytes: i32 = 0
  let pad: i32 = 0
  for (let i: i32 = 0; i < n; i++) {
    const start: i32 = ld32(starts + (i << 2))
    const length: i32 = ld32(ends + (i << 2)) - start
    if (length < shortest) shortest = length
    if (length > longest) longest = length
    if (equal !== 0 && (length !== firstLength || sameText(start, first, length) === 0)) equal = 0
    if (i < sample) {
      bytes += length
      const c: i32 = ld8(start)
      if (pad === 0 && (c === 32 || (c === 48 && length > 1))) pad = c
    }
  }
  st32(out, shortest)
  st32(out + 4, longest)
  st32(out + 8, equal)
  st32(out + 12, bytes)
  st32(out + 16, pad)
}

/**
 * Measure `count` columns, five words each: those of `measureRows`.
 *
 * @param ranges per column: first row, number of rows (at least one)
 */
export function measureColumns(ranges: i32, count: i32, rowStart: i32, rowEnd: i32, sample: i32, out: i32): void {
  for (let k: i32 = 0; k < count; k++) {
    const at: i32 = ld32(ranges + (k << 3)) << 2
    measureRows(rowStart + at, rowEnd + at, ld32(ranges + (k << 3) + 4), sample, out + k * 20)
  }
}

/**
 * Least and largest of `n` values (out, out + 8), and what the first `sample` of them cost above the least (out + 16) and
 * as differences from the row before (out + 20).
 */
export function measureValues(values: i32, n: i32, sample: i32, out: i32): void {
  const least: f64 = minValue(values, n)
  stf64(out, least)
  stf64(out + 8, maxValue(values, n))
  st32(out + 16, residualCost(0, values, sample, least))
  st32(out + 20, residualCost(1, values, sample, ldf64(values)))
}

/** Twice the bits of `n` ids (at most 1024) below `distinct` with a dictionary: order-0 entropy with logarithms rounded to halves. `counts` are zeroed words. */
export function dictionaryCost(ids: i32, n: i32, distinct: i32, counts: i32): i32 {
  for (let i: i32 = 0; i < n; i++) {
    const count: i32 = counts + (ld32(ids + (i << 2)) << 2)
    st32(count, ld32(count) + 1)
  }
  let cost: i32 = 40 * distinct
  for (let id: i32 = 0; id < distinct; id++) {
    const c: i32 = ld32(counts + (id << 2))
    cost += c * (31 - clz(udiv(n * n, c * c)))
  }
  return cost
}

/** Factor that brings the values of a record to the unit of another, 0 where there is none. */
function scaleOf(own: i32, other: i32): f64 {
  const kind: i32 = ld32(other + KIND)
  if (kind < NUMBER) return 0
  if (ld32(own + KIND) === NUMBER) return kind === NUMBER ? 1 : 0
  const scale: f64 = kind === TIME ? ldf64(own + TICKS) / ldf64(other + TICKS) : ldf64(own + TICKS)
  return scale >= 1 ? scale : 0
}

/**
 * Look for a left column that predicts the values of a column better: by its difference (mode 2), or by how the difference
 * moves from row to row (mode 3). Each must save a twentieth.
 *
 * @param args record of the column, rows that are looked at, addresses of the records of its left columns, their number,
 *   cost; cost, place of the column from 1 (0: none) and mode are put at args + 16, 20 and 24
 */
export function relateColumns(args: i32): void {
  const own: i32 = ld32(args)
  const n: i32 = ld32(args + 4)
  const lefts: i32 = ld32(args + 8)
  const count: i32 = ld32(args + 12)
  const lines: i32 = ld32(own + LINES)
  const values: i32 = ld32(own + VALUES)
  st32(args + 20, 0)
  for (let k: i32 = 0; k < count; k++) {
    const other: i32 = ld32(lefts + (k << 2))
    const scale: f64 = scaleOf(own, other)
    // The difference must be an integer that a double holds.
    if (scale === 0 || ldf64(own + REACH) + ldf64(other + REACH) * scale > 9007199254740991) continue
    const otherLines: i32 = ld32(other + LINES)
    const otherRows: i32 = ld32(other + ROWS)
    const others: i32 = ld32(other + VALUES)
    const same: i32 = otherRows === ld32(own + ROWS) ? 1 : 0
    const bound: i32 = ld32(args + 16) * 19
    let base: f64 = 0
    let last: f64 = 0
    let before: f64 = -1
    let beforeMove: f64 = -1
    let cost: i32 = 0
    let costMoves: i32 = 0
    let j: i32 = 0
    for (let i: i32 = 0; i < n; i++) {
      // As many rows are the same lines, since the left column has all of them.
      if (same !== 0) j = i
      else j = seekLine(otherLines, otherRows, j, ld32(lines + (i << 2)))
      const v: f64 = ldf64(values + (i << 3)) - ldf64(others + (j << 3)) * scale
      if (i === 0) {
        base = v
        last = v
      }
      // A residual that repeats is almost free behind an entropy coder.
      const r: f64 = zigzag(v - base)
      cost += r === before ? 1 : bitLength(r) + 2
      before = r
      const move: f64 = zigzag(v - last)
      costMoves += move === beforeMove ? 1 : bitLength(move) + 2
      beforeMove = move
      last = v
      if (cost * 20 >= bound && costMoves * 20 >= bound) break
    }
    if (cost * 20 < bound) {
      st32(args + 16, cost)
      st32(args + 20, k + 1)
      st32(args + 24, 2)
    }
    if (costMoves * 20 < ld32(args + 16) * 19) {
      st32(args + 16, costMoves)
      st32(args + 20, k + 1)
      st32(args + 24, 3)
    }
  }
}

/**
 * Place, from 1, of the left column that most rows of a column are equal to; 0 where none has more than `least` of them.
 *
 * @param args record of the column, rows that are looked at, addresses of the records of its left columns, their number, least
 */
export function referToColumn(args: i32): i32 {
  const own: i32 = ld32(args)
  const n: i32 = ld32(args + 4)
  const lefts: i32 = ld32(args + 8)
  const count: i32 = ld32(args + 12)
  let best: i32 = ld32(args + 16)
  const lines: i32 = ld32(own + LINES)
  const starts: i32 = ld32(own + STARTS)
  const ends: i32 = ld32(own + ENDS)
  let place: i32 = 0
  for (let k: i32 = 0; k < count; k++) {
    const other: i32 = ld32(lefts + (k << 2))
    const kind: i32 = ld32(other + KIND)
    if (kind !== TEXT && kind !== NUMBER) continue
    const otherLines: i32 = ld32(other + LINES)
    const otherRows: i32 = ld32(other + ROWS)
    const otherStarts: i32 = ld32(other + STARTS)
    const otherEnds: i32 = ld32(other + ENDS)
    const same: i32 = otherRows === ld32(own + ROWS) ? 1 : 0
    let equal: i32 = 0
    let j: i32 = 0
    for (let i: i32 = 0; i < n && equal + n - i > best; i++) {
      if (same !== 0) j = i
      else j = seekLine(otherLines, otherRows, j, ld32(lines + (i << 2)))
      const start: i32 = ld32(starts + (i << 2))
      const length: i32 = ld32(ends + (i << 2)) - start
      const text: i32 = ld32(otherStarts + (j << 2))
      if (ld32(otherEnds + (j << 2)) - text === length && sameText(start, text, length) !== 0) equal++
    }
    if (equal > best) {
      best = equal
      place = k + 1
    }
  }
  return place
}

/** Spread the ids of the rows that are not as the left column, in place: 0 where a flag is set, the next id plus 1 elsewhere. */
export function spreadIds(ids: i32, flags: i32, n: i32, rest: i32): void {
  let next: i32 = ids + (rest << 2)
  // From the back, so that none is overwritten before it is read.
  for (let i: i32 = n - 1; i >= 0; i--) {
    let id: i32 = 0
    if (ld8(flags + i) === 0) {
      next -= 4
      id = ld32(next) + 1
    }
    st32(ids + (i << 2), id)
  }
}
