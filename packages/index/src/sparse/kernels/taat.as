// SIMD form of taat.ts: same names, same bits.
import { fill, ld32, ldf32, shru, st32, stf32 } from '@pith/core/wasm/memory'

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

@inline
function addOne(place: i32, product: f32): void {
  store<f32>(place, load<f32>(place) + product)
}

function addRun(rows: i32, values: i32, from: i32, to: i32, weight: f32, sums: i32): void {
  let row = rows + 2 * from
  let value = values + 4 * from
  const end = values + 4 * to
  const four = f32x4.splat(weight)
  while (value + 16 <= end) {
    const products = f32x4.mul(four, v128.load(value))
    const packed = load<u64>(row)
    addOne(sums + 4 * <i32>(packed & 0xffff), f32x4.extract_lane(products, 0))
    addOne(sums + 4 * <i32>((packed >> 16) & 0xffff), f32x4.extract_lane(products, 1))
    addOne(sums + 4 * <i32>((packed >> 32) & 0xffff), f32x4.extract_lane(products, 2))
    addOne(sums + 4 * <i32>(packed >> 48), f32x4.extract_lane(products, 3))
    row += 8
    value += 16
  }
  while (value < end) {
    addOne(sums + 4 * <i32>load<u16>(row), weight * load<f32>(value))
    row += 2
    value += 4
  }
}

function takeBest(sums: i32, count: i32, first: i32, filter: i32, heap: i32, start: i32, k: i32): i32 {
  let size = start
  let least: f32 = size < k ? 0 : ldf32(heap)
  for (let i = 0; i < count; i += 16) {
    const at = sums + 4 * i
    const most = f32x4.max(
      f32x4.max(v128.load(at), v128.load(at, 16)),
      f32x4.max(v128.load(at, 32), v128.load(at, 48)),
    )
    if (!v128.any_true(f32x4.gt(most, f32x4.splat(least)))) continue
    for (let j = i; j < i + 16; j++) {
      const score = ldf32(sums + 4 * j)
      if (score > least) {
        const row = first + j
        if (filter == 0 || (shru(ld32(filter + 4 * (row >> 5)), row & 31) & 1) != 0) {
          if (size < k) {
            siftUp(heap, size, score, row)
            size++
          } else siftDown(heap, size, score, row)
          if (size == k) least = ldf32(heap)
        }
      }
    }
  }
  return size
}

function isWorse(a: i32, score: f32, row: i32): bool {
  const own = ldf32(a)
  return own < score || (own == score && ld32(a + 4) > row)
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
