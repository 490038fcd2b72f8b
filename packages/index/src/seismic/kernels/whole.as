// AssemblyScript form of whole.ts: the same sums.
import { ld8, ld16, ld32, ldf32, ldu16, ldu32, stf64 } from '@pith/core/wasm/memory'
import { HEAD_BYTES, MIDDLE, NARROW_HEAD, WIDE_HEAD } from './record.ts'

export function scoreWhole(s: i32, row: i32, rows: i32, out: i32): void {
  for (let i = 0; i < rows; i++) stf64(out + 8 * i, ld32(s + 96) != 0 ? wide(s, row + i) : narrow(s, row + i))
}

function narrow(s: i32, row: i32): f64 {
  const weights = ld32(s + 128)
  const head = ld32(s) + HEAD_BYTES * row
  let sum: f64 = 0
  for (let i = 0; i < NARROW_HEAD; i++) sum += <f64>ldf32(weights + 4 * ld16(head + 2 * i)) * <f64>ld8(head + 40 + i)
  const tail = ld32(s + 4) + 2 * ld32(head + 60)
  const n = ldu16(tail)
  const middle = n < MIDDLE ? n : MIDDLE
  const codes = tail + 2 + 2 * middle
  for (let i = 0; i < middle; i++) sum += <f64>ldf32(weights + 4 * ld16(tail + 2 + 2 * i)) * <f64>ld8(codes + i)
  const rest = codes + middle
  for (let i = 0; i < n - middle; i++) sum += <f64>ldf32(weights + 4 * ld16(rest + 2 * i)) * <f64>ld8(rest + 2 * (n - middle) + i)
  return sum
}

function wide(s: i32, row: i32): f64 {
  const weights = ld32(s + 128)
  const head = ld32(s) + HEAD_BYTES * row
  let sum: f64 = 0
  for (let i = 0; i < WIDE_HEAD; i++) sum += <f64>ldf32(weights + 4 * ld32(head + 4 * i)) * <f64>ld8(head + 48 + i)
  const tail = ld32(s + 4) + 2 * ld32(head + 60)
  const n = ldu16(tail)
  const middle = n < MIDDLE ? n : MIDDLE
  const codes = tail + 2 + 4 * middle
  for (let i = 0; i < middle; i++) sum += <f64>ldf32(weights + 4 * ldu32(tail + 2 + 4 * i)) * <f64>ld8(codes + i)
  const rest = codes + middle
  for (let i = 0; i < n - middle; i++) {
    sum += <f64>ldf32(weights + 4 * ldu32(rest + 4 * i)) * <f64>ld8(rest + 4 * (n - middle) + i)
  }
  return sum
}
