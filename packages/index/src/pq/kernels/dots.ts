/**
 * Inner products of a query with rows, TypeScript side; `dots.as` has them in SIMD, with the same bits: term j is added to sum
 * j mod 16, or j mod 4 behind the last 16 whole ones; sums s, s + 4, s + 8 and s + 12 are added as (s + (s + 4)) + ((s + 8) + (s + 12)),
 * and the four results as (0 + 1) + (2 + 3). Where there are `norms`, a row scores twice its product less its norm.
 *
 * Rows are those of `list`, u32[count], or where that is 0 the ones from `first` on; `out` is f32[count].
 *
 * @module
 */
import type { f32, i32 } from '@pith/core/wasm/memory'
import { ld16, ld32, ldf32, lds8, lds16, stf32 } from '@pith/core/wasm/memory'

const round = Math.fround
const SUMS = new Float32Array(16)

function place(j: i32, width: i32): i32 {
  return j < (width & -16) ? j & 15 : j & 3
}

function total(): f32 {
  for (let s = 0; s < 4; s++) {
    SUMS[s] =
      round((SUMS[s] as number) + (SUMS[s + 4] as number)) + round((SUMS[s + 8] as number) + (SUMS[s + 12] as number))
  }
  return round(round((SUMS[0] as number) + (SUMS[1] as number)) + round((SUMS[2] as number) + (SUMS[3] as number)))
}

function rowAt(list: i32, first: i32, i: i32): i32 {
  return list === 0 ? first + i : ld32(list + 4 * i)
}

function finish(dot: f32, norms: i32, row: i32): f32 {
  return norms === 0 ? dot : round(round(dot + dot) - ldf32(norms + 4 * row))
}

/** @param rows address of f32[n, width], width a multiple of 4 */
export function dotF32(q: i32, rows: i32, width: i32, list: i32, first: i32, count: i32, norms: i32, out: i32): void {
  for (let i = 0; i < count; i++) {
    const row = rowAt(list, first, i)
    const at = rows + 4 * width * row
    SUMS.fill(0)
    for (let j = 0; j < width; j++) {
      const s = place(j, width)
      SUMS[s] = (SUMS[s] as number) + round(ldf32(q + 4 * j) * ldf32(at + 4 * j))
    }
    stf32(out + 4 * i, finish(total(), norms, row))
  }
}

function half(h: i32): f32 {
  const exponent = (h >> 10) & 31
  const mantissa = h & 1023
  const size = exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25)
  return (h & 0x8000) === 0 ? size : -size
}

/** @param rows address of u16[n, width], finite numbers in half precision, width a multiple of 4 */
export function dotF16(q: i32, rows: i32, width: i32, list: i32, first: i32, count: i32, norms: i32, out: i32): void {
  for (let i = 0; i < count; i++) {
    const row = rowAt(list, first, i)
    const at = rows + 2 * width * row
    SUMS.fill(0)
    for (let j = 0; j < width; j++) {
      const s = place(j, width)
      SUMS[s] = (SUMS[s] as number) + round(ldf32(q + 4 * j) * half(ld16(at + 2 * j)))
    }
    stf32(out + 4 * i, finish(total(), norms, row))
  }
}

/**
 * Products of whole numbers, which no order changes, times the scale of the query and that of the row.
 *
 * @param q address of i16[width]; no product leaves 32 bits
 * @param scale address of f32[1]
 * @param rows address of i8[n, width], width a multiple of 16
 * @param scales address of f32[n]
 */
export function dotI8(
  q: i32,
  scale: i32,
  rows: i32,
  width: i32,
  scales: i32,
  list: i32,
  first: i32,
  count: i32,
  norms: i32,
  out: i32,
): void {
  const factor = ldf32(scale)
  for (let i = 0; i < count; i++) {
    const row = rowAt(list, first, i)
    const at = rows + width * row
    let sum = 0
    for (let j = 0; j < width; j++) sum = (sum + lds16(q + 2 * j) * lds8(at + j)) | 0
    stf32(out + 4 * i, finish(round(round(round(sum) * factor) * ldf32(scales + 4 * row)), norms, row))
  }
}
