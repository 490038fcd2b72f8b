// AssemblyScript side of sums.ts: same names, same meaning, same bits.

export function sums8(lut: i32, codes: i32, m: i32, list: i32, first: i32, count: i32, out: i32): void {
  const end = out + 4 * count
  if (list === 0) {
    codes += m * first
    for (; out < end; out += 4) {
      store<f32>(out, sum8(lut, codes, m))
      codes += m
    }
    return
  }
  for (; out < end; out += 4) {
    store<f32>(out, sum8(lut, codes + m * load<i32>(list), m))
    list += 4
  }
}

// Bytes one by one and 16 parts a turn: a quarter less time than words of four codes.
@inline
function sum8(lut: i32, code: i32, m: i32): f32 {
  let s0: f32 = 0
  let s1: f32 = 0
  let s2: f32 = 0
  let s3: f32 = 0
  const end = code + m
  const whole = code + (m & -16)
  while (code < whole) {
    s0 += load<f32>(lut + (<i32>load<u8>(code, 0) << 2), 0)
    s1 += load<f32>(lut + (<i32>load<u8>(code, 1) << 2), 1024)
    s2 += load<f32>(lut + (<i32>load<u8>(code, 2) << 2), 2048)
    s3 += load<f32>(lut + (<i32>load<u8>(code, 3) << 2), 3072)
    s0 += load<f32>(lut + (<i32>load<u8>(code, 4) << 2), 4096)
    s1 += load<f32>(lut + (<i32>load<u8>(code, 5) << 2), 5120)
    s2 += load<f32>(lut + (<i32>load<u8>(code, 6) << 2), 6144)
    s3 += load<f32>(lut + (<i32>load<u8>(code, 7) << 2), 7168)
    s0 += load<f32>(lut + (<i32>load<u8>(code, 8) << 2), 8192)
    s1 += load<f32>(lut + (<i32>load<u8>(code, 9) << 2), 9216)
    s2 += load<f32>(lut + (<i32>load<u8>(code, 10) << 2), 10240)
    s3 += load<f32>(lut + (<i32>load<u8>(code, 11) << 2), 11264)
    s0 += load<f32>(lut + (<i32>load<u8>(code, 12) << 2), 12288)
    s1 += load<f32>(lut + (<i32>load<u8>(code, 13) << 2), 13312)
    s2 += load<f32>(lut + (<i32>load<u8>(code, 14) << 2), 14336)
    s3 += load<f32>(lut + (<i32>load<u8>(code, 15) << 2), 15360)
    lut += 16384
    code += 16
  }
  if (code === end) return (s0 + s1) + (s2 + s3)
  while (code + 4 <= end) {
    s0 += load<f32>(lut + (<i32>load<u8>(code, 0) << 2), 0)
    s1 += load<f32>(lut + (<i32>load<u8>(code, 1) << 2), 1024)
    s2 += load<f32>(lut + (<i32>load<u8>(code, 2) << 2), 2048)
    s3 += load<f32>(lut + (<i32>load<u8>(code, 3) << 2), 3072)
    lut += 4096
    code += 4
  }
  if (code < end) s0 += load<f32>(lut + (<i32>load<u8>(code) << 2))
  if (code + 1 < end) s1 += load<f32>(lut + (<i32>load<u8>(code, 1) << 2), 1024)
  if (code + 2 < end) s2 += load<f32>(lut + (<i32>load<u8>(code, 2) << 2), 2048)
  return (s0 + s1) + (s2 + s3)
}

export function sums4(lut: i32, blocks: i32, bytes: i32, list: i32, first: i32, count: i32, out: i32): void {
  for (let i = 0; i < count; i++) {
    const row = list === 0 ? first + i : load<i32>(list + 4 * i)
    let code = blocks + 16 * bytes * (row >> 4) + (row & 15)
    const end = code + 16 * bytes
    let t = lut
    let s0: f32 = 0
    let s1: f32 = 0
    let s2: f32 = 0
    let s3: f32 = 0
    while (code + 16 < end) {
      const a = <i32>load<u8>(code)
      const b = <i32>load<u8>(code, 16)
      s0 += load<f32>(t + ((a & 15) << 2))
      s1 += load<f32>(t + ((a >> 4) << 2), 64)
      s2 += load<f32>(t + ((b & 15) << 2), 128)
      s3 += load<f32>(t + ((b >> 4) << 2), 192)
      t += 256
      code += 32
    }
    if (code < end) {
      const a = <i32>load<u8>(code)
      s0 += load<f32>(t + ((a & 15) << 2))
      s1 += load<f32>(t + ((a >> 4) << 2), 64)
    }
    store<f32>(out + 4 * i, (s0 + s1) + (s2 + s3))
  }
}

export function above(scores: i32, first: i32, count: i32, limit: i32, filter: i32, out: i32): i32 {
  const least = v128.load32_splat(limit)
  const single = load<f32>(limit)
  const start = out
  let i = 0
  for (; i + 16 <= count; i += 16) {
    const p = scores + 4 * i
    const a = f32x4.gt(v128.load(p), least)
    const b = f32x4.gt(v128.load(p, 16), least)
    const c = f32x4.gt(v128.load(p, 32), least)
    const d = f32x4.gt(v128.load(p, 48), least)
    if (!v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) continue
    let mask =
      i32x4.bitmask(a) | (i32x4.bitmask(b) << 4) | (i32x4.bitmask(c) << 8) | (i32x4.bitmask(d) << 12)
    while (mask !== 0) {
      out = keep(i + ctz(mask), first, filter, out)
      mask &= mask - 1
    }
  }
  for (; i < count; i++) if (load<f32>(scores + 4 * i) > single) out = keep(i, first, filter, out)
  return (out - start) >> 2
}

@inline
function keep(i: i32, first: i32, filter: i32, out: i32): i32 {
  const row = first + i
  if (filter !== 0 && ((load<i32>(filter + 4 * (row >> 5)) >> (row & 31)) & 1) === 0) return out
  store<i32>(out, i)
  return out + 4
}
