/**
 * Products of matrices of singles, and what is nearest, TypeScript side; `products.as` has it in SIMD, with the same bits: each sum
 * goes in the order of its terms, rounded after each product and each addition.
 *
 * @module
 */
import type { f32, i32 } from '@pith/core/wasm/memory'
import { ldf32, st8, stf32 } from '@pith/core/wasm/memory'

const round = Math.fround

/**
 * Bring a matrix into panels of 8 columns, as {@link product} takes it.
 *
 * @param b address of f32[inner, cols], cols a multiple of 8
 * @param panels address of f32[cols / 8, inner, 8]
 */
export function packPanels(b: i32, inner: i32, cols: i32, panels: i32): void {
  for (let c = 0; c < cols; c += 8) {
    for (let k = 0; k < inner; k++) {
      for (let j = 0; j < 8; j++) {
        stf32(panels + 4 * ((c >> 3) * 8 * inner + 8 * k + j), ldf32(b + 4 * (k * cols + c + j)))
      }
    }
  }
}

/**
 * out = a b.
 *
 * @param a address of f32[rows, inner]
 * @param panels b of `inner` rows, by {@link packPanels}
 * @param out address of f32[rows, cols]
 */
export function product(a: i32, rows: i32, inner: i32, panels: i32, cols: i32, out: i32): void {
  for (let i = 0; i < rows; i++) {
    for (let c = 0; c < cols; c++) {
      const column = panels + 4 * ((c >> 3) * 8 * inner + (c & 7))
      let sum = 0
      for (let k = 0; k < inner; k++) sum = round(sum + round(ldf32(a + 4 * (i * inner + k)) * ldf32(column + 32 * k)))
      stf32(out + 4 * (i * cols + c), sum)
    }
  }
}

/**
 * The nearest centroid of a part of each row, the first of equals: the one with the least |c|^2 / 2 - x c.
 *
 * @param x address of the part in the first row, `stride` bytes from one row to the next
 * @param width numbers of the part
 * @param table address of f32[width, count], count a multiple of 8
 * @param halves address of f32[count], |c|^2 / 2
 * @param codes address of the code of the first row, `step` bytes from one to the next
 */
export function nearest(
  x: i32,
  rows: i32,
  stride: i32,
  width: i32,
  table: i32,
  count: i32,
  halves: i32,
  codes: i32,
  step: i32,
): void {
  for (let i = 0; i < rows; i++) {
    const from = x + i * stride
    let best = 0
    let least: f32 = Infinity
    for (let c = 0; c < count; c++) {
      let value = ldf32(halves + 4 * c)
      for (let j = 0; j < width; j++)
        value = round(value - round(ldf32(from + 4 * j) * ldf32(table + 4 * (j * count + c))))
      if (value < least) {
        least = value
        best = c
      }
    }
    st8(codes + i * step, best)
  }
}

/**
 * What each centroid of each part scores for a query: the inner product, or minus the squared distance.
 *
 * @param q address of f32[parts, width]
 * @param table address of f32[parts, width, count], count a multiple of 4
 * @param isDistance 0 or 1
 * @param out address of f32[parts, count]
 */
export function tables(q: i32, table: i32, parts: i32, width: i32, count: i32, isDistance: i32, out: i32): void {
  for (let s = 0; s < parts; s++) {
    for (let c = 0; c < count; c++) {
      let sum = 0
      for (let j = 0; j < width; j++) {
        const own = ldf32(q + 4 * (s * width + j))
        const other = ldf32(table + 4 * ((s * width + j) * count + c))
        const gap = round(own - other)
        sum = isDistance === 0 ? round(sum + round(own * other)) : round(sum - round(gap * gap))
      }
      stf32(out + 4 * (s * count + c), sum)
    }
  }
}
