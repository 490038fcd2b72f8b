// AssemblyScript side of products.ts: same names, same meaning, same bits.

export function packPanels(b: i32, inner: i32, cols: i32, panels: i32): void {
  for (let c = 0; c < cols; c += 8) {
    for (let k = 0; k < inner; k++) {
      const from = b + 4 * (k * cols + c)
      v128.store(panels, v128.load(from))
      v128.store(panels, v128.load(from, 16), 16)
      panels += 32
    }
  }
}

// Rows go in groups that stay in the nearest cache while all panels pass by.
const GROUP = 32

export function product(a: i32, rows: i32, inner: i32, panels: i32, cols: i32, out: i32): void {
  for (let start = 0; start < rows; start += GROUP) {
    const end = min(rows, start + GROUP)
    for (let c = 0; c < cols; c += 8) {
      const panel = panels + 4 * c * inner
      let i = start
      for (; i + 4 <= end; i += 4) rows4(a + 4 * i * inner, inner, panel, cols, out + 4 * (i * cols + c))
      for (; i < end; i++) row1(a + 4 * i * inner, inner, panel, out + 4 * (i * cols + c))
    }
  }
}

@inline
function fused(sum: v128, x: v128, y: v128): v128 {
  return f32x4.add(sum, f32x4.mul(x, y))
}

function rows4(a: i32, inner: i32, panel: i32, cols: i32, out: i32): void {
  const b = a + 4 * inner
  const c = b + 4 * inner
  const d = c + 4 * inner
  let a0 = f32x4.splat(0)
  let a1 = a0
  let b0 = a0
  let b1 = a0
  let c0 = a0
  let c1 = a0
  let d0 = a0
  let d1 = a0
  for (let k = 0; k < 4 * inner; k += 4) {
    const p = v128.load(panel)
    const q = v128.load(panel, 16)
    panel += 32
    let x = v128.load32_splat(a + k)
    a0 = fused(a0, x, p)
    a1 = fused(a1, x, q)
    x = v128.load32_splat(b + k)
    b0 = fused(b0, x, p)
    b1 = fused(b1, x, q)
    x = v128.load32_splat(c + k)
    c0 = fused(c0, x, p)
    c1 = fused(c1, x, q)
    x = v128.load32_splat(d + k)
    d0 = fused(d0, x, p)
    d1 = fused(d1, x, q)
  }
  v128.store(out, a0)
  v128.store(out, a1, 16)
  out += 4 * cols
  v128.store(out, b0)
  v128.store(out, b1, 16)
  out += 4 * cols
  v128.store(out, c0)
  v128.store(out, c1, 16)
  out += 4 * cols
  v128.store(out, d0)
  v128.store(out, d1, 16)
}

function row1(a: i32, inner: i32, panel: i32, out: i32): void {
  let a0 = f32x4.splat(0)
  let a1 = a0
  for (let k = 0; k < 4 * inner; k += 4) {
    const x = v128.load32_splat(a + k)
    a0 = fused(a0, x, v128.load(panel))
    a1 = fused(a1, x, v128.load(panel, 16))
    panel += 32
  }
  v128.store(out, a0)
  v128.store(out, a1, 16)
}

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
  let i = 0
  for (; i + 4 <= rows; i += 4) {
    nearest4(x, stride, width, table, count, halves, codes, step)
    x += 4 * stride
    codes += 4 * step
  }
  for (; i < rows; i++) {
    nearest1(x, width, table, count, halves, codes)
    x += stride
    codes += step
  }
}

// The least of a lane and its number; a later one must be less, so that the first of equals stays.

@inline
function first(value: v128, place: v128): i32 {
  let least = f32x4.extract_lane(value, 0)
  let best = i32x4.extract_lane(place, 0)
  let v = f32x4.extract_lane(value, 1)
  let p = i32x4.extract_lane(place, 1)
  if (v < least || (v === least && p < best)) {
    least = v
    best = p
  }
  v = f32x4.extract_lane(value, 2)
  p = i32x4.extract_lane(place, 2)
  if (v < least || (v === least && p < best)) {
    least = v
    best = p
  }
  v = f32x4.extract_lane(value, 3)
  p = i32x4.extract_lane(place, 3)
  if (v < least || (v === least && p < best)) best = p
  return best
}

@inline
function lessened(sum: v128, x: v128, y: v128): v128 {
  return f32x4.sub(sum, f32x4.mul(x, y))
}

function nearest4(
  x: i32,
  stride: i32,
  width: i32,
  table: i32,
  count: i32,
  halves: i32,
  codes: i32,
  step: i32,
): void {
  const y = x + stride
  const z = y + stride
  const w = z + stride
  let xv = f32x4.splat(Infinity)
  let yv = xv
  let zv = xv
  let wv = xv
  let xp = i32x4.splat(0)
  let yp = xp
  let zp = xp
  let wp = xp
  let place = i32x4(0, 1, 2, 3)
  for (let c = 0; c < count; c += 8) {
    let x0 = v128.load(halves + 4 * c)
    let x1 = v128.load(halves + 4 * c, 16)
    let y0 = x0
    let y1 = x1
    let z0 = x0
    let z1 = x1
    let w0 = x0
    let w1 = x1
    let t = table + 4 * c
    for (let j = 0; j < 4 * width; j += 4) {
      const p = v128.load(t)
      const q = v128.load(t, 16)
      t += 4 * count
      let e = v128.load32_splat(x + j)
      x0 = lessened(x0, e, p)
      x1 = lessened(x1, e, q)
      e = v128.load32_splat(y + j)
      y0 = lessened(y0, e, p)
      y1 = lessened(y1, e, q)
      e = v128.load32_splat(z + j)
      z0 = lessened(z0, e, p)
      z1 = lessened(z1, e, q)
      e = v128.load32_splat(w + j)
      w0 = lessened(w0, e, p)
      w1 = lessened(w1, e, q)
    }
    const next = i32x4.add(place, i32x4.splat(4))
    let m = f32x4.lt(x0, xv)
    xv = f32x4.pmin(xv, x0)
    xp = v128.bitselect(place, xp, m)
    m = f32x4.lt(x1, xv)
    xv = f32x4.pmin(xv, x1)
    xp = v128.bitselect(next, xp, m)
    m = f32x4.lt(y0, yv)
    yv = f32x4.pmin(yv, y0)
    yp = v128.bitselect(place, yp, m)
    m = f32x4.lt(y1, yv)
    yv = f32x4.pmin(yv, y1)
    yp = v128.bitselect(next, yp, m)
    m = f32x4.lt(z0, zv)
    zv = f32x4.pmin(zv, z0)
    zp = v128.bitselect(place, zp, m)
    m = f32x4.lt(z1, zv)
    zv = f32x4.pmin(zv, z1)
    zp = v128.bitselect(next, zp, m)
    m = f32x4.lt(w0, wv)
    wv = f32x4.pmin(wv, w0)
    wp = v128.bitselect(place, wp, m)
    m = f32x4.lt(w1, wv)
    wv = f32x4.pmin(wv, w1)
    wp = v128.bitselect(next, wp, m)
    place = i32x4.add(place, i32x4.splat(8))
  }
  store<u8>(codes, first(xv, xp))
  store<u8>(codes + step, first(yv, yp))
  store<u8>(codes + 2 * step, first(zv, zp))
  store<u8>(codes + 3 * step, first(wv, wp))
}

function nearest1(x: i32, width: i32, table: i32, count: i32, halves: i32, codes: i32): void {
  let xv = f32x4.splat(Infinity)
  let xp = i32x4.splat(0)
  let place = i32x4(0, 1, 2, 3)
  for (let c = 0; c < count; c += 4) {
    let sum = v128.load(halves + 4 * c)
    let t = table + 4 * c
    for (let j = 0; j < 4 * width; j += 4) {
      sum = lessened(sum, v128.load32_splat(x + j), v128.load(t))
      t += 4 * count
    }
    const m = f32x4.lt(sum, xv)
    xv = f32x4.pmin(xv, sum)
    xp = v128.bitselect(place, xp, m)
    place = i32x4.add(place, i32x4.splat(4))
  }
  store<u8>(codes, first(xv, xp))
}

export function tables(q: i32, table: i32, parts: i32, width: i32, count: i32, isDistance: i32, out: i32): void {
  for (let s = 0; s < parts; s++) {
    for (let c = 0; c < count; c += 4) {
      let sum = f32x4.splat(0)
      let t = table + 4 * c
      if (isDistance === 0) {
        for (let j = 0; j < 4 * width; j += 4) {
          sum = fused(sum, v128.load32_splat(q + j), v128.load(t))
          t += 4 * count
        }
      } else {
        for (let j = 0; j < 4 * width; j += 4) {
          const gap = f32x4.sub(v128.load32_splat(q + j), v128.load(t))
          sum = lessened(sum, gap, gap)
          t += 4 * count
        }
      }
      v128.store(out, sum)
      out += 16
    }
    q += 4 * width
    table += 4 * width * count
  }
}
