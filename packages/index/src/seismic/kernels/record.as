// Unrolled form of record.ts: same names, same sums.
import { ld8 } from '@pith/core/wasm/memory'

export const HEAD_BYTES: i32 = 64
export const NARROW_HEAD: i32 = 20
export const WIDE_HEAD: i32 = 12
export const MIDDLE: i32 = 42

@inline
function one(components: i32, codes: i32, i: i32, table: i32): i32 {
  return ld8(table + <i32>load<u16>(components + 2 * i)) * ld8(codes + i)
}

@inline
function four(components: i32, codes: i32, i: i32, table: i32): i32 {
  return (
    one(components, codes, i, table) +
    one(components, codes, i + 1, table) +
    one(components, codes, i + 2, table) +
    one(components, codes, i + 3, table)
  )
}

@inline
export function sumNarrowHead(at: i32, table: i32): i32 {
  return (
    four(at, at + 40, 0, table) +
    four(at, at + 40, 4, table) +
    four(at, at + 40, 8, table) +
    four(at, at + 40, 12, table) +
    four(at, at + 40, 16, table)
  )
}

export function sumWideHead(at: i32, table: i32): i32 {
  return sumWide(at, at + 48, WIDE_HEAD, table)
}

export function sumNarrow(components: i32, codes: i32, count: i32, table: i32): i32 {
  let sum = 0
  let i = 0
  for (; i + 4 <= count; i += 4) sum += four(components, codes, i, table)
  for (; i < count; i++) sum += one(components, codes, i, table)
  return sum
}

export function sumWide(components: i32, codes: i32, count: i32, table: i32): i32 {
  let sum = 0
  for (let i = 0; i < count; i++) sum += ld8(table + load<i32>(components + 4 * i)) * ld8(codes + i)
  return sum
}

@inline
export function touch(at: i32, bytes: i32): i32 {
  let sink = 0
  for (let i = 0; i < bytes; i += 64) sink += ld8(at + i)
  return sink
}
