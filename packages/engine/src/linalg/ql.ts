/** Eigenvalues of symmetric tridiagonal matrices by the QL method with implicit shifts. */
import { PithError } from '@pith/core'

const MAX_SWEEPS = 80

/** Sweeps whose rotations are gathered: then each row of the vectors is loaded once for all of them. */
const GATHERED = 24

/** Rows whose columns are turned between two looks at the time. */
const ROWS = 64

/** A symmetric tridiagonal matrix on its way to its eigenvalues. */
export interface Diagonalization {
  readonly n: number
  /** Diagonal, which becomes the eigenvalues in no order. */
  readonly d: Float64Array
  /** `e[i]` between i and i + 1. */
  readonly e: Float64Array
  /** f64[n, n], whose columns are turned along. */
  readonly z: Float64Array
  /** Eigenvalues found. */
  at: number
  /** Sweeps for the next one. */
  tries: number
  /** Off-diagonal elements up to this are zero. */
  noise: number
  /** Rotations that are held: sweep s turns columns (i, i + 1) for i from high[s] - 1 down to low[s]. */
  readonly low: Int32Array
  readonly high: Int32Array
  readonly cos: Float64Array
  readonly sin: Float64Array
  sweeps: number
  filled: number
  /** Rows that they are applied to already. */
  row: number
}

/** Room for the rotations of a matrix of n rows. */
export function roomForRotations(n: number): Pick<Diagonalization, 'low' | 'high' | 'cos' | 'sin'> {
  return {
    low: new Int32Array(GATHERED),
    high: new Int32Array(GATHERED),
    cos: new Float64Array(GATHERED * n),
    sin: new Float64Array(GATHERED * n),
  }
}

/** The bound below which off-diagonal elements are noise. */
export function noiseOf(d: Float64Array, e: Float64Array): number {
  // Rotations carry the rounding of the largest elements everywhere, so a bound relative to the neighbours may never be met.
  let noise = 0
  for (let i = 0; i < d.length; i++) noise = Math.max(noise, Number.EPSILON * (Math.abs(d[i]) + Math.abs(e[i])))
  return noise
}

/** Find eigenvalues until `isOver` says so. @returns whether all are found and the columns of `z` turned */
export function diagonalize(work: Diagonalization, isOver: () => boolean): boolean {
  const { d, e, n, noise } = work
  for (;;) {
    if (work.sweeps === GATHERED || work.at === n) {
      if (!turnColumns(work, isOver)) return false
      if (work.at === n) return true
    }
    const l = work.at
    let m = l
    for (; m < n - 1; m++) {
      if (Math.abs(e[m]) <= noise) break
    }
    if (m === l) {
      work.at++
      work.tries = 0
      continue
    }
    if (work.tries === MAX_SWEEPS) {
      throw new PithError('PITH_INTERNAL', `eigh: eigenvalue ${l} of ${n} does not converge`)
    }
    work.tries++
    sweep(d, e, l, m, work)
  }
}

/** One implicit shift on the unreduced block l..m. */
function sweep(d: Float64Array, e: Float64Array, l: number, m: number, held: Diagonalization): void {
  let g = (d[l + 1] - d[l]) / (2 * e[l])
  const root = Math.sqrt(g * g + 1)
  g = d[m] - d[l] + e[l] / (g + (g >= 0 ? root : -root))
  let s = 1
  let c = 1
  let p = 0
  let i = m - 1
  let at = held.filled
  for (; i >= l; i--) {
    const f = s * e[i]
    const b = c * e[i]
    const r = length2(f, g)
    e[i + 1] = r
    if (r === 0) {
      // The block falls apart here.
      d[i + 1] -= p
      e[m] = 0
      break
    }
    s = f / r
    c = g / r
    g = d[i + 1] - p
    const t = (d[i] - g) * s + 2 * c * b
    p = s * t
    d[i + 1] = g + p
    g = c * t - b
    held.cos[at] = c
    held.sin[at] = s
    at++
  }
  held.low[held.sweeps] = i + 1
  held.high[held.sweeps] = m
  held.sweeps++
  held.filled = at
  if (i >= l) return
  d[l] -= p
  e[l] = g
  e[m] = 0
}

/** Root of the sum of two squares without overflow; the engine's hypot is slower and may differ between machines. */
function length2(x: number, y: number): number {
  const a = Math.abs(x)
  const b = Math.abs(y)
  if (a > b) return a * Math.sqrt(1 + (b / a) * (b / a))
  return b === 0 ? 0 : b * Math.sqrt(1 + (a / b) * (a / b))
}

/** Apply the rotations that are held and forget them. @returns false where `isOver` said so before the last row */
function turnColumns(work: Diagonalization, isOver: () => boolean): boolean {
  const { z, n } = work
  while (work.row + 4 <= n) {
    turn4(z, work.row * n, n, work)
    work.row += 4
    if (work.row % ROWS === 0 && isOver()) return false
  }
  for (; work.row < n; work.row++) turn1(z, work.row * n, work)
  work.sweeps = 0
  work.filled = 0
  work.row = 0
  return true
}

/** Four rows at once: they share the loads of sines and cosines, and their chains of operations do not wait for each other. */
function turn4(z: Float64Array, r0: number, n: number, held: Diagonalization): void {
  const { cos, sin, low, high, sweeps } = held
  const r1 = r0 + n
  const r2 = r1 + n
  const r3 = r2 + n
  let at = 0
  for (let k = 0; k < sweeps; k++) {
    const m = high[k]
    const l = low[k]
    let h0 = z[r0 + m]
    let h1 = z[r1 + m]
    let h2 = z[r2 + m]
    let h3 = z[r3 + m]
    for (let i = m - 1; i >= l; i--, at++) {
      const c = cos[at]
      const s = sin[at]
      const x0 = z[r0 + i]
      const x1 = z[r1 + i]
      const x2 = z[r2 + i]
      const x3 = z[r3 + i]
      z[r0 + i + 1] = s * x0 + c * h0
      z[r1 + i + 1] = s * x1 + c * h1
      z[r2 + i + 1] = s * x2 + c * h2
      z[r3 + i + 1] = s * x3 + c * h3
      h0 = c * x0 - s * h0
      h1 = c * x1 - s * h1
      h2 = c * x2 - s * h2
      h3 = c * x3 - s * h3
    }
    z[r0 + l] = h0
    z[r1 + l] = h1
    z[r2 + l] = h2
    z[r3 + l] = h3
  }
}

function turn1(z: Float64Array, row: number, held: Diagonalization): void {
  let at = 0
  for (let k = 0; k < held.sweeps; k++) {
    const l = held.low[k]
    let h = z[row + held.high[k]]
    for (let i = held.high[k] - 1; i >= l; i--, at++) {
      const c = held.cos[at]
      const s = held.sin[at]
      const x = z[row + i]
      z[row + i + 1] = s * x + c * h
      h = c * x - s * h
    }
    z[row + l] = h
  }
}
