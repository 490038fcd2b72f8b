// AssemblyScript side of tiles.ts: same names, same meaning, same bits.

@inline
function halves(h: v128): v128 {
  const size = f32x4.mul(v128.and(i32x4.shl(h, 13), i32x4.splat(0x0fffe000)), f32x4.splat(5.192296858534828e33))
  return v128.or(size, v128.and(i32x4.shl(h, 16), i32x4.splat(<i32>0x80000000)))
}

@inline
function lanes(x: v128): f32 {
  return (
    (f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1)) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3))
  )
}

export function addTiles(
  v: i32,
  vStep: i32,
  tile: i32,
  stride: i32,
  count: i32,
  lines: i32,
  bits: i32,
  out: i32,
  outStep: i32,
  scratch: i32,
): void {
  for (let i = 0; i < count; i++) {
    const zero = weigh(v, tile, lines, scratch)
    const low = tile + 4 * lines
    const high = low + 16 * lines
    for (let quarter = 0; quarter < 4; quarter++) {
      const to = out + 64 * quarter
      if (bits === 2) add2(scratch, low, lines, quarter, zero, to)
      else if (bits === 3) add3(scratch, low, high, lines, quarter, zero, to)
      else add4(scratch, low, high, lines, quarter, zero, to)
    }
    v += vStep
    tile += stride
    out += outStep
  }
}

@inline
function weigh(v: i32, tile: i32, lines: i32, scratch: i32): f32 {
  let base = f32x4.splat(0)
  for (let l = 0; l < lines; l += 4) {
    const own = v128.load(v + 4 * l)
    v128.store(scratch + 4 * l, f32x4.mul(own, halves(v128.load16x4_u(tile + 2 * l))))
    base = f32x4.add(base, f32x4.mul(own, halves(v128.load16x4_u(tile + 2 * lines + 2 * l))))
  }
  return lanes(base)
}

@inline
function fused(sum: v128, weight: v128, codes: v128): v128 {
  return f32x4.add(sum, f32x4.mul(weight, f32x4.convert_i32x4_s(codes)))
}

@inline
function finish(to: i32, sum: v128, zero: v128): void {
  v128.store(to, f32x4.add(v128.load(to), f32x4.add(sum, zero)))
}

function add2(weights: i32, low: i32, lines: i32, quarter: i32, zero: f32, to: i32): void {
  const three = i32x4.splat(3)
  const shift = 8 * quarter
  let s0 = f32x4.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  for (let l = 0; l < lines; l++) {
    const weight = v128.load32_splat(weights + 4 * l)
    const x = i32x4.shr_u(v128.load(low + 16 * l), shift)
    s0 = fused(s0, weight, v128.and(x, three))
    s1 = fused(s1, weight, v128.and(i32x4.shr_u(x, 2), three))
    s2 = fused(s2, weight, v128.and(i32x4.shr_u(x, 4), three))
    s3 = fused(s3, weight, v128.and(i32x4.shr_u(x, 6), three))
  }
  const base = f32x4.splat(zero)
  finish(to, s0, base)
  finish(to + 16, s1, base)
  finish(to + 32, s2, base)
  finish(to + 48, s3, base)
}

function add3(weights: i32, low: i32, high: i32, lines: i32, quarter: i32, zero: f32, to: i32): void {
  const three = i32x4.splat(3)
  const four = i32x4.splat(4)
  const shift = 8 * quarter
  let s0 = f32x4.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  for (let l = 0; l < lines; l += 2) {
    let h = i32x4.shr_u(v128.load(high + 8 * l), 4 * quarter)
    let weight = v128.load32_splat(weights + 4 * l)
    let x = i32x4.shr_u(v128.load(low + 16 * l), shift)
    s0 = fused(s0, weight, v128.or(v128.and(x, three), v128.and(i32x4.shl(h, 2), four)))
    s1 = fused(s1, weight, v128.or(v128.and(i32x4.shr_u(x, 2), three), v128.and(i32x4.shl(h, 1), four)))
    s2 = fused(s2, weight, v128.or(v128.and(i32x4.shr_u(x, 4), three), v128.and(h, four)))
    s3 = fused(s3, weight, v128.or(v128.and(i32x4.shr_u(x, 6), three), v128.and(i32x4.shr_u(h, 1), four)))
    weight = v128.load32_splat(weights + 4 * l, 4)
    x = i32x4.shr_u(v128.load(low + 16 * l, 16), shift)
    h = i32x4.shr_u(h, 14)
    s0 = fused(s0, weight, v128.or(v128.and(x, three), v128.and(h, four)))
    s1 = fused(s1, weight, v128.or(v128.and(i32x4.shr_u(x, 2), three), v128.and(i32x4.shr_u(h, 1), four)))
    s2 = fused(s2, weight, v128.or(v128.and(i32x4.shr_u(x, 4), three), v128.and(i32x4.shr_u(h, 2), four)))
    s3 = fused(s3, weight, v128.or(v128.and(i32x4.shr_u(x, 6), three), v128.and(i32x4.shr_u(h, 3), four)))
  }
  const base = f32x4.splat(zero)
  finish(to, s0, base)
  finish(to + 16, s1, base)
  finish(to + 32, s2, base)
  finish(to + 48, s3, base)
}

function add4(weights: i32, low: i32, high: i32, lines: i32, quarter: i32, zero: f32, to: i32): void {
  const three = i32x4.splat(3)
  const twelve = i32x4.splat(12)
  const shift = 8 * quarter
  let s0 = f32x4.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  for (let l = 0; l < lines; l++) {
    const weight = v128.load32_splat(weights + 4 * l)
    const x = i32x4.shr_u(v128.load(low + 16 * l), shift)
    const y = i32x4.shr_u(v128.load(high + 16 * l), shift)
    s0 = fused(s0, weight, v128.or(v128.and(x, three), v128.and(i32x4.shl(y, 2), twelve)))
    s1 = fused(s1, weight, v128.or(v128.and(i32x4.shr_u(x, 2), three), v128.and(y, twelve)))
    s2 = fused(s2, weight, v128.or(v128.and(i32x4.shr_u(x, 4), three), v128.and(i32x4.shr_u(y, 2), twelve)))
    s3 = fused(s3, weight, v128.or(v128.and(i32x4.shr_u(x, 6), three), v128.and(i32x4.shr_u(y, 4), twelve)))
  }
  const base = f32x4.splat(zero)
  finish(to, s0, base)
  finish(to + 16, s1, base)
  finish(to + 32, s2, base)
  finish(to + 48, s3, base)
}

@inline
function half(h: i32): f32 {
  const size = reinterpret<f32>((h & 0x7fff) << 13) * <f32>5.192296858534828e33
  return (h & 0x8000) === 0 ? size : -size
}

export function addOutliers(v: i32, tile: i32, lines: i32, bits: i32, list: i32, count: i32, out: i32): void {
  const low = tile + 4 * lines
  const high = low + 16 * lines
  for (let n = 0; n < count; n++) {
    const place = <i32>load<u16>(list + 4 * n)
    const line = place >> 6
    const word = 4 * (place & 3)
    const s = (place >> 2) & 15
    let code = (load<i32>(low + 16 * line + word) >> (2 * s)) & 3
    if (bits === 3) code |= ((load<i32>(high + 16 * (line >> 1) + word) >> (s + 16 * (line & 1))) & 1) << 2
    else if (bits === 4) code |= ((load<i32>(high + 16 * line + word) >> (2 * s)) & 3) << 2
    const scaled = half(<i32>load<u16>(tile + 2 * line)) * <f32>code
    const off = half(<i32>load<u16>(list + 4 * n + 2)) - (half(<i32>load<u16>(tile + 2 * lines + 2 * line)) + scaled)
    const at = out + 4 * (place & 63)
    store<f32>(at, load<f32>(at) + load<f32>(v + 4 * line) * off)
  }
}

export function addRows(v: i32, rows: i32, lines: i32, stride: i32, width: i32, out: i32): void {
  for (let i = 0; i < width; i += 4) {
    let sum = f32x4.splat(0)
    let at = rows + 4 * i
    for (let l = 0; l < lines; l++) {
      sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(v + 4 * l), v128.load(at)))
      at += 4 * stride
    }
    v128.store(out + 4 * i, f32x4.add(v128.load(out + 4 * i), sum))
  }
}

@inline
function exponential(below: v128): v128 {
  const x = f32x4.max(below, f32x4.splat(-87))
  const magic = f32x4.splat(12582912)
  const n = f32x4.sub(f32x4.add(f32x4.mul(x, f32x4.splat(<f32>Math.LOG2E)), magic), magic)
  const r = f32x4.sub(
    f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375))),
    f32x4.mul(n, f32x4.splat(-2.1219444e-4)),
  )
  let y = f32x4.splat(1.98756915e-4)
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.3981999507e-3))
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(8.3334519073e-3))
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(4.1665795894e-2))
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.6666665459e-1))
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(5.0000001201e-1))
  y = f32x4.add(f32x4.add(f32x4.mul(y, f32x4.mul(r, r)), r), f32x4.splat(1))
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23)
  return f32x4.mul(y, power)
}

export function softmax(scores: i32, count: i32, sum: i32): void {
  let most = v128.load(scores)
  for (let i = 4; i < count; i += 4) most = f32x4.max(most, v128.load(scores + 4 * i))
  const largest = f32x4.splat(
    max<f32>(
      max<f32>(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
      max<f32>(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
    ),
  )
  let sums = f32x4.splat(0)
  for (let i = 0; i < count; i += 4) {
    const power = exponential(f32x4.sub(v128.load(scores + 4 * i), largest))
    v128.store(scores + 4 * i, power)
    sums = f32x4.add(sums, power)
  }
  store<f32>(sum, lanes(sums))
}
