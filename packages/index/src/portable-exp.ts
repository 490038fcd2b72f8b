/** e^x to about 1e-15, with the same bits on every engine, which `Math.exp` does not promise; x <= 0. */
export function portableExp(x: number): number {
  if (x < -700) return 0
  const halvings = Math.max(0, Math.ceil(-x))
  const part = x / Math.max(1, halvings)
  let term = 1
  let sum = 1
  for (let k = 1; k <= 18; k++) {
    term *= part / k
    sum += term
  }
  let power = 1
  for (let left = Math.max(1, halvings), base = sum; left > 0; left >>= 1, base *= base)
    if ((left & 1) === 1) power *= base
  return power
}

/** The hyperbolic tangent, likewise. */
export function portableTanh(x: number): number {
  const small = portableExp(-2 * Math.abs(x))
  const size = (1 - small) / (1 + small)
  return x < 0 ? -size : size
}
