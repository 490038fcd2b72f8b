/**
 * Sums of what the codes of rows score, TypeScript side; `sums.as` has the same, with the same bits: the score of part s is added
 * to sum s mod 4, and the score of the row is (sum 0 + sum 1) + (sum 2 + sum 3).
 *
 * @module
 */
import type { f32, i32 } from '@pith/core/wasm/memory'
import { ld8, ld32, ldf32, st32, stf32 } from '@pith/core/wasm/memory'

const round = Math.fround
const SUMS = new Float32Array(4)

function total(): f32 {
  return round(round((SUMS[0] as number) + (SUMS[1] as number)) + round((SUMS[2] as number) + (SUMS[3] as number)))
}

/**
 * Scores of rows by codes of 8 bits.
 *
 * @param lut address of f32[m, 256]
 * @param codes address of u8[n, m]
 * @param list address of the u32[count] rows, or 0 for the rows from `first` on
 * @param out address of f32[count]
 */
export function sums8(lut: i32, codes: i32, m: i32, list: i32, first: i32, count: i32, out: i32): void {
  for (let i = 0; i < count; i++) {
    const code = codes + m * (list === 0 ? first + i : ld32(list + 4 * i))
    SUMS.fill(0)
    for (let s = 0; s < m; s++) {
      SUMS[s & 3] = (SUMS[s & 3] as number) + ldf32(lut + 4 * (256 * s + ld8(code + s)))
    }
    stf32(out + 4 * i, total())
  }
}

/**
 * Scores of rows by codes of 4 bits: byte b of a row has part 2 b in its lower half, part 2 b + 1 in its upper one.
 *
 * @param lut address of f32[2 bytes, 16]
 * @param blocks address of u8[ceil(n / 16), bytes, 16]: byte b of 16 rows stands together
 * @param list address of the u32[count] rows, or 0 for the rows from `first` on
 * @param out address of f32[count]
 */
export function sums4(lut: i32, blocks: i32, bytes: i32, list: i32, first: i32, count: i32, out: i32): void {
  for (let i = 0; i < count; i++) {
    const row = list === 0 ? first + i : ld32(list + 4 * i)
    const code = blocks + 16 * bytes * (row >> 4) + (row & 15)
    SUMS.fill(0)
    for (let b = 0; b < bytes; b++) {
      const pair = ld8(code + 16 * b)
      const s = (2 * b) & 3
      SUMS[s] = (SUMS[s] as number) + ldf32(lut + 4 * (32 * b + (pair & 15)))
      SUMS[s + 1] = (SUMS[s + 1] as number) + ldf32(lut + 4 * (32 * b + 16 + (pair >> 4)))
    }
    stf32(out + 4 * i, total())
  }
}

/**
 * The rows that score more than a limit, ascending.
 *
 * @param scores address of f32[count], of the rows from `first` on
 * @param limit address of f32[1]
 * @param filter address of the bits of rows that may come, or 0
 * @param out address of u32[count], for places: rows less `first`
 * @returns how many there are
 */
export function above(scores: i32, first: i32, count: i32, limit: i32, filter: i32, out: i32): i32 {
  const least = ldf32(limit)
  let found = 0
  for (let i = 0; i < count; i++) {
    if (!(ldf32(scores + 4 * i) > least)) continue
    if (filter !== 0 && ((ld32(filter + 4 * ((first + i) >> 5)) >> ((first + i) & 31)) & 1) === 0) continue
    st32(out + 4 * found, i)
    found++
  }
  return found
}
