import { PithError } from './errors.ts'

/**
 * f32 to IEEE half precision, to nearest, ties to even; above 65,519.99 it is infinity. NaNs keep the upper bits of their payload.
 *
 * @param values  f32[n]
 * @param out     u16[n], made where it is left out
 * @throws PithError `PITH_SHAPE` the lengths differ
 */
export function f16FromF32(
  values: Float32Array,
  out: Uint16Array<ArrayBufferLike> = new Uint16Array(values.length),
): Uint16Array<ArrayBufferLike> {
  checkLengths(values.length, out.length)
  // Bits are read as integers: a signalling NaN may change when it passes through a JavaScript number.
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < bits.length; i++) out[i] = halfBits(bits[i])
  return out
}

function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude >= 0x7f800000) {
    if (magnitude === 0x7f800000) return sign | 0x7c00
    const payload = (magnitude >>> 13) & 0x3ff
    return sign | 0x7c00 | (payload === 0 ? 0x200 : payload)
  }
  // 2^-14, the smallest normal half: the exponent moves from bias 127 to 15, then 13 bits are rounded off.
  if (magnitude >= 0x38800000) {
    const rounded = (magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13
    return sign | (rounded >= 0x7c00 ? 0x7c00 : rounded)
  }
  // Below 2^-25, or just that, it is zero.
  if (magnitude <= 0x33000000) return sign
  const shift = 126 - (magnitude >>> 23)
  const mantissa = (magnitude & 0x7fffff) | 0x800000
  const kept = mantissa >>> shift
  const rest = mantissa & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  return sign | (rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept)
}

/**
 * IEEE half precision to f32, exact.
 *
 * @param halves  u16[n]
 * @param out     f32[n], made where it is left out
 * @throws PithError `PITH_SHAPE` the lengths differ
 */
export function f32FromF16(
  halves: Uint16Array,
  out: Float32Array<ArrayBufferLike> = new Float32Array(halves.length),
): Float32Array<ArrayBufferLike> {
  checkLengths(halves.length, out.length)
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length)
  for (let i = 0; i < halves.length; i++) bits[i] = singleBits(halves[i])
  return out
}

function singleBits(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >>> 10) & 31
  const mantissa = half & 0x3ff
  if (exponent === 31) return sign | 0x7f800000 | (mantissa << 13)
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (mantissa << 13)
  if (mantissa === 0) return sign
  // A subnormal half is a normal single: shift its leading one into the hidden place.
  const shift = Math.clz32(mantissa) - 21
  return sign | ((113 - shift) << 23) | ((mantissa << (shift + 13)) & 0x7fffff)
}

/**
 * f32 to bfloat16, to nearest, ties to even. NaNs keep the upper bits of their payload.
 *
 * @param values  f32[n]
 * @param out     u16[n], made where it is left out
 * @throws PithError `PITH_SHAPE` the lengths differ
 */
export function bf16FromF32(
  values: Float32Array,
  out: Uint16Array<ArrayBufferLike> = new Uint16Array(values.length),
): Uint16Array<ArrayBufferLike> {
  checkLengths(values.length, out.length)
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]
    const top = word >>> 16
    if ((word & 0x7fffffff) > 0x7f800000) out[i] = (top & 0x7f) === 0 ? top | 0x40 : top
    else out[i] = (word + 0x7fff + (top & 1)) >>> 16
  }
  return out
}

/**
 * bfloat16 to f32, exact.
 *
 * @param values  u16[n]
 * @param out     f32[n], made where it is left out
 * @throws PithError `PITH_SHAPE` the lengths differ
 */
export function f32FromBf16(
  values: Uint16Array,
  out: Float32Array<ArrayBufferLike> = new Float32Array(values.length),
): Float32Array<ArrayBufferLike> {
  checkLengths(values.length, out.length)
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length)
  for (let i = 0; i < values.length; i++) bits[i] = values[i] << 16
  return out
}

function checkLengths(input: number, output: number): void {
  if (input !== output) throw new PithError('PITH_SHAPE', `the output has ${output} values, ${input} are needed`)
}
