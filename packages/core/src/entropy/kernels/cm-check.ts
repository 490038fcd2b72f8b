/**
 * A drive of the whole engine for tests: symbols of every width, banks, guesses and weight sets, from a small generator.
 *
 * @module
 */
import type { i32 } from '../../wasm/memory.ts'
import { mul32, shru, urem } from '../../wasm/memory.ts'
import {
  cmBytes,
  cmDecodeBits,
  cmEncodeBits,
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

const TABLE_LOG: i32 = 17
const BANKS: i32 = 4
const SETS: i32 = 40
const APM_LOG: i32 = 7

let state: i32 = 0

function next(): i32 {
  state = (mul32(state, 1664525) + 1013904223) | 0
  return shru(state, 8)
}

/** Set the contexts of symbol `i` and return its bits. */
function prepare(i: i32, last: i32): i32 {
  const bits = 1 + urem(i, 24)
  const which = i & 3
  cmUse(which, which * 8)
  if (which === 2) cmMixKnown(1)
  for (let k = 0; k < which * 8; k++) cmSetContext(k, mul32(last & ((1 << k) - 1), k + 77) + bits)
  for (let k = 0; k < which; k++) cmSetExpect(k, last & ((1 << bits) - 1), (i + k) & 63)
  cmSetMixers(urem(i, 7), bits)
  cmSetApm(bits, last & 255)
  return bits
}

/** Bytes that {@link cmCheckEncode} and {@link cmCheckDecode} need. */
export function cmCheckBytes(): i32 {
  return cmBytes(TABLE_LOG, BANKS, SETS, SETS, APM_LOG)
}

/** Code `count` symbols to `dst` up to `limit`; returns the bytes written, or -1 if they don't fit. */
export function cmCheckEncode(base: i32, count: i32, seed: i32, dst: i32, limit: i32): i32 {
  cmInit(base, TABLE_LOG, BANKS, SETS, SETS, APM_LOG)
  cmWriteTo(dst, limit)
  state = seed
  let last = 0
  for (let i = 0; i < count; i++) {
    const bits = prepare(i, last)
    // Two symbols of three repeat the last one, so that there is something to learn.
    if (urem(next(), 3) === 0) last = next()
    cmEncodeBits(last & ((1 << bits) - 1), bits)
  }
  const end = cmFinish()
  return end < 0 ? -1 : end - dst
}

/** Decode them again; returns how many symbols come back before the first that differs. */
export function cmCheckDecode(base: i32, count: i32, seed: i32, src: i32, limit: i32): i32 {
  cmInit(base, TABLE_LOG, BANKS, SETS, SETS, APM_LOG)
  cmReadFrom(src, limit)
  state = seed
  let last = 0
  for (let i = 0; i < count; i++) {
    const bits = prepare(i, last)
    if (urem(next(), 3) === 0) last = next()
    if (cmDecodeBits(bits) !== (last & ((1 << bits) - 1)) || cmOverrun() > 4) return i
  }
  return count
}
