/**
 * Summaries of a group of up to 256 blocks, by component: a hash table whose buckets hold, for each component, the blocks that have it and
 * their codes. A table is u32 bits, u32[2^bits + 1] where buckets start, relative to the table, then for each component of a bucket: itself,
 * u16 or u32, u8 blocks less one, (u8 block, u8 code) of each.
 *
 * @module
 */
import type { i32 } from '@pith/core/wasm/memory'
import { ld8, ld32, ldu16, ldu32, mul32, shru, st32 } from '@pith/core/wasm/memory'

/** The bucket of a component. */
export function bucketOf(component: i32, bits: i32): i32 {
  return bits === 0 ? 0 : shru(mul32(component, -0x61c88647), 32 - bits)
}

/** Add to the sum of each block the products of its codes with those of the query, (u32 component, u32 code)[terms]. */
export function addSummaries(table: i32, query: i32, terms: i32, isWide: i32, sums: i32): void {
  const bits = ld32(table)
  for (let t = 0; t < terms; t++) {
    const component = ld32(query + 8 * t)
    const starts = table + 4 + 4 * bucketOf(component, bits)
    const at = isWide !== 0 ? findWide(table, starts, component) : findNarrow(table, starts, component)
    if (at !== 0) addEntries(at, ld32(query + 8 * t + 4), sums)
  }
}

/** Read where the components of a query stand, so that it comes together. */
export function touchBuckets(table: i32, query: i32, terms: i32): i32 {
  const bits = ld32(table)
  let sink = 0
  for (let t = 0; t < terms; t++) sink += ld8(table + 4 + 4 * bucketOf(ld32(query + 8 * t), bits))
  for (let t = 0; t < terms; t++) sink += ld8(table + ld32(table + 4 + 4 * bucketOf(ld32(query + 8 * t), bits)))
  return sink | 0
}

/** Address of the number of blocks of a component, or 0. */
function findNarrow(table: i32, starts: i32, component: i32): i32 {
  const end = table + ld32(starts + 4)
  let at = table + ld32(starts)
  while (at < end) {
    if (ldu16(at) === component) return at + 2
    at += 5 + 2 * ld8(at + 2)
  }
  return 0
}

function findWide(table: i32, starts: i32, component: i32): i32 {
  const end = table + ld32(starts + 4)
  let at = table + ld32(starts)
  while (at < end) {
    if (ldu32(at) === component) return at + 4
    at += 7 + 2 * ld8(at + 4)
  }
  return 0
}

function addEntries(at: i32, code: i32, sums: i32): void {
  const end = at + 3 + 2 * ld8(at)
  for (let entry = at + 1; entry < end; entry += 2) {
    const sum = sums + 4 * ld8(entry)
    st32(sum, (ld32(sum) + code * ld8(entry + 1)) | 0)
  }
}
