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
    const zero = f32x4.splat(weigh(v, tile, lines, scratch))
    const low = tile + 4 * lines
    const high = low + 16 * lines
    if (bits === 3) {
      add3(scratch, low, lines, 0, zero, out)
      add3(scratch, low, lines, 15, zero, out + 80)
      add3Halves(scratch, high, lines, zero, out + 160)
      add3Last(scratch, low, high, lines, zero, out + 240)
    } else if (bits === 2) {
      for (let quarter = 0; quarter < 4; quarter++) add2(scratch, low, lines, 8 * quarter, zero, out + 64 * quarter)
    } else {
      add4(scratch, low, lines, 0, zero, out)
      add4(scratch, low, lines, 16, zero, out + 64)
      add4(scratch, high, lines, 0, zero, out + 128)
      add4(scratch, high, lines, 16, zero, out + 192)
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

// Codes are not shifted down one by one: a sum of codes that stand higher in their words is made smaller at the end.

@inline
function fused(sum: v128, weight: v128, codes: v128): v128 {
  return f32x4.add(sum, f32x4.mul(weight, f32x4.convert_i32x4_s(codes)))
}

@inline
function finish(to: i32, sum: v128, part: f32, zero: v128): void {
  v128.store(to, f32x4.add(v128.load(to), f32x4.add(f32x4.mul(sum, f32x4.splat(part)), zero)))
}

function add2(weights: i32, words: i32, lines: i32, shift: i32, zero: v128, to: i32): void {
  let s0 = f32x4.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  for (let l = 0; l < lines; l++) {
    const weight = v128.load32_splat(weights + 4 * l)
    const x = i32x4.shr_u(v128.load(words + 16 * l), shift)
    s0 = fused(s0, weight, v128.and(x, i32x4.splat(3)))
    s1 = fused(s1, weight, v128.and(x, i32x4.splat(12)))
    s2 = fused(s2, weight, v128.and(x, i32x4.splat(48)))
    s3 = fused(s3, weight, v128.and(x, i32x4.splat(192)))
  }
  finish(to, s0, 1, zero)
  finish(to + 16, s1, 0.25, zero)
  finish(to + 32, s2, 0.0625, zero)
  finish(to + 48, s3, 0.015625, zero)
}

function add3(weights: i32, words: i32, lines: i32, shift: i32, zero: v128, to: i32): void {
  let s0 = f32x4.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  let s4 = s0
  for (let l = 0; l < lines; l++) {
    const weight = v128.load32_splat(weights + 4 * l)
    const x = i32x4.shr_u(v128.load(words + 16 * l), shift)
    s0 = fused(s0, weight, v128.and(x, i32x4.splat(7)))
    s1 = fused(s1, weight, v128.and(x, i32x4.splat(56)))
    s2 = fused(s2, weight, v128.and(x, i32x4.splat(448)))
    s3 = fused(s3, weight, v128.and(x, i32x4.splat(3584)))
    s4 = fused(s4, weight, v128.and(x, i32x4.splat(28672)))
  }
  finish5(to, s0, s1, s2, s3, s4, zero)
}

@inline
function finish5(to: i32, s0: v128, s1: v128, s2: v128, s3: v128, s4: v128, zero: v128): void {
  finish(to, s0, 1, zero)
  finish(to + 16, s1, 0.125, zero)
  finish(to + 32, s2, 0.015625, zero)
  finish(to + 48, s3, 0.001953125, zero)
  finish(to + 64, s4, 0.000244140625, zero)
}

function add3Halves(weights: i32, words: i32, lines: i32, zero: v128, to: i32): void {
  let s0 = f32x4.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  let s4 = s0
  for (let l = 0; l < lines; l += 2) {
    let weight = v128.load32_splat(weights + 4 * l)
    let x = v128.load(words + 8 * l)
    s0 = fused(s0, weight, v128.and(x, i32x4.splat(7)))
    s1 = fused(s1, weight, v128.and(x, i32x4.splat(56)))
    s2 = fused(s2, weight, v128.and(x, i32x4.splat(448)))
    s3 = fused(s3, weight, v128.and(x, i32x4.splat(3584)))
    s4 = fused(s4, weight, v128.and(x, i32x4.splat(28672)))
    weight = v128.load32_splat(weights + 4 * l, 4)
    x = i32x4.shr_u(x, 16)
    s0 = fused(s0, weight, v128.and(x, i32x4.splat(7)))
    s1 = fused(s1, weight, v128.and(x, i32x4.splat(56)))
    s2 = fused(s2, weight, v128.and(x, i32x4.splat(448)))
    s3 = fused(s3, weight, v128.and(x, i32x4.splat(3584)))
    s4 = fused(s4, weight, v128.and(x, i32x4.splat(28672)))
  }
  finish5(to, s0, s1, s2, s3, s4, zero)
}

function add3Last(weights: i32, low: i32, high: i32, lines: i32, zero: v128, to: i32): void {
  const four = i32x4.splat(4)
  let sum = f32x4.splat(0)
  for (let l = 0; l < lines; l += 2) {
    const h = v128.load(high + 8 * l)
    const x = i32x4.shr_u(v128.load(low + 16 * l), 30)
    sum = fused(sum, v128.load32_splat(weights + 4 * l), v128.or(x, v128.and(i32x4.shr_u(h, 13), four)))
    const y = i32x4.shr_u(v128.load(low + 16 * l, 16), 30)
    sum = fused(sum, v128.load32_splat(weights + 4 * l, 4), v128.or(y, v128.and(i32x4.shr_u(h, 29), four)))
  }
  finish(to, sum, 1, zero)
}

function add4(weights: i32, words: i32, lines: i32, shift: i32, zero: v128, to: i32): void {
  let s0 = f32x4.splat(0)
  let s1 = s0
  let s2 = s0
  let s3 = s0
  for (let l = 0; l < lines; l++) {
    const weight = v128.load32_splat(weights + 4 * l)
    const x = i32x4.shr_u(v128.load(words + 16 * l), shift)
    s0 = fused(s0, weight, v128.and(x, i32x4.splat(15)))
    s1 = fused(s1, weight, v128.and(x, i32x4.splat(240)))
    s2 = fused(s2, weight, v128.and(x, i32x4.splat(3840)))
    s3 = fused(s3, weight, v128.and(x, i32x4.splat(61440)))
  }
  finish(to, s0, 1, zero)
  finish(to + 16, s1, 0.0625, zero)
  finish(to + 32, s2, 0.00390625, zero)
  finish(to + 48, s3, 0.000244140625, zero)
}

@inline
function codeAt(low: i32, high: i32, bits: i32, line: i32, place: i32): i32 {
  const word = 4 * (place & 3)
  const s = (place >> 2) & 15
  const first = load<i32>(low + 16 * line + word)
  if (bits === 2) return (first >> (2 * s)) & 3
  if (bits === 4) return s < 8 ? (first >> (4 * s)) & 15 : (load<i32>(high + 16 * line + word) >> (4 * (s - 8))) & 15
  const second = load<i32>(high + 16 * (line >> 1) + word) >> (16 * (line & 1))
  if (s < 10) return (first >> (3 * s)) & 7
  if (s < 15) return (second >> (3 * (s - 10))) & 7
  return ((first >> 30) & 3) | ((second >> 13) & 4)
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
    const code = codeAt(low, high, bits, line, place)
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
