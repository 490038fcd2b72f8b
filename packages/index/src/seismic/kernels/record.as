// Unrolled form of record.ts: same names, same sums.
import { ld8 } from '@pith/core/wasm/memory'

export const HEAD_BYTES: i32 = 64
export const NARROW_HEAD: i32 = 20
export const WIDE_HEAD: i32 = 12
export const MIDDLE: i32 = 42

@inline
function one(table: i32, component: i32, code: i32): i32 {
  return ld8(table + component) * code
}

@inline
function four(table: i32, c: u64, v: i32): i32 {
  return (
    one(table, <i32>(c & 0xffff), v & 255) +
    one(table, <i32>((c >> 16) & 0xffff), (v >> 8) & 255) +
    one(table, <i32>((c >> 32) & 0xffff), (v >> 16) & 255) +
    one(table, <i32>(c >> 48), (v >>> 24) & 255)
  )
}

@inline
export function sumNarrowHead(at: i32, table: i32): i32 {
  return (
    four(table, load<u64>(at), load<i32>(at, 40)) +
    four(table, load<u64>(at, 8), load<i32>(at, 44)) +
    four(table, load<u64>(at, 16), load<i32>(at, 48)) +
    four(table, load<u64>(at, 24), load<i32>(at, 52)) +
    four(table, load<u64>(at, 32), load<i32>(at, 56))
  )
}

export function sumWideHead(at: i32, table: i32): i32 {
  return sumWide(at, at + 48, WIDE_HEAD, table)
}

export function sumNarrow(components: i32, codes: i32, count: i32, table: i32): i32 {
  let sum = 0
  let i = 0
  for (; i + 4 <= count; i += 4) sum += four(table, load<u64>(components + 2 * i), load<i32>(codes + i))
  for (; i < count; i++) sum += one(table, <i32>load<u16>(components + 2 * i), ld8(codes + i))
  return sum
}

export function sumWide(components: i32, codes: i32, count: i32, table: i32): i32 {
  let sum = 0
  for (let i = 0; i < count; i++) sum += one(table, load<i32>(components + 4 * i), ld8(codes + i))
  return sum
}

@inline
export function touch(at: i32, bytes: i32): i32 {
  let sink = 0
  for (let i = 0; i < bytes; i += 64) sink += ld8(at + i)
  return sink
}
