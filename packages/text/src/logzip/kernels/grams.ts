/** Which runs of three token bytes a text holds: the filter that a search asks first. */
import type { i32 } from '@pith/core/wasm/memory'
import { ld8, ld32, st32 } from '@pith/core/wasm/memory'

/** Letters of either case are one symbol, digits another each, all bytes above 127 one. */
const SYMBOLS: i32 = 37

function symbolOf(c: i32): i32 {
  const letter: i32 = c | 32
  if (c < 128 && letter >= 97 && letter <= 122) return letter - 97
  if (c >= 48 && c <= 57) return c - 22
  return c >= 128 ? 36 : -1
}

/** Set the bit a * 37 * 37 + b * 37 + c of `bits` for each three symbols that stand together in `n` bytes. */
export function markGrams(src: i32, n: i32, bits: i32): void {
  let a: i32 = -1
  let b: i32 = -1
  for (let i: i32 = 0; i < n; i++) {
    const c: i32 = symbolOf(ld8(src + i))
    if (a >= 0 && b >= 0 && c >= 0) {
      const gram: i32 = (a * SYMBOLS + b) * SYMBOLS + c
      const word: i32 = bits + ((gram >> 5) << 2)
      st32(word, ld32(word) | (1 << (gram & 31)))
    }
    a = b
    b = c
  }
}
