/**
 * Steps A to C of the pipeline: lines, tokens that vary, and a signature for what stays the same.
 *
 * A token is a maximal run of digits, letters and bytes above 127; one that holds a digit is a slot. In JSON, and in lines
 * with two or more quoted texts, the body of "..." is one slot, unless a colon follows (a JSON key is static). The static rest of a line is hashed into its
 * signature; a hash that is met again is compared byte for byte, so that a collision never mixes two signatures.
 */
import type { i32 } from '@pith/core/wasm/memory'
import {
  clz,
  copy,
  ctz,
  digitMask16,
  equalMask16,
  ld8,
  ld32,
  ldu32,
  mul32,
  rotl,
  shru,
  st8,
  st32,
  tokenMask16,
} from '@pith/core/wasm/memory'
import { sameText } from './values.ts'

const NEWLINE: i32 = 10
const RETURN: i32 = 13
const SPACE: i32 = 32
const QUOTE: i32 = 34
const BRACE: i32 = 123
const COLON: i32 = 58
const HYPHEN: i32 = 45
const UNDERSCORE: i32 = 95
const EQUALS: i32 = 61
const BRACKET: i32 = 91
const PARENTHESIS: i32 = 40
const COMMA: i32 = 44
const BACKSLASH: i32 = 92

function isSignPlace(c: i32): i32 {
  const bracket: i32 = c === BRACKET || c === PARENTHESIS ? 1 : 0
  return bracket !== 0 || c === UNDERSCORE || c === EQUALS || c === COLON || c === COMMA || c === SPACE ? 1 : 0
}

/** Newlines in `n` bytes; 15 readable bytes follow. */
export function countNewlines(src: i32, n: i32): i32 {
  let count: i32 = 0
  for (let i: i32 = 0; i < n; i += 16) {
    let mask: i32 = equalMask16(src + i, NEWLINE)
    if (n - i < 16) mask &= (1 << (n - i)) - 1
    while (mask !== 0) {
      mask &= mask - 1
      count++
    }
  }
  return count
}

/** Offset behind the `k`-th newline (from 1), or -1 where there are fewer. */
export function offsetOfLine(src: i32, n: i32, k: i32): i32 {
  let count: i32 = 0
  for (let i: i32 = 0; i < n; i += 16) {
    let mask: i32 = equalMask16(src + i, NEWLINE)
    if (n - i < 16) mask &= (1 << (n - i)) - 1
    while (mask !== 0) {
      count++
      if (count === k) return i + ctz(mask) + 1
      mask &= mask - 1
    }
  }
  return -1
}

/**
 * Split at newlines: start, end without the line ending, and its code (0 "\n", 1 "\r\n", 2 none) of each line.
 * Returns the number of lines.
 */
export function splitLines(src: i32, n: i32, starts: i32, ends: i32, eols: i32): i32 {
  let line: i32 = 0
  let start: i32 = src
  const stop: i32 = src + n
  for (let p: i32 = src; p < stop; p += 16) {
    let mask: i32 = equalMask16(p, NEWLINE)
    if (stop - p < 16) mask &= (1 << (stop - p)) - 1
    while (mask !== 0) {
      const at: i32 = p + ctz(mask)
      mask &= mask - 1
      const crlf: i32 = at > start && ld8(at - 1) === RETURN ? 1 : 0
      st32(starts + (line << 2), start)
      st32(ends + (line << 2), at - crlf)
      st8(eols + line, crlf)
      line++
      start = at + 1
    }
  }
  if (start < stop) {
    st32(starts + (line << 2), start)
    st32(ends + (line << 2), stop)
    st8(eols + line, 2)
    line++
  }
  return line
}

/** One bit a byte: `tokens` where a token goes on, `marks` where a slot may begin (digits and quotes). */
export function buildMasks(src: i32, n: i32, tokens: i32, marks: i32): void {
  let out: i32 = 0
  for (let i: i32 = 0; i < n; i += 32) {
    const p: i32 = src + i
    st32(tokens + out, tokenMask16(p) | (tokenMask16(p + 16) << 16))
    const low: i32 = digitMask16(p) | equalMask16(p, QUOTE)
    const high: i32 = digitMask16(p + 16) | equalMask16(p + 16, QUOTE)
    st32(marks + out, low | (high << 16))
    out += 4
  }
  st32(tokens + out, 0)
  st32(marks + out, 0)
}

/** First set bit at or behind `i`, at most `limit`. */
function nextSet(bits: i32, i: i32, limit: i32): i32 {
  if (i >= limit) return limit
  let word: i32 = ld32(bits + ((i >> 5) << 2)) & (-1 << (i & 31))
  let base: i32 = i & -32
  while (word === 0) {
    base += 32
    if (base >= limit) return limit
    word = ld32(bits + (base >> 3))
  }
  const at: i32 = base + ctz(word)
  return at < limit ? at : limit
}

/** First clear bit at or behind `i`, at most `limit`. */
function nextClear(bits: i32, i: i32, limit: i32): i32 {
  if (i >= limit) return limit
  let word: i32 = ~ld32(bits + ((i >> 5) << 2)) & (-1 << (i & 31))
  let base: i32 = i & -32
  while (word === 0) {
    base += 32
    if (base >= limit) return limit
    word = ~ld32(bits + (base >> 3))
  }
  const at: i32 = base + ctz(word)
  return at < limit ? at : limit
}

/** Start of the run of set bits that ends before `i` (bits `floor`..`i - 1`), at least `floor`. */
function runStart(bits: i32, i: i32, floor: i32): i32 {
  if (i <= floor) return floor
  const last: i32 = i - 1
  let word: i32 = ~ld32(bits + ((last >> 5) << 2)) & shru(-1, 31 - (last & 31))
  let base: i32 = last & -32
  while (word === 0) {
    if (base <= floor) return floor
    base -= 32
    word = ~ld32(bits + (base >> 3))
  }
  const at: i32 = base + 32 - clz(word)
  return at > floor ? at : floor
}

/** The quote that closes a body starting at `i` (not one behind an odd number of backslashes), or `limit`. */
function closingQuote(src: i32, marks: i32, i: i32, limit: i32): i32 {
  let at: i32 = nextSet(marks, i, limit)
  while (at < limit) {
    if (ld8(src + at) === QUOTE) {
      let back: i32 = at
      while (back > i && ld8(src + back - 1) === BACKSLASH) back--
      if (((at - back) & 1) === 0) return at
    }
    at = nextSet(marks, at + 1, limit)
  }
  return limit
}

/**
 * Whether the quoted texts of a line are slots: it is a JSON object, or has two or more of them. A single quoted text is often
 * part of a sentence that stays the same.
 */
function isQuoted(src: i32, first: i32, at: i32, limit: i32): i32 {
  if (ld8(src + first) === BRACE) return 1
  let quotes: i32 = 0
  for (let i: i32 = at; i < limit; i += 16) {
    let mask: i32 = equalMask16(src + i, QUOTE)
    if (limit - i < 16) mask &= (1 << (limit - i)) - 1
    while (mask !== 0) {
      mask &= mask - 1
      quotes++
    }
    if (quotes >= 4) return 1
  }
  return 0
}

function hashStatic(h0: i32, from: i32, to: i32): i32 {
  let h: i32 = mul32(h0 ^ (to - from), -0x61c88647)
  let p: i32 = from
  // Four products at once, so that one step need not wait for the one before.
  while (to - p >= 16) {
    const low: i32 = mul32(ldu32(p), 0x2c1b3c6d) ^ mul32(ldu32(p + 4), 0x297a2d39)
    const high: i32 = mul32(ldu32(p + 8), 0x1b873593) ^ mul32(ldu32(p + 12), -0x3361d2af)
    h = mul32(rotl(h, 13) ^ low ^ rotl(high, 7), -0x7a143589)
    p += 16
  }
  while (to - p >= 4) {
    h = mul32(rotl(h, 13) ^ ldu32(p), -0x7a143589)
    p += 4
  }
  if (p < to) h = mul32(rotl(h, 13) ^ (ldu32(p) & ((1 << ((to - p) << 3)) - 1)), -0x7a143589)
  return h ^ shru(h, 15)
}

/** Whether two lines with `slots` slots each have the same static text. */
function sameStatic(a: i32, aEnd: i32, aSlots: i32, b: i32, bEnd: i32, bSlots: i32, slots: i32): i32 {
  let pa: i32 = a
  let pb: i32 = b
  for (let k: i32 = 0; k < slots; k++) {
    const sa: i32 = ld32(aSlots + (k << 3))
    const sb: i32 = ld32(bSlots + (k << 3))
    if (sa - pa !== sb - pb || sameText(pa, pb, sa - pa) === 0) return 0
    pa = ld32(aSlots + (k << 3) + 4)
    pb = ld32(bSlots + (k << 3) + 4)
  }
  return aEnd - pa === bEnd - pb && sameText(pa, pb, aEnd - pa) !== 0 ? 1 : 0
}

/**
 * Find the slots and the signature of each line.
 *
 * @param args addresses and sizes, 32 bits each: src, lines, starts, ends, tokens, marks, slots (pairs of
 *   start and end), slotCapacity, slotBase (per line), lineSignature (per line; -1 is raw), table, tableMask,
 *   signatures (16 bytes each: hash, line, count, slots), signatureCapacity, maxLineBytes
 * @returns the number of signatures; args[15] receives the number of slots
 */
export function scanLines(args: i32): i32 {
  const src: i32 = ld32(args)
  const lines: i32 = ld32(args + 4)
  const starts: i32 = ld32(args + 8)
  const ends: i32 = ld32(args + 12)
  const tokens: i32 = ld32(args + 16)
  const marks: i32 = ld32(args + 20)
  const slots: i32 = ld32(args + 24)
  const slotCapacity: i32 = ld32(args + 28)
  const slotBase: i32 = ld32(args + 32)
  const lineSignature: i32 = ld32(args + 36)
  const table: i32 = ld32(args + 40)
  const tableMask: i32 = ld32(args + 44)
  const signatures: i32 = ld32(args + 48)
  const signatureCapacity: i32 = ld32(args + 52)
  const maxLineBytes: i32 = ld32(args + 56)
  let used: i32 = 0
  let found: i32 = 0
  for (let line: i32 = 0; line < lines; line++) {
    const lineStart: i32 = ld32(starts + (line << 2))
    const lineEnd: i32 = ld32(ends + (line << 2))
    const first: i32 = lineStart - src
    const limit: i32 = lineEnd - src
    st32(slotBase + (line << 2), used)
    st32(lineSignature + (line << 2), -1)
    // A line needs at most one slot for every two bytes, and one more.
    const room: i32 = ((limit - first) >> 1) + 1
    if (limit - first > maxLineBytes || used + room > slotCapacity) continue
    const own: i32 = slots + (used << 3)
    let h: i32 = 0
    let count: i32 = 0
    let done: i32 = first
    let quoted: i32 = -1
    let at: i32 = nextSet(marks, first, limit)
    while (at < limit) {
      let from: i32 = 0
      let to: i32 = 0
      if (ld8(src + at) === QUOTE) {
        if (quoted < 0) quoted = isQuoted(src, first, at, limit)
        to = quoted === 0 ? limit : closingQuote(src, marks, at + 1, limit)
        if (to >= limit) {
          // What closes none of the quotes before it closes none of those behind it either.
          quoted = 0
          at = nextSet(marks, at + 1, limit)
          continue
        }
        if (to + 1 < limit && ld8(src + to + 1) === COLON) {
          at = nextSet(marks, to + 1, limit)
          continue
        }
        from = at + 1
        at = to + 1
      } else {
        from = runStart(tokens, at, done)
        to = nextClear(tokens, at, limit)
        // A sign belongs to its number: `blk_-1` is like `blk_1`, but in `1-2` and `--1` the hyphen is a delimiter.
        if (from - 2 >= done && ld8(src + from - 1) === HYPHEN && isSignPlace(ld8(src + from - 2)) !== 0) from--
        // A number that is padded with spaces takes all but the first of them with it: `Jun  9` is like `Jun 10`.
        while (from - 2 >= done && ld8(src + from - 1) === SPACE && ld8(src + from - 2) === SPACE) from--
        at = to
      }
      h = hashStatic(h, src + done, src + from)
      st32(own + (count << 3), src + from)
      st32(own + (count << 3) + 4, src + to)
      count++
      done = to
      at = nextSet(marks, at, limit)
    }
    h = hashStatic(h ^ count, src + done, lineEnd)
    let entry: i32 = (h ^ shru(h, 16)) & tableMask
    let signature: i32 = ld32(table + (entry << 2)) - 1
    while (signature >= 0) {
      const record: i32 = signatures + (signature << 4)
      if (ld32(record) === h && ld32(record + 12) === count) {
        const other: i32 = ld32(record + 4)
        const otherSlots: i32 = slots + (ld32(slotBase + (other << 2)) << 3)
        const otherStart: i32 = ld32(starts + (other << 2))
        if (sameStatic(lineStart, lineEnd, own, otherStart, ld32(ends + (other << 2)), otherSlots, count) !== 0) break
      }
      entry = (entry + 1) & tableMask
      signature = ld32(table + (entry << 2)) - 1
    }
    if (signature < 0) {
      if (found >= signatureCapacity) continue
      signature = found
      found++
      st32(table + (entry << 2), signature + 1)
      const record: i32 = signatures + (signature << 4)
      st32(record, h)
      st32(record + 4, line)
      st32(record + 8, 0)
      st32(record + 12, count)
    }
    const record: i32 = signatures + (signature << 4)
    st32(record + 8, ld32(record + 8) + 1)
    st32(lineSignature + (line << 2), signature)
    used += count
  }
  st32(args + 60, used)
  return found
}

/**
 * Static text of each signature's first line with a newline for each slot, one behind the other. Returns the end of the
 * last; without an `out`, the number of bytes.
 *
 * @param args signatures (as in {@link scanLines}), their number, starts, ends, slotBase, slots, out, keyEnds (out)
 */
export function signatureKeys(args: i32): i32 {
  const records: i32 = ld32(args)
  const n: i32 = ld32(args + 4)
  const starts: i32 = ld32(args + 8)
  const ends: i32 = ld32(args + 12)
  const slotBase: i32 = ld32(args + 16)
  const slots: i32 = ld32(args + 20)
  const out: i32 = ld32(args + 24)
  const keyEnds: i32 = ld32(args + 28)
  let at: i32 = out
  for (let s: i32 = 0; s < n; s++) {
    const line: i32 = ld32(records + (s << 4) + 4)
    const count: i32 = ld32(records + (s << 4) + 12)
    const own: i32 = slots + (ld32(slotBase + (line << 2)) << 3)
    let done: i32 = ld32(starts + (line << 2))
    for (let k: i32 = 0; k < count; k++) {
      const from: i32 = ld32(own + (k << 3))
      if (out !== 0) {
        copy(at, done, from - done)
        st8(at + from - done, NEWLINE)
      }
      at += from - done + 1
      done = ld32(own + (k << 3) + 4)
    }
    const rest: i32 = ld32(ends + (line << 2)) - done
    if (out !== 0) {
      copy(at, done, rest)
      st32(keyEnds + (s << 2), at + rest)
    }
    at += rest
  }
  return at
}
