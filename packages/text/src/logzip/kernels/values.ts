/** Step F, kernels: values of a column as numbers or as ids of a dictionary, their residuals, and back. */
import type { f64, i32 } from '@pith/core/wasm/memory'
import {
  clz,
  copyOver,
  differMask16,
  floorF64,
  ld8,
  ld32,
  ldf64,
  ldu32,
  mul32,
  rotl,
  sdiv,
  shru,
  st8,
  st32,
  stf64,
  toF64,
  toI32,
} from '@pith/core/wasm/memory'

/** Longest number in digits: 15 of them always fit in 53 bits. */
const MAX_DIGITS: i32 = 15

/** What {@link parseNumber} gives for anything that is no number. */
const NO_NUMBER: f64 = -9007199254740992

/**
 * Value of a number of one spelling. Width 0: digits without a leading zero, behind a hyphen where it is below zero. Else
 * exactly `width` bytes, padded on the left with `pad` (a zero or a space).
 */
function parseNumber(start: i32, end: i32, width: i32, pad: i32): f64 {
  let p: i32 = start
  let negative: i32 = 0
  if (width === 0) {
    if (end - p > 1 && ld8(p) === 45 && ld8(p + 1) !== 48) {
      negative = 1
      p++
    }
    if (end - p < 1 || end - p > MAX_DIGITS || (end - p > 1 && ld8(p) === 48)) return NO_NUMBER
  } else {
    if (end - p !== width) return NO_NUMBER
    if (pad === 32) {
      while (p < end - 1 && ld8(p) === 32) p++
      if (end - p > 1 && ld8(p) === 48) return NO_NUMBER
    }
    if (end - p > MAX_DIGITS) return NO_NUMBER
  }
  let low: i32 = 0
  const stop: i32 = end - p > 9 ? p + 9 : end
  while (p < stop) {
    const c: i32 = ld8(p) - 48
    if (c < 0 || c > 9) return NO_NUMBER
    low = low * 10 + c
    p++
  }
  let v: f64 = toF64(low)
  while (p < end) {
    const c: i32 = ld8(p) - 48
    if (c < 0 || c > 9) return NO_NUMBER
    v = v * 10 + toF64(c)
    p++
  }
  return negative !== 0 ? -v : v
}

/** Parse `n` rows; those spelled otherwise are listed in `exceptions` and take the value before. Returns their number, or -1 past `most`. */
export function parseNumbers(args: i32): i32 {
  const starts: i32 = ld32(args)
  const ends: i32 = ld32(args + 4)
  const n: i32 = ld32(args + 8)
  const width: i32 = ld32(args + 12)
  const pad: i32 = ld32(args + 16)
  const values: i32 = ld32(args + 20)
  const exceptions: i32 = ld32(args + 24)
  const most: i32 = ld32(args + 28)
  let bad: i32 = 0
  let last: f64 = 0
  for (let i: i32 = 0; i < n; i++) {
    const v: f64 = parseNumber(ld32(starts + (i << 2)), ld32(ends + (i << 2)), width, pad)
    if (v === NO_NUMBER) {
      if (bad >= most) return -1
      st32(exceptions + (bad << 2), i)
      bad++
    } else last = v
    stf64(values + (i << 3), last)
  }
  return bad
}

/** Write a value as `parseNumber` reads it; returns the number of bytes (at most 20 or `width`). */
function formatNumber(value: f64, width: i32, pad: i32, out: i32): i32 {
  if (value < 0 && width === 0) {
    st8(out, 45)
    return formatMagnitude(-value, 0, pad, out + 1) + 1
  }
  return formatMagnitude(value, width, pad, out)
}

function formatMagnitude(value: f64, width: i32, pad: i32, out: i32): i32 {
  // Anything a hostile file makes of it must still be a number of at most 16 digits.
  let v: f64 = value >= 0 && value < 9007199254740992 ? value : 0
  let n: i32 = 1
  if (v < 1000000000) {
    const small: i32 = toI32(v)
    let limit: i32 = 10
    while (n < 9 && small >= limit) {
      limit *= 10
      n++
    }
    if (n < width) n = width
    let rest: i32 = small
    let p: i32 = out + n - 1
    do {
      const q: i32 = sdiv(rest, 10)
      st8(p, 48 + rest - q * 10)
      rest = q
      p--
    } while (rest !== 0)
    while (p >= out) {
      st8(p, pad)
      p--
    }
    return n
  }
  let limit: f64 = 10
  while (v >= limit) {
    limit = limit * 10
    n++
  }
  if (n < width) n = width
  let p: i32 = out + n - 1
  while (v > 0) {
    const q: f64 = floorF64(v / 10)
    st8(p, 48 + toI32(v - q * 10))
    v = q
    p--
  }
  while (p >= out) {
    st8(p, pad)
    p--
  }
  return n
}

/** Format `n` values one behind the other; starts and ends receive the places. Returns the address behind the last. */
export function formatNumbers(values: i32, n: i32, width: i32, pad: i32, out: i32, starts: i32, ends: i32): i32 {
  let at: i32 = out
  for (let i: i32 = 0; i < n; i++) {
    st32(starts + (i << 2), at)
    at += formatNumber(ldf64(values + (i << 3)), width, pad, at)
    st32(ends + (i << 2), at)
  }
  return at
}

/** Whether two texts of `n` bytes are the same; 15 readable bytes follow each. */
export function sameText(a: i32, b: i32, n: i32): i32 {
  for (let i: i32 = 0; i < n; i += 16) {
    let differ: i32 = differMask16(a + i, b + i)
    if (n - i < 16) differ &= (1 << (n - i)) - 1
    if (differ !== 0) return 0
  }
  return 1
}

function hashText(start: i32, end: i32): i32 {
  let h: i32 = mul32(end - start, -0x61c88647)
  let p: i32 = start
  while (end - p >= 4) {
    h = mul32(rotl(h, 13) ^ ldu32(p), -0x7a143589)
    p += 4
  }
  if (p < end) h = mul32(rotl(h, 13) ^ (ldu32(p) & ((1 << ((end - p) << 3)) - 1)), -0x7a143589)
  h ^= shru(h, 15)
  h = mul32(h, -0x3d4d51cb)
  return h ^ shru(h, 13)
}

/**
 * Give each row the id of its text, in the order of first appearance behind the `known` texts that stand already.
 *
 * @param args starts, ends, n, ids (out), texts (pairs of start and end, `known` of them filled), known, most (distinct
 *   texts at which to give up), table (zeroed), tableMask, seeded (0: `known` texts are not in the table yet)
 * @returns the number of distinct texts, or -1
 */
export function internRows(args: i32): i32 {
  const starts: i32 = ld32(args)
  const ends: i32 = ld32(args + 4)
  const n: i32 = ld32(args + 8)
  const ids: i32 = ld32(args + 12)
  const texts: i32 = ld32(args + 16)
  const known: i32 = ld32(args + 20)
  const most: i32 = ld32(args + 24)
  const table: i32 = ld32(args + 28)
  const mask: i32 = ld32(args + 32)
  for (let id: i32 = 0; id < known; id++) {
    const h: i32 = hashText(ld32(texts + (id << 3)), ld32(texts + (id << 3) + 4))
    let at: i32 = h & mask
    while (ld32(table + (at << 3)) !== 0) at = (at + 1) & mask
    st32(table + (at << 3), id + 1)
    st32(table + (at << 3) + 4, h)
  }
  let distinct: i32 = known
  for (let i: i32 = 0; i < n; i++) {
    const start: i32 = ld32(starts + (i << 2))
    const end: i32 = ld32(ends + (i << 2))
    const h: i32 = hashText(start, end)
    let at: i32 = h & mask
    let id: i32 = ld32(table + (at << 3)) - 1
    while (id >= 0) {
      if (ld32(table + (at << 3) + 4) === h) {
        const other: i32 = ld32(texts + (id << 3))
        if (ld32(texts + (id << 3) + 4) - other === end - start && sameText(start, other, end - start) !== 0) break
      }
      at = (at + 1) & mask
      id = ld32(table + (at << 3)) - 1
    }
    if (id < 0) {
      if (distinct >= most) return -1
      id = distinct
      distinct++
      st32(table + (at << 3), id + 1)
      st32(table + (at << 3) + 4, h)
      st32(texts + (id << 3), start)
      st32(texts + (id << 3) + 4, end)
    }
    st32(ids + (i << 2), id)
  }
  return distinct
}

/** Drop from starts and ends the rows equal to another column; `flags` receives 1 for each of them. Returns the rows left. */
export function splitEqual(args: i32): i32 {
  const starts: i32 = ld32(args)
  const ends: i32 = ld32(args + 4)
  const n: i32 = ld32(args + 8)
  const otherStarts: i32 = ld32(args + 12)
  const otherEnds: i32 = ld32(args + 16)
  const match: i32 = ld32(args + 20)
  const flags: i32 = ld32(args + 24)
  const restStarts: i32 = ld32(args + 28)
  const restEnds: i32 = ld32(args + 32)
  let left: i32 = 0
  for (let i: i32 = 0; i < n; i++) {
    const start: i32 = ld32(starts + (i << 2))
    const end: i32 = ld32(ends + (i << 2))
    const row: i32 = ld32(match + (i << 2)) << 2
    const other: i32 = ld32(otherStarts + row)
    const equal: i32 =
      ld32(otherEnds + row) - other === end - start && sameText(start, other, end - start) !== 0 ? 1 : 0
    st8(flags + i, equal)
    if (equal === 0) {
      st32(restStarts + (left << 2), start)
      st32(restEnds + (left << 2), end)
      left++
    }
  }
  return left
}

/** Zigzag: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4. */
export function zigzag(v: f64): f64 {
  return v < 0 ? -v * 2 - 1 : v * 2
}

function unzigzag(v: f64): f64 {
  const half: f64 = floorF64(v / 2)
  return half * 2 === v ? half : -half - 1
}

/** Prediction of a numeric column: 0 from a constant, 1 from the row before, 2 from another column, 3 from both. */
export function toResiduals(
  mode: i32,
  values: i32,
  n: i32,
  base: f64,
  others: i32,
  match: i32,
  scale: f64,
  out: i32,
): void {
  let last: f64 = base
  for (let i: i32 = 0; i < n; i++) {
    let v: f64 = ldf64(values + (i << 3))
    if (mode >= 2) v = v - ldf64(others + (ld32(match + (i << 2)) << 3)) * scale
    if (mode === 0) stf64(out + (i << 3), v - base)
    else if (mode === 2) stf64(out + (i << 3), zigzag(v - base))
    else {
      stf64(out + (i << 3), zigzag(v - last))
      last = v
    }
  }
}

export function fromResiduals(
  mode: i32,
  residuals: i32,
  n: i32,
  base: f64,
  others: i32,
  match: i32,
  scale: f64,
  out: i32,
): void {
  let last: f64 = base
  for (let i: i32 = 0; i < n; i++) {
    const r: f64 = ldf64(residuals + (i << 3))
    let v: f64 = 0
    if (mode === 0) v = r + base
    else if (mode === 2) v = unzigzag(r) + base
    else {
      v = unzigzag(r) + last
      last = v
    }
    if (mode >= 2) v = v + ldf64(others + (ld32(match + (i << 2)) << 3)) * scale
    stf64(out + (i << 3), v)
  }
}

/** Bits of a non-negative integer. */
export function bitLength(v: f64): i32 {
  if (v < 4294967296) return 32 - clz(toI32(v))
  return 64 - clz(toI32(floorF64(v / 4294967296)))
}

/** Rough cost in bits of the residuals of mode 0 or 1 of `n` rows: two bits and the length of each. */
export function residualCost(mode: i32, values: i32, n: i32, base: f64): i32 {
  let cost: i32 = 0
  let last: f64 = base
  let before: f64 = -1
  for (let i: i32 = 0; i < n; i++) {
    const v: f64 = ldf64(values + (i << 3))
    const r: f64 = mode === 0 ? v - base : zigzag(v - last)
    last = v
    // A residual that repeats is almost free behind an entropy coder.
    cost += r === before ? 1 : bitLength(r) + 2
    before = r
  }
  return cost
}

/** Smallest value of `n`. */
export function minValue(values: i32, n: i32): f64 {
  let least: f64 = ldf64(values)
  for (let i: i32 = 1; i < n; i++) {
    const v: f64 = ldf64(values + (i << 3))
    if (v < least) least = v
  }
  return least
}

export function maxValue(values: i32, n: i32): f64 {
  let most: f64 = ldf64(values)
  for (let i: i32 = 1; i < n; i++) {
    const v: f64 = ldf64(values + (i << 3))
    if (v > most) most = v
  }
  return most
}

/** Values (non-negative integers below 2^53) as LEB128. Returns the address behind the last byte. */
export function putVarints(values: i32, n: i32, out: i32): i32 {
  let at: i32 = out
  for (let i: i32 = 0; i < n; i++) {
    let v: f64 = ldf64(values + (i << 3))
    while (v >= 2147483648) {
      const high: f64 = floorF64(v / 128)
      st8(at, toI32(v - high * 128) | 128)
      at++
      v = high
    }
    let low: i32 = toI32(v)
    while (low > 127) {
      st8(at, (low & 127) | 128)
      at++
      low = low >> 7
    }
    st8(at, low)
    at++
  }
  return at
}

/** The reverse of {@link putVarints}; returns the address behind the last byte read, or -1 where the bytes end first or a number is too long. */
export function getVarints(from: i32, end: i32, n: i32, values: i32): i32 {
  let at: i32 = from
  for (let i: i32 = 0; i < n; i++) {
    if (at >= end) return -1
    let b: i32 = ld8(at)
    at++
    let low: i32 = b & 127
    let shift: i32 = 7
    while (b > 127 && shift < 28) {
      if (at >= end) return -1
      b = ld8(at)
      at++
      low |= (b & 127) << shift
      shift += 7
    }
    let v: f64 = toF64(low)
    let scale: f64 = 268435456
    while (b > 127) {
      if (at >= end || scale > 600000000000000) return -1
      b = ld8(at)
      at++
      v = v + toF64(b & 127) * scale
      scale = scale * 128
    }
    if (v >= 9007199254740992) return -1
    stf64(values + (i << 3), v)
  }
  return at
}

/** Low bytes of `n` 32-bit numbers, `width` bytes each, least significant plane first. */
export function putPlanes(ids: i32, n: i32, width: i32, out: i32): void {
  for (let plane: i32 = 0; plane < width; plane++) {
    const to: i32 = out + plane * n
    for (let i: i32 = 0; i < n; i++) st8(to + i, shru(ld32(ids + (i << 2)), plane << 3))
  }
}

export function getPlanes(from: i32, n: i32, width: i32, ids: i32): void {
  for (let i: i32 = 0; i < n; i++) st32(ids + (i << 2), ld8(from + i))
  for (let plane: i32 = 1; plane < width; plane++) {
    const at: i32 = from + plane * n
    for (let i: i32 = 0; i < n; i++) st32(ids + (i << 2), ld32(ids + (i << 2)) | (ld8(at + i) << (plane << 3)))
  }
}

/** Copy rows one behind the other, each closed by a newline. Returns the address behind the last. */
export function joinRows(starts: i32, ends: i32, n: i32, out: i32): i32 {
  let at: i32 = out
  for (let i: i32 = 0; i < n; i++) {
    const start: i32 = ld32(starts + (i << 2))
    const length: i32 = ld32(ends + (i << 2)) - start
    copyOver(at, start, length)
    at += length
    st8(at, 10)
    at++
  }
  return at
}

/** Places of `n` texts closed by newlines; returns the address behind the last newline, or -1 where there are fewer. */
export function splitTexts(from: i32, end: i32, n: i32, starts: i32, ends: i32, stride: i32): i32 {
  let at: i32 = from
  for (let i: i32 = 0; i < n; i++) {
    const start: i32 = at
    while (at < end && ld8(at) !== 10) at++
    if (at >= end) return -1
    st32(starts + i * stride, start)
    st32(ends + i * stride, at)
    at++
  }
  return at
}

/** Rows of a dictionary column; with `flagged`, id 0 means the row of the other column that `match` names. Returns 0 where an id has no text. */
export function lookupRows(args: i32): i32 {
  const ids: i32 = ld32(args)
  const n: i32 = ld32(args + 4)
  const texts: i32 = ld32(args + 8)
  const count: i32 = ld32(args + 12)
  const starts: i32 = ld32(args + 16)
  const ends: i32 = ld32(args + 20)
  const flagged: i32 = ld32(args + 24)
  const otherStarts: i32 = ld32(args + 28)
  const otherEnds: i32 = ld32(args + 32)
  const match: i32 = ld32(args + 36)
  for (let i: i32 = 0; i < n; i++) {
    let id: i32 = ld32(ids + (i << 2))
    if (flagged !== 0) {
      if (id === 0) {
        const row: i32 = ld32(match + (i << 2)) << 2
        st32(starts + (i << 2), ld32(otherStarts + row))
        st32(ends + (i << 2), ld32(otherEnds + row))
        continue
      }
      id--
    }
    if (id < 0 || id >= count) return 0
    st32(starts + (i << 2), ld32(texts + (id << 3)))
    st32(ends + (i << 2), ld32(texts + (id << 3) + 4))
  }
  return 1
}

/** Values below 256, one byte each. */
export function putBytes(values: i32, n: i32, out: i32): void {
  for (let i: i32 = 0; i < n; i++) st8(out + i, toI32(ldf64(values + (i << 3))))
}

export function getBytes(from: i32, n: i32, values: i32): void {
  for (let i: i32 = 0; i < n; i++) stf64(values + (i << 3), toF64(ld8(from + i)))
}

/** Bytes of `n` texts with a newline behind each. */
export function textBytes(starts: i32, ends: i32, n: i32): i32 {
  let bytes: i32 = n
  for (let i: i32 = 0; i < n; i++) bytes += ld32(ends + (i << 2)) - ld32(starts + (i << 2))
  return bytes
}

/** Set `n` 32-bit numbers to one value. */
export function fillWords(at: i32, n: i32, value: i32): void {
  for (let i: i32 = 0; i < n; i++) st32(at + (i << 2), value)
}

/** Spread the rows of a column that are coded apart: where a flag is set the row is that of the left column. Returns 0 where they end too soon. */
export function mergeEqual(args: i32): i32 {
  const flags: i32 = ld32(args)
  const n: i32 = ld32(args + 4)
  const restStarts: i32 = ld32(args + 8)
  const restEnds: i32 = ld32(args + 12)
  const rest: i32 = ld32(args + 16)
  const otherStarts: i32 = ld32(args + 20)
  const otherEnds: i32 = ld32(args + 24)
  const match: i32 = ld32(args + 28)
  const starts: i32 = ld32(args + 32)
  const ends: i32 = ld32(args + 36)
  let used: i32 = 0
  for (let i: i32 = 0; i < n; i++) {
    if (ld8(flags + i) !== 0) {
      const row: i32 = ld32(match + (i << 2)) << 2
      st32(starts + (i << 2), ld32(otherStarts + row))
      st32(ends + (i << 2), ld32(otherEnds + row))
    } else {
      if (used >= rest) return 0
      st32(starts + (i << 2), ld32(restStarts + (used << 2)))
      st32(ends + (i << 2), ld32(restEnds + (used << 2)))
      used++
    }
  }
  return used === rest ? 1 : 0
}

/**
 * Lines of the rows of every column: for each line, the next row of each column of its template is in it.
 *
 * @param columnLists per template: address of (number of columns, columns...)
 * @param cursors per column: next row
 */
export function assignLines(lineTemplate: i32, lines: i32, columnLists: i32, cursors: i32, rowLine: i32): void {
  for (let line: i32 = 0; line < lines; line++) {
    const list: i32 = ld32(columnLists + (ld32(lineTemplate + (line << 2)) << 2))
    const stop: i32 = list + 4 + (ld32(list) << 2)
    for (let p: i32 = list + 4; p < stop; p += 4) {
      const cursor: i32 = cursors + (ld32(p) << 2)
      const row: i32 = ld32(cursor)
      st32(cursor, row + 1)
      st32(rowLine + (row << 2), line)
    }
  }
}
