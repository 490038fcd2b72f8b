/**
 * Scans that give whole numbers, TypeScript side; `fast.as` has them in SIMD. Rows stand in blocks of 16, byte b of all of them
 * together: u8[ceil(n / 16), bytes, 16].
 *
 * @module
 */
import type { i32 } from '@pith/core/wasm/memory'
import { ld8, ld32, ldf32, st32 } from '@pith/core/wasm/memory'

const round = Math.fround

/** Whether a row exists and may come. */
function isOpen(row: i32, n: i32, filter: i32): boolean {
  return row < n && (filter === 0 || ((ld32(filter + 4 * (row >> 5)) >> (row & 31)) & 1) !== 0)
}

function sumAt(lut: i32, blocks: i32, bytes: i32, row: i32): i32 {
  const code = blocks + 16 * bytes * (row >> 4) + (row & 15)
  let sum = 0
  for (let b = 0; b < bytes; b++) {
    const pair = ld8(code + 16 * b)
    sum += ld8(lut + 32 * b + (pair & 15)) + ld8(lut + 32 * b + 16 + (pair >> 4))
  }
  return sum
}

/**
 * The rows of which the codes of 4 bits score at least `limit` in whole numbers, ascending.
 *
 * @param lut address of u8[2 bytes, 16], at most 127 each, and no row scores more than 65,535
 * @param blocks address of the first block; byte b has part 2 b in its lower half, part 2 b + 1 in its upper one
 * @param from first block to look at, `to` the one behind the last
 * @param n rows in all
 * @param filter address of the bits of rows that may come, or 0
 * @param out address of i32[16 (to - from), 2]: row and score
 * @returns how many there are
 */
export function fast4(
  lut: i32,
  blocks: i32,
  bytes: i32,
  from: i32,
  to: i32,
  n: i32,
  limit: i32,
  filter: i32,
  out: i32,
): i32 {
  let found = 0
  for (let row = 16 * from; row < 16 * to; row++) {
    if (!isOpen(row, n, filter)) continue
    const sum = sumAt(lut, blocks, bytes, row)
    if (sum < limit) continue
    st32(out + 8 * found, row)
    st32(out + 8 * found + 4, sum)
    found++
  }
  return found
}

function ones(byte: i32): i32 {
  const pairs = byte - ((byte >> 1) & 0x55)
  const fours = (pairs & 0x33) + ((pairs >> 2) & 0x33)
  return (fours + (fours >> 4)) & 15
}

/**
 * The rows of which at most `limit` bits differ from the query's, ascending.
 *
 * @param q address of u8[bytes]; bytes at most 8,191
 * @param out address of i32[16 (to - from), 2]: row and number of bits
 * @returns how many there are
 */
export function hamming(
  q: i32,
  blocks: i32,
  bytes: i32,
  from: i32,
  to: i32,
  n: i32,
  limit: i32,
  filter: i32,
  out: i32,
): i32 {
  let found = 0
  for (let row = 16 * from; row < 16 * to; row++) {
    if (!isOpen(row, n, filter)) continue
    const code = blocks + 16 * bytes * (row >> 4) + (row & 15)
    let differ = 0
    for (let b = 0; b < bytes; b++) differ += ones(ld8(code + 16 * b) ^ ld8(q + b))
    if (differ > limit) continue
    st32(out + 8 * found, row)
    st32(out + 8 * found + 4, differ)
    found++
  }
  return found
}

/**
 * The rows of which scale (sum step + base) + shift is more than a limit, ascending; sums are those of {@link fast4}.
 *
 * @param terms address of f32[3]: step, base and limit
 * @param scales address of f32[16 blocks]
 * @param shifts address of f32[16 blocks]
 * @param out address of u32[16 (to - from)]
 * @returns how many there are
 */
export function bounded4(
  lut: i32,
  blocks: i32,
  bytes: i32,
  from: i32,
  to: i32,
  n: i32,
  terms: i32,
  scales: i32,
  shifts: i32,
  filter: i32,
  out: i32,
): i32 {
  const step = ldf32(terms)
  const base = ldf32(terms + 4)
  const limit = ldf32(terms + 8)
  let found = 0
  for (let row = 16 * from; row < 16 * to; row++) {
    if (!isOpen(row, n, filter)) continue
    const score = round(round(round(sumAt(lut, blocks, bytes, row) * step) + base) * ldf32(scales + 4 * row))
    if (!(round(score + ldf32(shifts + 4 * row)) > limit)) continue
    st32(out + 4 * found, row)
    found++
  }
  return found
}
