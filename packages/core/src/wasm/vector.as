// AssemblyScript side of vector.ts: same names, same meaning.
const WEIGHT_LIMIT: i32 = 2013265920

@inline
export function mixDot(t: i32, w: i32, n: i32): i32 {
  let sum = i32x4.splat(0)
  for (let i = 0; i < n; i += 8) {
    const lo = i32x4.shr_s(v128.load(w + 4 * i), 16)
    const hi = i32x4.shr_s(v128.load(w + 4 * i, 16), 16)
    const pair = i32x4.dot_i16x8_s(v128.load(t + 2 * i), i16x8.narrow_i32x4_s(lo, hi))
    sum = i32x4.add(sum, i32x4.shr_s(pair, 8))
  }
  return (
    i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3)
  )
}

@inline
export function mixTrain(t: i32, w: i32, n: i32, e: i32): void {
  const error = i16x8.splat(<i16>e)
  const two = i32x4.splat(2)
  const top = i32x4.splat(WEIGHT_LIMIT)
  const bottom = i32x4.splat(-WEIGHT_LIMIT)
  for (let i = 0; i < n; i += 8) {
    const v = v128.load(t + 2 * i)
    const lo = i32x4.shr_s(i32x4.add(i32x4.extmul_low_i16x8_s(v, error), two), 2)
    const hi = i32x4.shr_s(i32x4.add(i32x4.extmul_high_i16x8_s(v, error), two), 2)
    const at = w + 4 * i
    v128.store(at, i32x4.max_s(bottom, i32x4.min_s(top, i32x4.add(v128.load(at), lo))))
    v128.store(at, i32x4.max_s(bottom, i32x4.min_s(top, i32x4.add(v128.load(at, 16), hi))), 16)
  }
}
