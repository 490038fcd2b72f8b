/**
 * Text model on the context-mixing engine: orders 1 to 6, word, sparse, line above, and two matches.
 *
 * @module
 */
import type { i32 } from '../../wasm/memory.ts'
import { ld8, ld32, ldu32, mul32, shru, st8, st32 } from '../../wasm/memory.ts'
import {
  cmBytes,
  cmDecode,
  cmEncode,
  cmFinish,
  cmInit,
  cmMixKnown,
  cmOverrun,
  cmReadFrom,
  cmSetApm,
  cmSetContext,
  cmSetExpect,
  cmSetMixers,
  cmUse,
  cmWriteTo,
} from './cm.ts'

const CONTEXTS: i32 = 14
const SETS0: i32 = 64
const SETS1: i32 = 256
const APM_LOG: i32 = 12

let data: i32 = 0
let at: i32 = 0
let hashLog: i32 = 0
let longAt: i32 = 0
let shortAt: i32 = 0
let longMatch: i32 = 0
let longLength: i32 = 0
let shortMatch: i32 = 0
let shortLength: i32 = 0
let shortHash: i32 = 0
let longHash: i32 = 0
let word: i32 = 0
let lastWord: i32 = 0
let lineStart: i32 = 0
let lastLine: i32 = 0

/** Bytes of memory for a model whose context table has 2^tableLog bytes and whose match tables 2^matchLog entries. */
export function textBytes(tableLog: i32, matchLog: i32): i32 {
  return (cmBytes(tableLog, 1, SETS0, SETS1, APM_LOG) + (8 << matchLog)) | 0
}

function begin(base: i32, src: i32, tableLog: i32, matchLog: i32): void {
  longAt = (base + cmBytes(tableLog, 1, SETS0, SETS1, APM_LOG)) | 0
  cmInit(base, tableLog, 1, SETS0, SETS1, APM_LOG)
  shortAt = (longAt + (4 << matchLog)) | 0
  hashLog = matchLog
  data = src
  at = 0
  longMatch = 0
  longLength = 0
  shortMatch = 0
  shortLength = 0
  shortHash = 0
  longHash = 0
  word = 0
  lastWord = 0
  lineStart = 0
  lastLine = 0
  cmUse(0, CONTEXTS)
  cmMixKnown(4)
}

function hash2(a: i32, b: i32): i32 {
  const h = mul32(a, 0x2f0b4c47) ^ mul32((b + 0x1f35a7bd) | 0, -0x61c88647)
  return h ^ shru(h, 16)
}

function back(n: i32): i32 {
  return at >= n ? ld8(data + at - n) : 0
}

function lengthBucket(n: i32): i32 {
  if (n < 16) return n
  if (n < 32) return 16 + ((n - 16) >> 2)
  if (n < 512) return 20 + ((n - 32) >> 5)
  return 35
}

/** Contexts of the byte at `at`. */
function prepare(): void {
  const c1 = back(1)
  const c4 = at >= 4 ? ldu32(data + at - 4) : (back(1) << 24) | (back(2) << 16) | (back(3) << 8)
  const o2 = shru(c4, 16)
  const o3 = shru(c4, 8)
  const column = at - lineStart
  const above = lineStart > lastLine && lastLine + column < lineStart ? ld8(data + lastLine + column) : 0
  cmSetContext(0, 0)
  cmSetContext(1, c1 + 256)
  cmSetContext(2, o2 + 0x10000)
  cmSetContext(3, o3 + 0x1000000)
  cmSetContext(4, c4)
  cmSetContext(5, hash2(c4, back(5)))
  cmSetContext(6, hash2(c4, back(5) | (back(6) << 8)))
  cmSetContext(7, hash2(word, c1))
  cmSetContext(8, hash2(word, lastWord))
  cmSetContext(9, hash2(c4 & 0xffff00, 9))
  cmSetContext(10, hash2(above, o2))
  cmSetContext(11, hash2(column, above))
  cmSetContext(12, hash2(column, o2))
  const long = longLength > 0 ? ld8(data + longMatch) : 0
  const short = shortLength > 0 ? ld8(data + shortMatch) : 0
  const longBucket = longLength > 0 ? 1 + lengthBucket(longLength) : 0
  const shortBucket = shortLength > 0 ? 1 + lengthBucket(shortLength) : 0
  cmSetContext(13, longLength > 0 ? long + (longBucket << 8) : short + (shortBucket << 8) + 65536)
  cmSetExpect(0, long, longBucket)
  cmSetExpect(1, short, shortBucket)
  const l = longLength > 0 ? longLength : shortLength
  cmSetMixers(l === 0 ? 0 : l < 16 ? 1 : l < 32 ? 2 : 3, c1)
  cmSetApm(c1, o2)
}

/** Take the byte at `at` into the state. */
function take(byte: i32): void {
  if (longLength > 0 && ld8(data + longMatch) === byte) {
    longLength++
    longMatch++
  } else {
    longLength = 0
  }
  if (shortLength > 0 && ld8(data + shortMatch) === byte) {
    shortLength++
    shortMatch++
  } else {
    shortLength = 0
  }
  at++
  const lower = byte >= 65 && byte <= 90 ? byte + 32 : byte
  if ((lower >= 97 && lower <= 122) || byte >= 128) {
    word = mul32(word + lower, 0x2f0b4c47)
  } else if (word !== 0) {
    lastWord = word
    word = 0
  }
  if (byte === 10) {
    lastLine = lineStart
    lineStart = at
  }
  // What a byte adds moves up with each further one, so it has left the 32 bits after 7 or 16 of them.
  shortHash = mul32(shortHash + byte + 1, 0x35d1d3e0)
  longHash = mul32(longHash + byte + 1, 0x2f0b4c44)
  if (at >= 6) {
    const cell = (shortAt + (shru(shortHash, 32 - hashLog) << 2)) | 0
    if (shortLength === 0) {
      shortMatch = ld32(cell)
      shortLength = common(shortMatch)
    }
    st32(cell, at)
  }
  if (at >= 20) {
    const cell = (longAt + (shru(longHash, 32 - hashLog) << 2)) | 0
    if (longLength === 0) {
      longMatch = ld32(cell)
      longLength = common(longMatch)
      if (longLength < 20) longLength = 0
    }
    st32(cell, at)
  }
}

/** Equal bytes before `at` and before `other`, at most 32; 0 where `other` is nothing. */
function common(other: i32): i32 {
  let n = 0
  while (n < 32 && n < other && ld8(data + other - 1 - n) === ld8(data + at - 1 - n)) n++
  return n
}

/** Code `length` bytes from `src` to `dst`, at most up to `limit`; returns the bytes written, or -1 if they don't fit. */
export function textEncode(base: i32, tableLog: i32, matchLog: i32, src: i32, length: i32, dst: i32, limit: i32): i32 {
  begin(base, src, tableLog, matchLog)
  cmWriteTo(dst, limit)
  for (let i = 0; i < length; i++) {
    prepare()
    const byte = ld8(src + i)
    cmEncode(byte)
    take(byte)
  }
  const end = cmFinish()
  return end < 0 ? -1 : end - dst
}

/** Decode `length` bytes from the code in `src` up to `limit` to `dst`; returns the bytes missed at the end of the code. */
export function textDecode(base: i32, tableLog: i32, matchLog: i32, src: i32, limit: i32, dst: i32, length: i32): i32 {
  begin(base, dst, tableLog, matchLog)
  cmReadFrom(src, limit)
  for (let i = 0; i < length && cmOverrun() < 8; i++) {
    prepare()
    const byte = cmDecode()
    st8(dst + i, byte)
    take(byte)
  }
  return cmOverrun()
}
