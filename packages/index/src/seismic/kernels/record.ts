/**
 * Sums over rows, TypeScript side; `record.as` has them unrolled. The head of a row is a line of 64 bytes: its largest components, 20 of
 * 16 bits or 12 of 32 bits, then from byte 40 or 48 on as many codes of 8 bits (0 where a row has fewer), then from byte 60 on the place of
 * its tail, in units of 2 bytes. A tail starts a line of 64 bytes and is the number of its components, u16, the first 42 of them, their codes, then the others and theirs.
 *
 * @module
 */
import type { i32 } from '@pith/core/wasm/memory'
import { ld8, ld16, ldu32 } from '@pith/core/wasm/memory'

export const HEAD_BYTES: i32 = 64
/** Components of a head. */
export const NARROW_HEAD: i32 = 20
export const WIDE_HEAD: i32 = 12
/** Components of a tail that stand first in it. */
export const MIDDLE: i32 = 42

/** Sum of products of the codes of a head with the query's table of u8 by component. */
export function sumNarrowHead(at: i32, table: i32): i32 {
  return sumNarrow(at, at + 40, NARROW_HEAD, table)
}

export function sumWideHead(at: i32, table: i32): i32 {
  return sumWide(at, at + 48, WIDE_HEAD, table)
}

/** Sum of products of `count` codes, of components of 16 bits. */
export function sumNarrow(components: i32, codes: i32, count: i32, table: i32): i32 {
  let sum = 0
  for (let i = 0; i < count; i++) sum += ld8(table + ld16(components + 2 * i)) * ld8(codes + i)
  return sum | 0
}

/** The same for components of 32 bits, at any address. */
export function sumWide(components: i32, codes: i32, count: i32, table: i32): i32 {
  let sum = 0
  for (let i = 0; i < count; i++) sum += ld8(table + ldu32(components + 4 * i)) * ld8(codes + i)
  return sum | 0
}

/** Read a byte of each line of `bytes` bytes. What many such calls ask for comes together; what is read when it is needed comes one by one. */
export function touch(at: i32, bytes: i32): i32 {
  let sink = 0
  for (let i = 0; i < bytes; i += 64) sink += ld8(at + i)
  return sink | 0
}
