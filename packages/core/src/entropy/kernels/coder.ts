/**
 * Binary arithmetic coder: carry-less, 32-bit range, probabilities of 16 bits. docs/format-entropy.md section 2.
 *
 * @module
 */
import type { i32 } from '../../wasm/memory.ts'
import { ld8, ld32, ltu, shru, st8, st32 } from '../../wasm/memory.ts'

let low: i32 = 0
let high: i32 = -1
let code: i32 = 0
let at: i32 = 0
let end: i32 = 0
let overrun: i32 = 0

/** Start writing at `dst`, at most up to `limit`. */
export function coderWriteTo(dst: i32, limit: i32): void {
  low = 0
  high = -1
  at = dst
  end = limit
  overrun = 0
}

/** Start reading the bytes from `src` up to `limit`; zeros follow them. */
export function coderReadFrom(src: i32, limit: i32): void {
  low = 0
  high = -1
  at = src
  end = limit
  overrun = 0
  code = 0
  for (let i = 0; i < 4; i++) code = (code << 8) | coderNext()
}

/** Keep the state of the coder in 24 bytes at `p`, a multiple of 4, so that another code can be worked on in between. */
export function coderSave(p: i32): void {
  st32(p, low)
  st32(p + 4, high)
  st32(p + 8, code)
  st32(p + 12, at)
  st32(p + 16, end)
  st32(p + 20, overrun)
}

/** Go on with the state that {@link coderSave} kept at `p`. */
export function coderLoad(p: i32): void {
  low = ld32(p)
  high = ld32(p + 4)
  code = ld32(p + 8)
  at = ld32(p + 12)
  end = ld32(p + 16)
  overrun = ld32(p + 20)
}

/** Bytes that were missing: read past the end, or written past the limit. */
export function coderOverrun(): i32 {
  return overrun
}

/** Where the next byte is read or written. */
export function coderAt(): i32 {
  return at
}

function coderNext(): i32 {
  if (at < end) {
    at = (at + 1) | 0
    return ld8(at - 1)
  }
  overrun = (overrun + 1) | 0
  return 0
}

function coderPut(byte: i32): void {
  if (at < end) {
    st8(at, byte)
    at = (at + 1) | 0
  } else {
    overrun = (overrun + 1) | 0
  }
}

/** Split point for the probability `p` of a one, 1..65535, in units of 2^-16. */
function split(p: i32): i32 {
  const range = (high - low) | 0
  return (low + shru(range, 16) * p + shru((range & 0xffff) * p, 16)) | 0
}

/** Write `bit`, whose probability of being one is `p` / 65536; `p` in 1..65535. */
export function coderEncode(bit: i32, p: i32): void {
  const middle = split(p)
  if (bit !== 0) high = middle
  else low = (middle + 1) | 0
  while (((low ^ high) & -0x1000000) === 0) {
    coderPut(shru(high, 24))
    low = low << 8
    high = (high << 8) | 255
  }
}

/** Read a bit whose probability of being one is `p` / 65536. */
export function coderDecode(p: i32): i32 {
  const middle = split(p)
  const bit: i32 = ltu(middle, code) ? 0 : 1
  if (bit !== 0) high = middle
  else low = (middle + 1) | 0
  while (((low ^ high) & -0x1000000) === 0) {
    low = low << 8
    high = (high << 8) | 255
    code = (code << 8) | coderNext()
  }
  return bit
}

/** Write what is still needed to tell the last interval; returns the address after it, or -1 if the limit was hit. */
export function coderFinish(): i32 {
  // The shortest byte string whose continuation by zeros lies in low..high.
  if (low !== 0) {
    let bytes = 1
    while (bytes < 4) {
      const mask = shru(-1, 8 * bytes)
      const value = ((low + mask) | 0) & ~mask
      if (!ltu(value, low) && !ltu(high, value)) {
        low = value
        break
      }
      bytes++
    }
    for (let i = 0; i < bytes; i++) coderPut(shru(low, 24 - 8 * i) & 255)
  }
  return overrun === 0 ? at : -1
}
