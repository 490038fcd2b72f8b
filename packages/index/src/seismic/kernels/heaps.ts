/**
 * The best of many and the order of some, all as (i32 score, u32 number).
 *
 * @module
 */
import type { i32 } from '@pith/core/wasm/memory'
import { clz, fill, ld32, shru, st32 } from '@pith/core/wasm/memory'

/** Greater scores stand before smaller ones, then smaller numbers before greater ones. */
function isBefore(scoreA: i32, a: i32, scoreB: i32, b: i32): boolean {
  return scoreA > scoreB || (scoreA === scoreB && a < b)
}

function put(at: i32, score: i32, number: i32): void {
  st32(at, score)
  st32(at + 4, number)
}

/** Keep the best `k`, of which the worst is the first. Returns how many are kept. */
export function pushBest(heap: i32, size: i32, k: i32, score: i32, number: i32): i32 {
  if (size < k) {
    let at = size
    while (at > 0) {
      const above = heap + 8 * ((at - 1) >> 1)
      if (!isBefore(ld32(above), ld32(above + 4), score, number)) break
      put(heap + 8 * at, ld32(above), ld32(above + 4))
      at = (at - 1) >> 1
    }
    put(heap + 8 * at, score, number)
    return size + 1
  }
  if (!isBefore(score, number, ld32(heap), ld32(heap + 4))) return size
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= size) break
    let own = heap + 8 * child
    if (child + 1 < size && isBefore(ld32(own), ld32(own + 4), ld32(own + 8), ld32(own + 12))) {
      child++
      own = own + 8
    }
    if (!isBefore(score, number, ld32(own), ld32(own + 4))) break
    put(heap + 8 * at, ld32(own), ld32(own + 4))
    at = child
  }
  put(heap + 8 * at, score, number)
  return size
}

const BUCKETS: i32 = 128

/**
 * Order entries with scores above 0 by falling score, by as much of it as tells 128 buckets apart; within a bucket they stay as they are.
 *
 * @param from entries, which are not changed
 * @param to takes them
 * @param counts i32[128]
 */
export function orderByScore(from: i32, count: i32, to: i32, counts: i32): void {
  let most = 0
  for (let i = 0; i < count; i++) most = most | ld32(from + 8 * i)
  // The greatest score has no more bits than all of them together.
  const bits = 32 - clz(most)
  const shift = bits > 7 ? bits - 7 : 0
  fill(counts, 0, 4 * BUCKETS)
  for (let i = 0; i < count; i++) {
    const bucket = counts + 4 * shru(ld32(from + 8 * i), shift)
    st32(bucket, ld32(bucket) + 1)
  }
  let place = 0
  for (let bucket = BUCKETS - 1; bucket >= 0; bucket--) {
    const own = ld32(counts + 4 * bucket)
    st32(counts + 4 * bucket, place)
    place += own
  }
  for (let i = 0; i < count; i++) {
    const score = ld32(from + 8 * i)
    const bucket = counts + 4 * shru(score, shift)
    const at = to + 8 * ld32(bucket)
    st32(bucket, ld32(bucket) + 1)
    put(at, score, ld32(from + 8 * i + 4))
  }
}
