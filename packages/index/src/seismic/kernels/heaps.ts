/**
 * Heaps of (i32 score, u32 number): greater scores stand before smaller ones, then smaller numbers before greater ones.
 *
 * @module
 */
import type { i32 } from '@pith/core/wasm/memory'
import { ld32, st32 } from '@pith/core/wasm/memory'

export function isBefore(scoreA: i32, a: i32, scoreB: i32, b: i32): boolean {
  return scoreA > scoreB || (scoreA === scoreB && a < b)
}

function put(at: i32, score: i32, number: i32): void {
  st32(at, score)
  st32(at + 4, number)
}

/** In a heap whose first stands before all others: let an entry sink from place `start`. */
export function sinkFirst(heap: i32, size: i32, start: i32, score: i32, number: i32): void {
  let at = start
  for (;;) {
    let child = 2 * at + 1
    if (child >= size) break
    let own = heap + 8 * child
    if (child + 1 < size && isBefore(ld32(own + 8), ld32(own + 12), ld32(own), ld32(own + 4))) {
      child++
      own = own + 8
    }
    if (!isBefore(ld32(own), ld32(own + 4), score, number)) break
    put(heap + 8 * at, ld32(own), ld32(own + 4))
    at = child
  }
  put(heap + 8 * at, score, number)
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
