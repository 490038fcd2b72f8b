// AssemblyScript side of vector.ts: same names, same meaning.
const WEIGHT_LIMIT: i32 = 2013265920

@inline
export function mixDot(t: i32, w: i32, n: i32): i32 {
  let sum = i32x4.splat(0)
  for (let i = 0; i < n; i += 8) sum = addPairs(sum, v128.load(t + 2 * i), w + 4 * i)
  return addLanes(sum)
}

@inline
function addPairs(sum: v128, t: v128, w: i32): v128 {
  const lo = i32x4.shr_s(v128.load(w), 16)
  const hi = i32x4.shr_s(v128.load(w, 16), 16)
  return i32x4.add(sum, i32x4.shr_s(i32x4.dot_i16x8_s(t, i16x8.narrow_i32x4_s(lo, hi)), 8))
}

@inline
function addLanes(sum: v128): i32 {
  return (
    i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3)
  )
}

@inline
export function mixDot3(t: i32, w0: i32, w1: i32, w2: i32, n: i32, sums: i32): void {
  let s0 = i32x4.splat(0)
  let s1 = i32x4.splat(0)
  let s2 = i32x4.splat(0)
  for (let i = 0; i < n; i += 8) {
    const v = v128.load(t + 2 * i)
    s0 = addPairs(s0, v, w0 + 4 * i)
    s1 = addPairs(s1, v, w1 + 4 * i)
    s2 = addPairs(s2, v, w2 + 4 * i)
  }
  store<i32>(sums, addLanes(s0))
  store<i32>(sums, addLanes(s1), 4)
  store<i32>(sums, addLanes(s2), 8)
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
