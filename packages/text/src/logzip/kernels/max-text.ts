/** Level `max`: the text model, for templates, dictionaries and raw rows. */
import { cmMixKnown, cmOverrun, cmSetApm, cmSetContext, cmSetExpect, cmSetMixers, cmUse } from '@pith/core/kernels/cm'
import type { i32 } from '@pith/core/wasm/memory'
import { ld8, ld32, ldu32, mul32, shru, st8, st32 } from '@pith/core/wasm/memory'
import { isDecoding, leaveEngine, mix2, mix3, openEngine, symbol } from './max-engine.ts'

const CONTEXTS: i32 = 17
const MAX_OVERRUN: i32 = 8
/** Bytes of the line above that are searched for a delimiter; without a bound long lines take quadratic time. */
const FOLLOW_REACH: i32 = 256

let engine: i32 = 0
let data: i32 = 0
let at: i32 = 0
let end: i32 = 0
let hashLog: i32 = 0
let longAt: i32 = 0
let shortAt: i32 = 0
let longMatch: i32 = 0
let longLength: i32 = 0
let shortMatch: i32 = 0
let shortLength: i32 = 0
let word: i32 = 0
let digits: i32 = 0
let shape: i32 = 0
let skeleton: i32 = 0
let field: i32 = 0
let fields: i32 = 0
let lineStart: i32 = 0
let lastLine: i32 = 0
let above: i32 = 0

/**
 * Start the model of texts on a fresh engine.
 *
 * @param buffer receives or holds the texts, up to `limit`; at least 16 bytes before it are readable
 * @param matches 8 << matchLog zeroed bytes
 */
export function maxTextInit(base: i32, buffer: i32, limit: i32, matches: i32, matchLog: i32): void {
  openText(base)
  data = buffer
  at = buffer
  end = limit
  hashLog = matchLog
  longAt = matches
  shortAt = (matches + (4 << matchLog)) | 0
  longMatch = 0
  longLength = 0
  shortMatch = 0
  shortLength = 0
  word = 0
  digits = 0
  shape = 0
  skeleton = 0
  field = 0
  fields = 0
  lineStart = buffer
  lastLine = buffer
  above = 0
  leaveText()
}

function openText(base: i32): void {
  engine = base
  data = ld32(base + 64)
  at = ld32(base + 68)
  end = ld32(base + 72)
  hashLog = ld32(base + 76)
  longAt = ld32(base + 80)
  shortAt = ld32(base + 84)
  longMatch = ld32(base + 88)
  longLength = ld32(base + 92)
  shortMatch = ld32(base + 96)
  shortLength = ld32(base + 100)
  word = ld32(base + 104)
  digits = ld32(base + 108)
  shape = ld32(base + 112)
  skeleton = ld32(base + 116)
  field = ld32(base + 120)
  fields = ld32(base + 124)
  lineStart = ld32(base + 128)
  lastLine = ld32(base + 132)
  above = ld32(base + 136)
  openEngine(base)
}

function leaveText(): void {
  st32(engine + 64, data)
  st32(engine + 68, at)
  st32(engine + 72, end)
  st32(engine + 76, hashLog)
  st32(engine + 80, longAt)
  st32(engine + 84, shortAt)
  st32(engine + 88, longMatch)
  st32(engine + 92, longLength)
  st32(engine + 96, shortMatch)
  st32(engine + 100, shortLength)
  st32(engine + 104, word)
  st32(engine + 108, digits)
  st32(engine + 112, shape)
  st32(engine + 116, skeleton)
  st32(engine + 120, field)
  st32(engine + 124, fields)
  st32(engine + 128, lineStart)
  st32(engine + 132, lastLine)
  st32(engine + 136, above)
  leaveEngine()
}

/** Where the next byte goes. */
export function maxTextAt(base: i32): i32 {
  return ld32(base + 68)
}

function lengthBucket(n: i32): i32 {
  if (n < 16) return n
  if (n < 32) return 16 + ((n - 16) >> 2)
  if (n < 512) return 20 + ((n - 32) >> 5)
  return 35
}

function hashBack(n: i32): i32 {
  let h: i32 = n
  for (let i: i32 = 1; i <= n; i++) h = mul32(h + ld8(at - i) + 1, 0x2f0b4c47) ^ shru(h, 19)
  return h
}

/** Contexts of the byte at `at`, in a text of `kind`. */
function prepare(kind: i32): void {
  const c4: i32 = ldu32(at - 4)
  const c8: i32 = ldu32(at - 8)
  const c1: i32 = shru(c4, 24)
  const c2: i32 = shru(c4, 16)
  const c3: i32 = shru(c4, 8)
  const position: i32 = at - lineStart
  const up: i32 = above > 0 ? ld8(above) : 0
  const up2: i32 = above > 0 && up !== 10 ? ld8(above + 1) : 0
  cmSetContext(0, kind)
  cmSetContext(1, c1 + 256)
  cmSetContext(2, c2 + 0x10000)
  cmSetContext(3, c3 + 0x1000000)
  cmSetContext(4, mix2(c4, shru(c8, 24)))
  cmSetContext(5, mix2(word, c1))
  cmSetContext(6, mix3(up, c1, kind))
  cmSetContext(7, mix3(up, up2, c2))
  cmSetContext(8, mix3(kind, field, fields))
  cmSetContext(9, mix3(shape, digits, c1))
  cmSetContext(10, mix2(shape, kind))
  cmSetContext(11, mix3(c2 & 0xff, c4 & 0xffff, 17))
  cmSetContext(12, mix3(position, up, kind))
  cmSetContext(13, mix3(c4 & 0xffff00, field, 19))
  cmSetContext(14, mix3(word, shape & 255, 22))
  cmSetContext(15, mix3(up, field, 23))
  cmSetContext(16, mix2(skeleton, 25))
  if (longLength > 0) cmSetExpect(0, ld8(longMatch), 1 + lengthBucket(longLength))
  else cmSetExpect(0, 0, 0)
  if (shortLength > 0) cmSetExpect(1, ld8(shortMatch), 1 + lengthBucket(shortLength))
  else cmSetExpect(1, 0, 0)
  const l: i32 = longLength > 0 ? longLength : shortLength
  const quality: i32 = l === 0 ? 0 : l < 16 ? 1 : l < 32 ? 2 : 3
  cmSetMixers(quality * 2, (shape & 63) + 64 * (up === 0 ? 0 : up === 10 ? 1 : 2) + 256 * (longLength > 0 ? 1 : 0))
  cmSetApm(c1, c4 & -256)
}

function classOf(c: i32): i32 {
  if (c >= 48 && c <= 57) return 1
  const lower: i32 = c | 32
  if ((lower >= 97 && lower <= 122) || c >= 128) return c < 97 ? 2 : 3
  return 0
}

/** Take the byte into the state. */
function take(byte: i32): void {
  if (longLength > 0 && ld8(longMatch) === byte) {
    longLength++
    longMatch++
  } else longLength = 0
  if (shortLength > 0 && ld8(shortMatch) === byte) {
    shortLength++
    shortMatch++
  } else shortLength = 0
  const before: i32 = above > 0 ? ld8(above) : 0
  at++
  const kind: i32 = classOf(byte)
  shape = (shape << 2) | kind
  if (kind >= 2) {
    word = mul32(word + (byte | 32), 0x2f0b4c47)
    digits = 0
    field = mul32(field + byte + 1, 0x3d4d51cb)
  } else {
    word = 0
    if (kind === 1) {
      digits++
      field = mul32(field + byte + 1, 0x3d4d51cb)
    } else {
      digits = 0
      field = 0
      fields = mul32(fields + byte + 1, 0x2f0b4c47)
    }
  }
  if (kind !== 1 || (skeleton & 255) !== 48) {
    const c: i32 = kind === 1 ? 48 : byte
    skeleton = (skeleton << 8) | c
  }
  if (byte === 10) {
    lastLine = lineStart
    lineStart = at
    above = lastLine < lineStart ? lastLine : 0
    field = 0
    fields = 0
  } else if (above > 0) follow(byte, kind, before)
  if (at - data >= 5) {
    const cell: i32 = (shortAt + (shru(hashBack(5), 32 - hashLog) << 2)) | 0
    if (shortLength === 0) {
      shortMatch = ld32(cell)
      shortLength = common(shortMatch)
    }
    st32(cell, at)
  }
  if (at - data >= 12) {
    const cell: i32 = (longAt + (shru(hashBack(12), 32 - hashLog) << 2)) | 0
    if (longLength === 0) {
      longMatch = ld32(cell)
      longLength = common(longMatch)
      if (longLength < 10) longLength = 0
    }
    st32(cell, at)
  }
}

/** Keep the place in the line above in step: behind a delimiter it goes behind the same delimiter. */
function follow(byte: i32, kind: i32, before: i32): void {
  if (before === byte) above++
  else if (kind === 0) {
    let p: i32 = above
    const stop: i32 = above + FOLLOW_REACH
    while (p < stop && ld8(p) !== byte && ld8(p) !== 10) p++
    if (p < stop && ld8(p) === byte) above = p + 1
  } else if (before !== 10 && classOf(before) !== 0) above++
}

/** Equal bytes before `at` and before `other`, at most 32; 0 where `other` is nothing. */
function common(other: i32): i32 {
  if (other === 0) return 0
  let n: i32 = 0
  while (n < 32 && other - n > data && ld8(other - 1 - n) === ld8(at - 1 - n)) n++
  return n
}

/** Code `n` bytes of a kind. Returns 0 where they pass the limit or the code ends. */
export function maxTextBytes(base: i32, kind: i32, which: i32, n: i32): i32 {
  openText(base)
  const whole: i32 = codeBytes(kind, which, n)
  leaveText()
  return whole
}

function codeBytes(kind: i32, which: i32, n: i32): i32 {
  if (n > end - at) return 0
  cmUse(which, CONTEXTS)
  cmMixKnown(8)
  for (let i: i32 = 0; i < n; i++) {
    if (isDecoding() !== 0 && cmOverrun() > MAX_OVERRUN) return 0
    prepare(kind)
    const byte: i32 = symbol(ld8(at), 8)
    st8(at, byte)
    take(byte)
  }
  return 1
}

/** Code lines up to their newlines; as {@link maxTextBytes}. */
export function maxTextLines(base: i32, kind: i32, which: i32, n: i32): i32 {
  openText(base)
  const whole: i32 = codeLines(kind, which, n)
  leaveText()
  return whole
}

function codeLines(kind: i32, which: i32, n: i32): i32 {
  cmUse(which, CONTEXTS)
  cmMixKnown(8)
  for (let i: i32 = 0; i < n; ) {
    if (at >= end || (isDecoding() !== 0 && cmOverrun() > MAX_OVERRUN)) return 0
    prepare(kind)
    const byte: i32 = symbol(ld8(at), 8)
    st8(at, byte)
    take(byte)
    if (byte === 10) i++
  }
  return 1
}
