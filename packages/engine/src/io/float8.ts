/** Eight-bit floats (OCP FP8), which are stored but not computed with: all 256 values by table. */

/** Layouts of an eight-bit float: bits of exponent and mantissa; `E4M3` has no infinities (`fn`). */
export type Float8 = 'E4M3' | 'E5M2'

/** The 256 values of a layout by their byte. */
export function float8Values(layout: Float8): Float32Array<ArrayBuffer> {
  const values = new Float32Array(256)
  for (let byte = 0; byte < 256; byte++) values[byte] = (byte < 128 ? 1 : -1) * magnitude(layout, byte & 127)
  return values
}

function magnitude(layout: Float8, bits: number): number {
  const mantissaBits = layout === 'E4M3' ? 3 : 2
  const bias = layout === 'E4M3' ? 7 : 15
  const exponent = bits >> mantissaBits
  const mantissa = bits & ((1 << mantissaBits) - 1)
  if (layout === 'E4M3' && bits === 127) return Number.NaN
  if (layout === 'E5M2' && exponent === 31) return mantissa === 0 ? Number.POSITIVE_INFINITY : Number.NaN
  // Powers of two are exact.
  const scale = 2 ** (Math.max(1, exponent) - bias - mantissaBits)
  return scale * (exponent === 0 ? mantissa : mantissa + (1 << mantissaBits))
}

/** f32 of eight-bit floats, exact. */
export function f32FromFloat8(bytes: Uint8Array, layout: Float8): Float32Array<ArrayBuffer> {
  const table = float8Values(layout)
  const values = new Float32Array(bytes.length)
  for (let i = 0; i < bytes.length; i++) values[i] = table[bytes[i] as number] as number
  return values
}
