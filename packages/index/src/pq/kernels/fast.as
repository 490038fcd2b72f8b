// AssemblyScript side of fast.ts: same names, same meaning.

// Where sums of 16 rows are put to be picked from: even rows are in the lower halves of lanes, odd ones in the upper.
@inline
function pick(even: v128, odd: v128, passed: i32, row: i32, n: i32, filter: i32, out: i32): i32 {
  const low = i8x16.shuffle(even, odd, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23)
  const high = i8x16.shuffle(even, odd, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31)
  v128.store(SCRATCH, low)
  v128.store(SCRATCH, high, 16)
  while (passed !== 0) {
    const i = ctz(passed)
    passed &= passed - 1
    const r = row + i
    if (r >= n) continue
    if (filter !== 0 && ((load<i32>(filter + 4 * (r >> 5)) >> (r & 31)) & 1) === 0) continue
    store<i32>(out, r)
    store<i32>(out, <i32>load<u16>(SCRATCH + 2 * i), 4)
    out += 8
  }
  return out
}

// The first bytes of the memory are never handed out.
const SCRATCH: i32 = 64

// Bits of lanes of rows 0, 2, 4 ... and 1, 3, 5 ..., in the order of rows.
@inline
function order(even: v128, odd: v128): i32 {
  const low = i8x16.shuffle(even, odd, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
  return i8x16.bitmask(low)
}

// Sums of the rows of a block are left here; a function has one result only.
let evens: v128 = i16x8.splat(0)
let odds: v128 = i16x8.splat(0)

@inline
function sumBlock(lut: i32, code: i32, bytes: i32): void {
  const half = i8x16.splat(15)
  let even = i16x8.splat(0)
  let odd = even
  const end = code + 16 * bytes
  while (code < end) {
    const c = v128.load(code)
    const low = i8x16.swizzle(v128.load(lut), v128.and(c, half))
    const sum = i8x16.add(low, i8x16.swizzle(v128.load(lut, 16), i8x16.shr_u(c, 4)))
    even = i16x8.add(even, sum)
    odd = i16x8.add(odd, i16x8.shr_u(sum, 8))
    lut += 32
    code += 16
  }
  // The lower halves were added with the upper ones on top of them.
  evens = i16x8.sub(even, i16x8.shl(odd, 8))
  odds = odd
}

export function fast4(
  lut: i32,
  blocks: i32,
  bytes: i32,
  from: i32,
  to: i32,
  n: i32,
  limit: i32,
  filter: i32,
  out: i32,
): i32 {
  const start = out
  const least = i16x8.splat(<i16>limit)
  let code = blocks + 16 * bytes * from
  for (let block = from; block < to; block++) {
    sumBlock(lut, code, bytes)
    const even = evens
    const odd = odds
    const e = i16x8.ge_u(even, least)
    const o = i16x8.ge_u(odd, least)
    if (v128.any_true(v128.or(e, o))) out = pick(even, odd, order(e, o), 16 * block, n, filter, out)
    code += 16 * bytes
  }
  return (out - start) >> 3
}

@inline
function passed4(sums: v128, step: v128, base: v128, limit: v128, scales: i32, shifts: i32, at: i32): i32 {
  let score = f32x4.mul(f32x4.convert_i32x4_u(sums), step)
  score = f32x4.mul(f32x4.add(score, base), v128.load(scales + at))
  score = f32x4.add(score, v128.load(shifts + at))
  return i32x4.bitmask(f32x4.gt(score, limit))
}

export function bounded4(
  lut: i32,
  blocks: i32,
  bytes: i32,
  from: i32,
  to: i32,
  n: i32,
  terms: i32,
  scales: i32,
  shifts: i32,
  filter: i32,
  out: i32,
): i32 {
  const start = out
  const step = v128.load32_splat(terms)
  const base = v128.load32_splat(terms, 4)
  const limit = v128.load32_splat(terms, 8)
  let code = blocks + 16 * bytes * from
  for (let block = from; block < to; block++) {
    sumBlock(lut, code, bytes)
    code += 16 * bytes
    const low = i8x16.shuffle(evens, odds, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23)
    const high = i8x16.shuffle(evens, odds, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31)
    const at = 64 * block
    let passed =
      passed4(i32x4.extend_low_i16x8_u(low), step, base, limit, scales, shifts, at) |
      (passed4(i32x4.extend_high_i16x8_u(low), step, base, limit, scales, shifts, at + 16) << 4) |
      (passed4(i32x4.extend_low_i16x8_u(high), step, base, limit, scales, shifts, at + 32) << 8) |
      (passed4(i32x4.extend_high_i16x8_u(high), step, base, limit, scales, shifts, at + 48) << 12)
    while (passed !== 0) {
      const row = 16 * block + ctz(passed)
      passed &= passed - 1
      if (row >= n) continue
      if (filter !== 0 && ((load<i32>(filter + 4 * (row >> 5)) >> (row & 31)) & 1) === 0) continue
      store<i32>(out, row)
      out += 4
    }
  }
  return (out - start) >> 2
}

// Bytes of which a lane of 8 bits holds the number of ones.
const RUN: i32 = 31

export function hamming(
  q: i32,
  blocks: i32,
  bytes: i32,
  from: i32,
  to: i32,
  n: i32,
  limit: i32,
  filter: i32,
  out: i32,
): i32 {
  const start = out
  const most = i16x8.splat(<i16>limit)
  let code = blocks + 16 * bytes * from
  for (let block = from; block < to; block++) {
    let even = i16x8.splat(0)
    let odd = even
    let b = 0
    while (b < bytes) {
      const end = min(b + RUN, bytes)
      let sum = i8x16.splat(0)
      while (b < end) {
        sum = i8x16.add(sum, i8x16.popcnt(v128.xor(v128.load(code), v128.load8_splat(q + b))))
        code += 16
        b++
      }
      even = i16x8.add(even, v128.and(sum, i16x8.splat(255)))
      odd = i16x8.add(odd, i16x8.shr_u(sum, 8))
    }
    const e = i16x8.le_u(even, most)
    const o = i16x8.le_u(odd, most)
    if (v128.any_true(v128.or(e, o))) out = pick(even, odd, order(e, o), 16 * block, n, filter, out)
  }
  return (out - start) >> 3
}
