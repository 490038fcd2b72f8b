/** Limits of gradients, over flat arrays. */

/** Euclidean norm of all elements, in double precision and a fixed order; NaN or infinite where an element is. */
export function globalNorm(flat: Float32Array): number {
  // Four sums: one would wait for each addition before the next.
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  const whole = flat.length & ~3
  for (let i = 0; i < whole; i += 4) {
    const w = flat[i] as number
    const x = flat[i + 1] as number
    const y = flat[i + 2] as number
    const z = flat[i + 3] as number
    a += w * w
    b += x * x
    c += y * y
    d += z * z
  }
  for (let i = whole; i < flat.length; i++) a += (flat[i] as number) * (flat[i] as number)
  return Math.sqrt(a + b + (c + d))
}

/** Multiply all elements in place. */
function scaleBy(flat: Float32Array, factor: number): void {
  for (let i = 0; i < flat.length; i++) flat[i] = (flat[i] as number) * factor
}

/** Scale all elements in place so that their norm is at most `max`. @returns the norm before */
export function clipByNorm(flat: Float32Array, max: number, norm: number = globalNorm(flat)): number {
  if (norm > max && Number.isFinite(norm)) scaleBy(flat, max / norm)
  return norm
}

/** Bring each element into [-max, max] in place. */
export function clipByValue(flat: Float32Array, max: number): void {
  for (let i = 0; i < flat.length; i++) {
    const value = flat[i] as number
    if (value > max) flat[i] = max
    else if (value < -max) flat[i] = -max
  }
}
