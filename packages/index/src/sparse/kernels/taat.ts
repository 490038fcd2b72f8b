/**
 * Exact scores term by term, TypeScript side; `taat.as` has it in SIMD, with the same bits.
 *
 * Rows are cut into chunks whose sums stay in the cache. The postings of a component and chunk lie together: u16 rows within the
 * chunk, f32 values. A row's sum is made by ascending component, each product and each sum rounded to a single.
 *
 * @module
 */
import type { f32, i32 } from '@pith/core/wasm/memory'
import { fill, ld16, ld32, ldf32, shru, st32, stf32 } from '@pith/core/wasm/memory'

const round = Math.fround

/**
 * The best rows of a query, as a heap whose first is the worst.
 *
 * @param runs address of u32[components * chunks + 1]: where the postings of a component and chunk start
 * @param rows address of u16[postings], within their chunk
 * @param values address of f32[postings]
 * @param query address of (u32 component, f32 weight)[terms], components ascend
 * @param sums address of f32[chunkRows + 16], chunkRows a multiple of 16
 * @param filter address of a bit for each row, or 0
 * @param heap address of (f32 score, u32 row)[k]
 * @returns rows in the heap; all have scores above 0
 */
export function search(
  runs: i32,
  chunks: i32,
  chunkBits: i32,
  rows: i32,
  values: i32,
  query: i32,
  terms: i32,
  sums: i32,
  filter: i32,
  heap: i32,
  k: i32,
): i32 {
  const chunkRows = 1 << chunkBits
  let size = 0
  for (let chunk = 0; chunk < chunks; chunk++) {
    fill(sums, 0, 4 * chunkRows)
    for (let t = 0; t < terms; t++) {
      const run = runs + 4 * (ld32(query + 8 * t) * chunks + chunk)
      addRun(rows, values, ld32(run), ld32(run + 4), ldf32(query + 8 * t + 4), sums)
    }
    size = takeBest(sums, chunkRows, chunk << chunkBits, filter, heap, size, k)
  }
  return size
}

function addRun(rows: i32, values: i32, from: i32, to: i32, weight: f32, sums: i32): void {
  for (let at = from; at < to; at++) {
    const place = sums + 4 * ld16(rows + 2 * at)
    stf32(place, round(ldf32(place) + round(weight * ldf32(values + 4 * at))))
  }
}

function takeBest(sums: i32, count: i32, first: i32, filter: i32, heap: i32, size: i32, k: i32): i32 {
  let least: f32 = size < k ? 0 : ldf32(heap)
  for (let i = 0; i < count; i++) {
    const score = ldf32(sums + 4 * i)
    // Rows come in ascending order, so an equal score comes too late.
    if (score > least) {
      const row = first + i
      if (filter === 0 || (shru(ld32(filter + 4 * (row >> 5)), row & 31) & 1) !== 0) {
        if (size < k) {
          siftUp(heap, size, score, row)
          size++
        } else siftDown(heap, size, score, row)
        if (size === k) least = ldf32(heap)
      }
    }
  }
  return size
}

/** Whether the entry at `a` stands behind the entry of this score and row. */
function isWorse(a: i32, score: f32, row: i32): boolean {
  const own = ldf32(a)
  return own < score || (own === score && ld32(a + 4) > row)
}

function put(at: i32, score: f32, row: i32): void {
  stf32(at, score)
  st32(at + 4, row)
}

function siftUp(heap: i32, start: i32, score: f32, row: i32): void {
  let at = start
  while (at > 0) {
    const parent = (at - 1) >> 1
    const above = heap + 8 * parent
    if (isWorse(above, score, row)) break
    put(heap + 8 * at, ldf32(above), ld32(above + 4))
    at = parent
  }
  put(heap + 8 * at, score, row)
}

function siftDown(heap: i32, size: i32, score: f32, row: i32): void {
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= size) break
    const next = heap + 8 * (child + 1)
    if (child + 1 < size && isWorse(next, ldf32(heap + 8 * child), ld32(heap + 8 * child + 4))) child++
    const own = heap + 8 * child
    if (!isWorse(own, score, row)) break
    put(heap + 8 * at, ldf32(own), ld32(own + 4))
    at = child
  }
  put(heap + 8 * at, score, row)
}
