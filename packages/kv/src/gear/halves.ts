/** Numbers that half precision holds exactly. */
import { f16FromF32, f32FromF16 } from '@pith/core'

/** Largest number of half precision. */
const MOST = 65504

/** The nearest numbers; what is too large becomes the largest. */
export function nearestHalves(x: ArrayLike<number>): Float32Array {
  return f32FromF16(f16FromF32(Float32Array.from(x, (value) => Math.max(-MOST, Math.min(MOST, value)))))
}

/** The largest numbers that are not above. */
export function halvesBelow(x: Float32Array): Float32Array {
  const bits = f16FromF32(Float32Array.from(x, (value) => Math.max(-MOST, Math.min(MOST, value))))
  const near = f32FromF16(bits)
  for (let i = 0; i < x.length; i++) {
    if ((near[i] as number) <= (x[i] as number)) continue
    const half = bits[i] as number
    // Bits of numbers above 0 rise with them, of those below 0 they fall; below 0 comes the smallest of the others.
    if (half === 0 || half === 0x8000) bits[i] = 0x8001
    else if (half !== 0xfbff) bits[i] = half < 0x8000 ? half - 1 : half + 1
  }
  return f32FromF16(bits)
}

/** The smallest numbers that are not below; x is 0 or more. */
export function halvesAbove(x: Float32Array): Float32Array {
  return halvesBelow(x.map((value) => -value)).map((value) => (value === 0 ? 0 : -value))
}
