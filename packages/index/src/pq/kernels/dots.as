// AssemblyScript side of dots.ts: same names, same meaning, same bits.

@inline
function lanes(x: v128): f32 {
  return (
    (f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1)) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3))
  )
}

@inline
function fused(sum: v128, x: v128, y: v128): v128 {
  return f32x4.add(sum, f32x4.mul(x, y))
}

@inline
function total(a: v128, b: v128, c: v128, d: v128): f32 {
  return lanes(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)))
}

@inline
function finish(dot: f32, norms: i32, row: i32): f32 {
  return norms === 0 ? dot : (dot + dot) - load<f32>(norms + 4 * row)
}

export function dotF32(q: i32, rows: i32, width: i32, list: i32, first: i32, count: i32, norms: i32, out: i32): void {
  for (let i = 0; i < count; i++) {
    const row = list === 0 ? first + i : load<i32>(list + 4 * i)
    let p = rows + 4 * width * row
    const end = p + 4 * width
    let t = q
    let a = f32x4.splat(0)
    let b = a
    let c = a
    let d = a
    while (p + 64 <= end) {
      a = fused(a, v128.load(t), v128.load(p))
      b = fused(b, v128.load(t, 16), v128.load(p, 16))
      c = fused(c, v128.load(t, 32), v128.load(p, 32))
      d = fused(d, v128.load(t, 48), v128.load(p, 48))
      t += 64
      p += 64
    }
    while (p < end) {
      a = fused(a, v128.load(t), v128.load(p))
      t += 16
      p += 16
    }
    store<f32>(out + 4 * i, finish(total(a, b, c, d), norms, row))
  }
}

@inline
function halves(p: i32): v128 {
  const h = v128.load16x4_u(p)
  const size = f32x4.mul(v128.and(i32x4.shl(h, 13), i32x4.splat(0x0fffe000)), f32x4.splat(5.192296858534828e33))
  return v128.or(size, v128.and(i32x4.shl(h, 16), i32x4.splat(<i32>0x80000000)))
}

export function dotF16(q: i32, rows: i32, width: i32, list: i32, first: i32, count: i32, norms: i32, out: i32): void {
  for (let i = 0; i < count; i++) {
    const row = list === 0 ? first + i : load<i32>(list + 4 * i)
    let p = rows + 2 * width * row
    const end = p + 2 * width
    let t = q
    let a = f32x4.splat(0)
    let b = a
    let c = a
    let d = a
    while (p + 32 <= end) {
      a = fused(a, v128.load(t), halves(p))
      b = fused(b, v128.load(t, 16), halves(p + 8))
      c = fused(c, v128.load(t, 32), halves(p + 16))
      d = fused(d, v128.load(t, 48), halves(p + 24))
      t += 64
      p += 32
    }
    while (p < end) {
      a = fused(a, v128.load(t), halves(p))
      t += 16
      p += 8
    }
    store<f32>(out + 4 * i, finish(total(a, b, c, d), norms, row))
  }
}

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
  const factor = load<f32>(scale)
  for (let i = 0; i < count; i++) {
    const row = list === 0 ? first + i : load<i32>(list + 4 * i)
    let p = rows + width * row
    const end = p + width
    let t = q
    let a = i32x4.splat(0)
    let b = a
    while (p < end) {
      const x = v128.load(p)
      a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load(t), i16x8.extend_low_i8x16_s(x)))
      b = i32x4.add(b, i32x4.dot_i16x8_s(v128.load(t, 16), i16x8.extend_high_i8x16_s(x)))
      t += 32
      p += 16
    }
    a = i32x4.add(a, b)
    const sum =
      i32x4.extract_lane(a, 0) + i32x4.extract_lane(a, 1) + i32x4.extract_lane(a, 2) + i32x4.extract_lane(a, 3)
    const dot = (<f32>sum * factor) * load<f32>(scales + 4 * row)
    store<f32>(out + 4 * i, finish(dot, norms, row))
  }
}
