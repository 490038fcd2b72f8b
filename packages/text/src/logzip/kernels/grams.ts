/** Which runs of three token bytes a text holds: the filter that a search asks first. */
import type { i32 } from '@pith/core/wasm/memory'
import { ld8, ld32, st8, st32 } from '@pith/core/wasm/memory'

/** Letters of either case are one symbol, digits another each, all bytes above 127 one. */
const SYMBOLS: i32 = 37
const NONE: i32 = 64

function symbolOf(c: i32): i32 {
  const letter: i32 = c | 32
  if (c < 128 && letter >= 97 && letter <= 122) return letter - 97
  if (c >= 48 && c <= 57) return c - 22
  return c >= 128 ? 36 : -1
}

/** What {@link markGrams} looks symbols up in: a byte for each byte, {@link NONE} where it is no symbol. */
export function fillSymbols(table: i32): void {
  for (let c: i32 = 0; c < 256; c++) {
    const symbol: i32 = symbolOf(c)
    st8(table + c, symbol < 0 ? NONE : symbol)
  }
}

/**
 * Set the bit a * 37 * 37 + b * 37 + c of `bits` for each three symbols that stand together in `n` bytes.
 *
 * @param table from {@link fillSymbols}
 */
export function markGrams(src: i32, n: i32, bits: i32, table: i32): void {
  let a: i32 = NONE
  let b: i32 = NONE
  for (let i: i32 = 0; i < n; i++) {
    const c: i32 = ld8(table + ld8(src + i))
    // Symbols are below 64: of three, none is NONE.
    if ((a | b | c) < NONE) {
      const gram: i32 = (a * SYMBOLS + b) * SYMBOLS + c
      const word: i32 = bits + ((gram >> 5) << 2)
      st32(word, ld32(word) | (1 << (gram & 31)))
    }
    a = b
    b = c
  }
}
