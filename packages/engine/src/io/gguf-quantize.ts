/**
 * f32 to blocks of GGUF files by the reference algorithm (ggml, without importance weights): the same bytes, as each
 * operation is rounded to f32 and done in the same order.
 */
import { f16FromF32, f32FromF16, PithError } from '@pith/core'
import { minOf, scaleOf } from './gguf-dequantize.ts'
import { ggufTypeFacts } from './gguf-types.ts'

/** Types of blocks that can be made. */
export type QuantizableType = 'Q4_0' | 'Q4_1' | 'Q8_0' | 'Q4_K' | 'Q6_K'

type QuantizeBlock = (x: Float32Array, from: number, bytes: Uint8Array, at: number) => void

const f = Math.fround
/** Adding it to an f32 below 2^22 rounds that to an integer, ties to even. */
const ROUNDER = 12582912
/** Groups whose values are all smaller are zero. */
const GROUP_EPS = f(1e-15)
const TENTH = f(0.1)

const single = /* @__PURE__ */ new Float32Array(1)
const bits = /* @__PURE__ */ new Uint16Array(1)

/** Write a scale as a half; returns the value that it has then. */
function putHalf(bytes: Uint8Array, at: number, value: number): number {
  single[0] = value
  f16FromF32(single, bits)
  const word = bits[0]!
  if ((word & 0x7c00) === 0x7c00) {
    throw new PithError('PITH_NONFINITE', `a scale of ${value} is beyond half precision`, {
      hint: 'Scale the tensor down, or keep it as F32.',
    })
  }
  bytes[at] = word & 255
  bytes[at + 1] = word >> 8
  f32FromF16(bits, single)
  return single[0]!
}

function nearest(value: number, low: number, high: number): number {
  const integer = f(f(value) + ROUNDER) - ROUNDER
  return integer < low ? low : integer > high ? high : integer
}

/** One over a scale; scales so small that it overflows are zero as halves. */
function inverse(scale: number): number {
  const inverted = scale === 0 ? 0 : f(1 / scale)
  return Number.isFinite(inverted) ? inverted : 0
}

function q40(x: Float32Array, from: number, bytes: Uint8Array, at: number): void {
  let largest = 0
  for (let i = 0; i < 32; i++) if (Math.abs(x[from + i]!) > Math.abs(largest)) largest = x[from + i]!
  const scale = f(largest / -8)
  const inverted = inverse(scale)
  putHalf(bytes, at, scale)
  for (let i = 0; i < 16; i++) {
    const low = Math.min(15, Math.trunc(f(f(x[from + i]! * inverted) + 8.5)))
    const high = Math.min(15, Math.trunc(f(f(x[from + 16 + i]! * inverted) + 8.5)))
    bytes[at + 2 + i] = low | (high << 4)
  }
}

function q41(x: Float32Array, from: number, bytes: Uint8Array, at: number): void {
  let min = x[from]!
  let max = min
  for (let i = 1; i < 32; i++) {
    const value = x[from + i]!
    if (value < min) min = value
    if (value > max) max = value
  }
  const scale = f(f(max - min) / 15)
  const inverted = inverse(scale)
  putHalf(bytes, at, scale)
  putHalf(bytes, at + 2, min)
  for (let i = 0; i < 16; i++) {
    const low = Math.min(15, Math.trunc(f(f(f(x[from + i]! - min) * inverted) + 0.5)))
    const high = Math.min(15, Math.trunc(f(f(f(x[from + 16 + i]! - min) * inverted) + 0.5)))
    bytes[at + 4 + i] = low | (high << 4)
  }
}

function q80(x: Float32Array, from: number, bytes: Uint8Array, at: number): void {
  let largest = 0
  for (let i = 0; i < 32; i++) largest = Math.max(largest, Math.abs(x[from + i]!))
  const scale = f(largest / 127)
  const inverted = inverse(scale)
  putHalf(bytes, at, scale)
  for (let i = 0; i < 32; i++) {
    const value = f(x[from + i]! * inverted)
    // Halves go away from zero.
    bytes[at + 2 + i] = value < 0 ? -Math.floor(0.5 - value) : Math.floor(value + 0.5)
  }
}

const weights = /* @__PURE__ */ new Float32Array(32)
const levels = /* @__PURE__ */ new Uint8Array(256)
const tried = /* @__PURE__ */ new Uint8Array(32)
/** Scale and minimum that {@link fitScaleAndMin} found. */
const fitted = { scale: 0, min: 0 }

/**
 * Scale and minimum of 32 values with the least weighted squared error among 21 tries with levels 0..15, each with the
 * scale and minimum that fit its levels best. The levels go to `to` of {@link levels}.
 */
function fitScaleAndMin(x: Float32Array, from: number, to: number): void {
  let min = x[from]!
  let max = min
  let sumW = weights[0]!
  let sumX = f(sumW * min)
  for (let i = 1; i < 32; i++) {
    const value = x[from + i]!
    if (value < min) min = value
    if (value > max) max = value
    sumW = f(sumW + weights[i]!)
    sumX = f(sumX + f(weights[i]! * value))
  }
  if (min > 0) min = 0
  fitted.min = -min
  fitted.scale = 0
  levels.fill(0, to, to + 32)
  if (max === min) return
  let inverted = f(15 / f(max - min))
  let scale = f(1 / inverted)
  for (let i = 0; i < 32; i++) tried[i] = nearest(inverted * f(x[from + i]! - min), 0, 15)
  levels.set(tried, to)
  let best = errorOf(x, from, scale, min)
  for (let step = 0; step <= 20; step++) {
    // Tries start from the best minimum so far, as those of the reference do.
    inverted = f(f(f(-1 + f(TENTH * step)) + 15) / f(max - min))
    let sumL = 0
    let sumL2 = 0
    let sumXL = 0
    for (let i = 0; i < 32; i++) {
      const level = nearest(inverted * f(x[from + i]! - min), 0, 15)
      tried[i] = level
      const weighted = f(weights[i]! * level)
      sumL = f(sumL + weighted)
      sumL2 = f(sumL2 + f(weighted * level))
      sumXL = f(sumXL + f(weighted * x[from + i]!))
    }
    const determinant = f(f(sumW * sumL2) - f(sumL * sumL))
    if (!(determinant > 0)) continue
    let ownScale = f(f(f(sumW * sumXL) - f(sumX * sumL)) / determinant)
    let ownMin = f(f(f(sumL2 * sumX) - f(sumL * sumXL)) / determinant)
    if (ownMin > 0) {
      ownMin = 0
      ownScale = f(sumXL / sumL2)
    }
    const error = errorOf(x, from, ownScale, ownMin)
    if (error < best) {
      best = error
      scale = ownScale
      min = ownMin
      levels.set(tried, to)
    }
  }
  fitted.scale = scale
  fitted.min = -min
}

function errorOf(x: Float32Array, from: number, scale: number, min: number): number {
  let error = 0
  for (let i = 0; i < 32; i++) {
    const difference = f(f(f(scale * tried[i]!) + min) - x[from + i]!)
    error = f(error + f(weights[i]! * f(difference * difference)))
  }
  return error
}

const groupScales = /* @__PURE__ */ new Float32Array(16)
const groupMins = /* @__PURE__ */ new Float32Array(16)

function q4k(x: Float32Array, from: number, bytes: Uint8Array, at: number): void {
  let maxScale = 0
  let maxMin = 0
  for (let group = 0; group < 8; group++) {
    const start = from + 32 * group
    let squares = 0
    for (let i = 0; i < 32; i++) squares = f(squares + f(x[start + i]! * x[start + i]!))
    const mean = f(Math.sqrt(f(squares / 32)))
    for (let i = 0; i < 32; i++) weights[i] = f(mean + Math.abs(x[start + i]!))
    fitScaleAndMin(x, start, 32 * group)
    groupScales[group] = fitted.scale
    groupMins[group] = fitted.min
    maxScale = Math.max(maxScale, fitted.scale)
    maxMin = Math.max(maxMin, fitted.min)
  }
  const toScale = maxScale > 0 ? f(63 / maxScale) : 0
  const toMin = maxMin > 0 ? f(63 / maxMin) : 0
  bytes.fill(0, at + 4, at + 16)
  for (let group = 0; group < 8; group++) {
    const scale = nearest(toScale * groupScales[group]!, 0, 63)
    const min = nearest(toMin * groupMins[group]!, 0, 63)
    if (group < 4) {
      bytes[at + 4 + group] = scale
      bytes[at + 8 + group] = min
    } else {
      bytes[at + 8 + group] = (scale & 15) | ((min & 15) << 4)
      bytes[at + group] = bytes[at + group]! | ((scale >> 4) << 6)
      bytes[at + 4 + group] = bytes[at + 4 + group]! | ((min >> 4) << 6)
    }
  }
  const scale = putHalf(bytes, at, f(maxScale / 63))
  const minScale = putHalf(bytes, at + 2, f(maxMin / 63))
  for (let group = 0; group < 8; group++) {
    const own = f(scale * scaleOf(bytes, at + 4, group))
    const min = f(minScale * minOf(bytes, at + 4, group))
    if (own === 0) continue
    for (let i = 32 * group; i < 32 * group + 32; i++) levels[i] = nearest(f(x[from + i]! + min) / own, 0, 15)
  }
  for (let i = 0; i < 128; i++) {
    const low = ((i >> 5) << 6) + (i & 31)
    bytes[at + 16 + i] = levels[low]! | (levels[low + 32]! << 4)
  }
}

/**
 * The scale of 16 values with the least error, weighted by their squares, among 19 tries with levels -32..31. The levels
 * and 32 go to `to` of {@link levels}.
 */
function fitScale(x: Float32Array, from: number, to: number): number {
  let largest = 0
  for (let i = 0; i < 16; i++) if (Math.abs(x[from + i]!) > Math.abs(largest)) largest = x[from + i]!
  levels.fill(0, to, to + 16)
  if (Math.abs(largest) < GROUP_EPS) return 0
  let scale = 0
  let best = 0
  for (let attempt = 0; attempt < 19; attempt++) {
    // The plain scale first, then those around it: the first of equals is kept.
    const step = attempt === 0 ? 0 : attempt <= 9 ? attempt - 10 : attempt - 9
    const inverted = f(-f(32 + f(TENTH * step)) / largest)
    let products = 0
    let squares = 0
    for (let i = 0; i < 16; i++) {
      const value = x[from + i]!
      const level = nearest(inverted * value, -32, 31)
      tried[i] = level + 32
      const weight = f(value * value)
      products = f(products + f(f(weight * value) * level))
      squares = f(squares + f(f(weight * level) * level))
    }
    const isFirst = attempt === 0
    if (isFirst || (squares > 0 && f(products * products) > f(best * squares))) {
      scale = squares === 0 ? 0 : f(products / squares)
      best = f(scale * products)
      for (let i = 0; i < 16; i++) levels[to + i] = tried[i]!
    }
  }
  return scale
}

function q6k(x: Float32Array, from: number, bytes: Uint8Array, at: number): void {
  let largest = 0
  for (let group = 0; group < 16; group++) {
    groupScales[group] = fitScale(x, from + 16 * group, 16 * group)
    if (Math.abs(groupScales[group]!) > Math.abs(largest)) largest = groupScales[group]!
  }
  bytes.fill(0, at, at + 210)
  if (Math.abs(largest) < GROUP_EPS) return
  const inverted = f(-128 / largest)
  const scale = putHalf(bytes, at + 208, f(1 / inverted))
  for (let group = 0; group < 16; group++) {
    const multiple = nearest(inverted * groupScales[group]!, -128, 127)
    bytes[at + 192 + group] = multiple
    const own = f(scale * multiple)
    if (own === 0) continue
    for (let i = 16 * group; i < 16 * group + 16; i++) levels[i] = nearest(x[from + i]! / own, -32, 31) + 32
  }
  for (let i = 0; i < 256; i++) {
    const low = at + ((i >> 7) << 6) + (i & 63)
    const high = at + 128 + ((i >> 7) << 5) + (i & 31)
    bytes[low] = bytes[low]! | ((levels[i]! & 15) << (((i >> 6) & 1) << 2))
    bytes[high] = bytes[high]! | ((levels[i]! >> 4) << (((i >> 5) & 3) << 1))
  }
}

const KERNELS: Readonly<Record<QuantizableType, QuantizeBlock>> = {
  Q4_0: q40,
  Q4_1: q41,
  Q8_0: q80,
  Q4_K: q4k,
  Q6_K: q6k,
}

/**
 * Blocks of values, each as near as the reference algorithm gets.
 *
 * @param values  f32[n], n a multiple of 32 (`Q4_0`, `Q4_1`, `Q8_0`) or 256 (`Q4_K`, `Q6_K`)
 * @throws PithError `PITH_SHAPE` another length · `PITH_NONFINITE` a value is infinite or NaN, or beyond the scales ·
 * `PITH_UNSUPPORTED` a type that cannot be made
 */
export function quantize(type: QuantizableType, values: Float32Array): Uint8Array<ArrayBuffer> {
  if (!Object.hasOwn(KERNELS, type)) {
    throw new PithError('PITH_UNSUPPORTED', `blocks of ${String(type).slice(0, 40)} cannot be made`, {
      hint: `Use one of ${Object.keys(KERNELS).join(', ')}.`,
    })
  }
  const { blockSize, blockBytes } = ggufTypeFacts(type)
  if (values.length % blockSize !== 0) {
    throw new PithError('PITH_SHAPE', `blocks of ${type} have ${blockSize} values, got ${values.length}`)
  }
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]!)) throw new PithError('PITH_NONFINITE', `the value at ${i} is ${values[i]}`)
  }
  const bytes = new Uint8Array((values.length / blockSize) * blockBytes)
  const kernel = KERNELS[type]
  for (let block = 0; block * blockSize < values.length; block++) {
    kernel(values, block * blockSize, bytes, block * blockBytes)
  }
  return bytes
}
