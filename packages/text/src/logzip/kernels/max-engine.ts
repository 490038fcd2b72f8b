/** Level `max`: the two context-mixing engines, one for texts and one for symbols, and what both need. docs/format-max.md. */

import {
  cmBytes,
  cmDecodeBits,
  cmEncodeBits,
  cmFinish,
  cmInit,
  cmLoadCode,
  cmOpen,
  cmOverrun,
  cmReadFrom,
  cmSaveCode,
  cmWriteTo,
} from '@pith/core/kernels/cm'
import type { i32 } from '@pith/core/wasm/memory'
import { ld32, mul32, shru, st32 } from '@pith/core/wasm/memory'

const BANKS: i32 = 16
const SETS0: i32 = 2048
const SETS1: i32 = 1024
const APM_LOG: i32 = 12
/** State of the code, then of the model, in front of an engine. */
export const STATE_BYTES: i32 = 192

let decoding: i32 = 0
let current: i32 = 0
let guessAt: i32 = 0
let guessMask: i32 = 0

/** Bytes of an engine: context table of 2^tableLog bytes, 2^guessLog remembered values. */
export function maxEngineBytes(tableLog: i32, guessLog: i32): i32 {
  return (STATE_BYTES + cmBytes(tableLog, BANKS, SETS0, SETS1, APM_LOG) + (8 << guessLog)) | 0
}

/** Make a fresh engine in that many zeroed bytes from `base`, a multiple of 64. */
export function maxEngineInit(base: i32, tableLog: i32, guessLog: i32): void {
  cmInit((base + STATE_BYTES) | 0, tableLog, BANKS, SETS0, SETS1, APM_LOG)
  st32(base + 32, tableLog)
  st32(base + 36, guessLog)
}

/**
 * Work on with the engine at `base`: its model, its code, its remembered values. Every call from the host opens an engine
 * and leaves it again, so that nothing is kept in module state in between: twins share that.
 */
export function openEngine(base: i32): void {
  current = base
  const tableLog: i32 = ld32(base + 32)
  const guessLog: i32 = ld32(base + 36)
  cmLoadCode(base)
  decoding = ld32(base + 40)
  guessAt = (base + STATE_BYTES + cmBytes(tableLog, BANKS, SETS0, SETS1, APM_LOG)) | 0
  guessMask = ((1 << guessLog) - 1) | 0
  // Last, as the size above is asked of the same layout.
  cmOpen((base + STATE_BYTES) | 0, tableLog, BANKS, SETS0, SETS1, APM_LOG)
}

export function leaveEngine(): void {
  cmSaveCode(current)
}

/** Code with the engine at `base` to `dst`, up to `limit`. */
export function maxWriteTo(base: i32, dst: i32, limit: i32): void {
  cmWriteTo(dst, limit)
  cmSaveCode(base)
  st32(base + 40, 0)
}

/** Decode with the engine at `base` what stands in `src`, up to `limit`. */
export function maxReadFrom(base: i32, src: i32, limit: i32): void {
  cmReadFrom(src, limit)
  cmSaveCode(base)
  st32(base + 40, 1)
}

/** End the code of the engine at `base`; returns the address behind it, or -1 where it did not fit. */
export function maxFinish(base: i32): i32 {
  openEngine(base)
  const end: i32 = cmFinish()
  leaveEngine()
  return end
}

/** Bytes missed at the end of the code. */
export function maxOverrun(base: i32): i32 {
  openEngine(base)
  return cmOverrun()
}

export function isDecoding(): i32 {
  return decoding
}

/** Code a symbol in the contexts that are set, or decode it; returns it. */
export function symbol(value: i32, bits: i32): i32 {
  if (decoding !== 0) return cmDecodeBits(bits)
  cmEncodeBits(value, bits)
  return value
}

/** Bits that numbers below `limit` have. */
export function bitsBelow(limit: i32): i32 {
  let bits: i32 = 0
  while (limit - 1 >= 1 << bits && bits < 24) bits++
  return bits
}

export function mix2(a: i32, b: i32): i32 {
  const h: i32 = mul32(a, 0x2f0b4c47) ^ mul32((b + 0x1f35a7bd) | 0, -0x61c88647)
  return h ^ shru(h, 16)
}

export function mix3(a: i32, b: i32, c: i32): i32 {
  return mix2(mix2(a, b), c)
}

export function mix4(a: i32, b: i32, c: i32, d: i32): i32 {
  return mix2(mix2(a, b), mix2(c, d))
}

let cell: i32 = 0

/** Look at what was remembered under `hash`; returns how often it held in a row (0: nothing), the value by `guessValue`. */
export function guess(hash: i32): i32 {
  const h: i32 = mul32(hash, -0x7a143589)
  cell = (guessAt + ((shru(h, 7) & guessMask) << 3)) | 0
  const tag: i32 = ld32(cell + 4)
  return shru(tag, 8) === shru(h ^ shru(h, 11), 8) ? tag & 255 : 0
}

export function guessCell(): i32 {
  return cell
}

export function guessValue(at: i32): i32 {
  return ld32(at)
}

/** Remember that `value` came under `hash`, whose cell is `at`. */
export function learnGuess(at: i32, hash: i32, value: i32): void {
  const h: i32 = mul32(hash, -0x7a143589)
  const check: i32 = shru(h ^ shru(h, 11), 8) << 8
  const tag: i32 = ld32(at + 4)
  if ((tag & -256) === check && ld32(at) === value && (tag & 255) !== 0) {
    if ((tag & 255) < 60) st32(at + 4, tag + 1)
  } else {
    st32(at, value)
    st32(at + 4, check | 1)
  }
}
