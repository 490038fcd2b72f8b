/**
 * Summaries of a group of up to 256 blocks, by component: a hash table. It is u8 bits, u8 bytes of a tag, u16 0, u16[2^bits + 1] entries
 * before each bucket, then the entries: tag, u8 block, u8 code. Components of 16 bits are mixed within 16 bits; their first `bits` bits are
 * the bucket, and the tag is what is left of them (1 byte where that is enough, else all 2). Of 32 bits, the tag is the component.
 *
 * @module
 */
import type { i32 } from '@pith/core/wasm/memory'
import { ld8, ld32, ldu16, ldu32, mul32, shru, st32 } from '@pith/core/wasm/memory'

/** Mixed bits of a component, of which the first name the bucket: 16 of them, or 32. */
export function mixNarrow(component: i32): i32 {
  return (component * 40503) & 0xffff
}

export function mixWide(component: i32): i32 {
  return mul32(component, -0x61c88647)
}

/** Add to the sum of each block the products of its codes with those of the query, (u32 component, u32 code)[terms]. */
export function addSummaries(table: i32, query: i32, terms: i32, sums: i32): void {
  const bits = ld8(table)
  const width = ld8(table + 1)
  const entries = table + 6 + (2 << bits)
  for (let t = 0; t < terms; t++) {
    const component = ld32(query + 8 * t)
    const code = ld32(query + 8 * t + 4)
    if (width === 1) {
      const mixed = mixNarrow(component)
      const bucket = table + 4 + 2 * shru(mixed, 16 - bits)
      addBytes(entries + 3 * ldu16(bucket), entries + 3 * ldu16(bucket + 2), mixed & 255, code, sums)
    } else if (width === 2) {
      const mixed = mixNarrow(component)
      const bucket = table + 4 + 2 * shru(mixed, 16 - bits)
      addPairs(entries + 4 * ldu16(bucket), entries + 4 * ldu16(bucket + 2), mixed, code, sums)
    } else {
      const bucket = table + 4 + 2 * (bits === 0 ? 0 : shru(mixWide(component), 32 - bits))
      addWide(entries + 6 * ldu16(bucket), entries + 6 * ldu16(bucket + 2), component, code, sums)
    }
  }
}

/** Read where the components of a query stand, so that it comes together. */
export function touchBuckets(table: i32, query: i32, terms: i32): i32 {
  const bits = ld8(table)
  const width = ld8(table + 1)
  const entries = table + 6 + (2 << bits)
  let sink = 0
  for (let t = 0; t < terms; t++) {
    const component = ld32(query + 8 * t)
    const bucket =
      width === 4 ? (bits === 0 ? 0 : shru(mixWide(component), 32 - bits)) : shru(mixNarrow(component), 16 - bits)
    sink += ldu16(table + 4 + 2 * bucket)
  }
  for (let t = 0; t < terms; t++) {
    const component = ld32(query + 8 * t)
    const bucket =
      width === 4 ? (bits === 0 ? 0 : shru(mixWide(component), 32 - bits)) : shru(mixNarrow(component), 16 - bits)
    sink += ld8(entries + (width + 2) * ldu16(table + 4 + 2 * bucket))
  }
  return sink | 0
}

function add(sums: i32, block: i32, product: i32): void {
  st32(sums + 4 * block, (ld32(sums + 4 * block) + product) | 0)
}

function addBytes(from: i32, to: i32, tag: i32, code: i32, sums: i32): void {
  for (let at = from; at < to; at += 3) {
    if (ld8(at) === tag) add(sums, ld8(at + 1), code * ld8(at + 2))
  }
}

function addPairs(from: i32, to: i32, tag: i32, code: i32, sums: i32): void {
  for (let at = from; at < to; at += 4) {
    if (ldu16(at) === tag) add(sums, ld8(at + 2), code * ld8(at + 3))
  }
}

function addWide(from: i32, to: i32, tag: i32, code: i32, sums: i32): void {
  for (let at = from; at < to; at += 6) {
    if (ldu32(at) === tag) add(sums, ld8(at + 4), code * ld8(at + 5))
  }
}
