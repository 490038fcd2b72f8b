/**
 * A row's score with the weights as they are, TypeScript side; `whole.as` has the same sums.
 *
 * @module
 */
import type { f64, i32 } from '@pith/core/wasm/memory'
import { ld8, ld16, ld32, ldf32, ldu16, ldu32, stf64 } from '@pith/core/wasm/memory'
import { HEAD_BYTES, MIDDLE, NARROW_HEAD, WIDE_HEAD } from './record.ts'

/**
 * Sums of products of codes with weights, f64[rows], of rows from `row` on.
 *
 * @param s address of the state of search.ts; its word 32 is the address of f32[components], the weights
 */
export function scoreWhole(s: i32, row: i32, rows: i32, out: i32): void {
  for (let i = 0; i < rows; i++) stf64(out + 8 * i, ld32(s + 96) !== 0 ? wide(s, row + i) : narrow(s, row + i))
}

function narrow(s: i32, row: i32): f64 {
  const weights = ld32(s + 128)
  const head = ld32(s) + HEAD_BYTES * row
  let sum: f64 = 0
  for (let i = 0; i < NARROW_HEAD; i++) sum += ldf32(weights + 4 * ld16(head + 2 * i)) * ld8(head + 40 + i)
  const tail = ld32(s + 4) + 2 * ld32(head + 60)
  const n = ldu16(tail)
  const middle = n < MIDDLE ? n : MIDDLE
  const codes = tail + 2 + 2 * middle
  for (let i = 0; i < middle; i++) sum += ldf32(weights + 4 * ld16(tail + 2 + 2 * i)) * ld8(codes + i)
  const rest = codes + middle
  for (let i = 0; i < n - middle; i++) sum += ldf32(weights + 4 * ld16(rest + 2 * i)) * ld8(rest + 2 * (n - middle) + i)
  return sum
}

function wide(s: i32, row: i32): f64 {
  const weights = ld32(s + 128)
  const head = ld32(s) + HEAD_BYTES * row
  let sum: f64 = 0
  for (let i = 0; i < WIDE_HEAD; i++) sum += ldf32(weights + 4 * ld32(head + 4 * i)) * ld8(head + 48 + i)
  const tail = ld32(s + 4) + 2 * ld32(head + 60)
  const n = ldu16(tail)
  const middle = n < MIDDLE ? n : MIDDLE
  const codes = tail + 2 + 4 * middle
  for (let i = 0; i < middle; i++) sum += ldf32(weights + 4 * ldu32(tail + 2 + 4 * i)) * ld8(codes + i)
  const rest = codes + middle
  for (let i = 0; i < n - middle; i++) {
    sum += ldf32(weights + 4 * ldu32(rest + 4 * i)) * ld8(rest + 4 * (n - middle) + i)
  }
  return sum
}
