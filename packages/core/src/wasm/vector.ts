/**
 * Vector operations of the mixer, TypeScript side; `vector.as` has them in SIMD.
 *
 * @module
 */
import type { i32 } from './memory.ts'
import { ld32, lds16, st32 } from './memory.ts'

/** Largest magnitude of a weight; one step of {@link mixTrain} beyond it still fits in 32 bits. */
const WEIGHT_LIMIT: i32 = 2013265920

/**
 * Sum over pairs of `(t[i] * w[i] + t[i + 1] * w[i + 1]) >> 8`, with `w` the high halves of 32-bit weights.
 *
 * @param t address of i16[n], 16-byte aligned
 * @param w address of i32[n], 16-byte aligned
 * @param n multiple of 8
 */
export function mixDot(t: i32, w: i32, n: i32): i32 {
  let sum = 0
  for (let i = 0; i < n; i += 2) {
    const a = lds16(t + 2 * i) * (ld32(w + 4 * i) >> 16)
    const b = lds16(t + 2 * i + 2) * (ld32(w + 4 * i + 4) >> 16)
    sum = (sum + ((a + b) >> 8)) | 0
  }
  return sum
}

/** {@link mixDot} with three sets of weights; the sums go to i32[3] at `sums`. */
export function mixDot3(t: i32, w0: i32, w1: i32, w2: i32, n: i32, sums: i32): void {
  st32(sums, mixDot(t, w0, n))
  st32(sums + 4, mixDot(t, w1, n))
  st32(sums + 8, mixDot(t, w2, n))
}

/** Add `(t[i] * e + 2) >> 2` to each 32-bit weight, within the limit; `e` in -32768..32767, shapes as in {@link mixDot}. */
export function mixTrain(t: i32, w: i32, n: i32, e: i32): void {
  for (let i = 0; i < n; i++) {
    const v = ld32(w + 4 * i) + ((lds16(t + 2 * i) * e + 2) >> 2)
    st32(w + 4 * i, v > WEIGHT_LIMIT ? WEIGHT_LIMIT : v < -WEIGHT_LIMIT ? -WEIGHT_LIMIT : v)
  }
}
