/** Eigenvalues of symmetric tridiagonal matrices by the QL method with implicit shifts. */
import { PithError } from '@pith/core'
import type { Pace } from './pace.ts'

const MAX_SWEEPS = 80

/** Sweeps whose rotations are gathered: then each row of the vectors is loaded once for all of them. */
const GATHERED = 24

/** Rotations of successive sweeps: sweep s turns columns (i, i + 1) for i from high[s] - 1 down to low[s]. */
interface Rotations {
  readonly low: Int32Array
  readonly high: Int32Array
  readonly cos: Float64Array
  readonly sin: Float64Array
  sweeps: number
  filled: number
}

/**
 * Diagonalise the matrix with diagonal `d` and off-diagonal `e` (`e[i]` between i - 1 and i); `d` receives the eigenvalues
 * in no order, and the columns of `z` are turned along.
 *
 * @param z f64[rows, n]
 */
export async function diagonalize(
  d: Float64Array,
  e: Float64Array,
  z: Float64Array,
  rows: number,
  pace: Pace,
): Promise<void> {
  const n = d.length
  e.copyWithin(0, 1)
  if (n > 0) e[n - 1] = 0
  const held: Rotations = {
    low: new Int32Array(GATHERED),
    high: new Int32Array(GATHERED),
    cos: new Float64Array(GATHERED * n),
    sin: new Float64Array(GATHERED * n),
    sweeps: 0,
    filled: 0,
  }
  // Rotations carry the rounding of the largest elements everywhere, so a bound relative to the neighbours may never be met.
  let noise = 0
  for (let i = 0; i < n; i++) noise = Math.max(noise, Number.EPSILON * (Math.abs(d[i]) + Math.abs(e[i])))
  for (let l = 0; l < n; l++) {
    for (let count = 0; ; count++) {
      let m = l
      for (; m < n - 1; m++) {
        if (Math.abs(e[m]) <= noise) break
      }
      if (m === l) break
      if (count === MAX_SWEEPS) throw new PithError('PITH_INTERNAL', `eigh: eigenvalue ${l} of ${n} does not converge`)
      sweep(d, e, l, m, held)
      if (held.sweeps < GATHERED) continue
      const wait = turnColumns(z, rows, n, held, pace, l)
      if (wait !== undefined) await wait
    }
  }
  await turnColumns(z, rows, n, held, pace, n)
}

/** One implicit shift on the unreduced block l..m. */
function sweep(d: Float64Array, e: Float64Array, l: number, m: number, held: Rotations): void {
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

/** Apply the rotations that are held and forget them. */
async function turnColumns(
  z: Float64Array,
  rows: number,
  n: number,
  held: Rotations,
  pace: Pace,
  done: number,
): Promise<void> {
  let row = 0
  for (; row + 4 <= rows; row += 4) {
    turn4(z, row * n, n, held)
    if ((row & 255) !== 0) continue
    const wait = pace.step(2 * n + done)
    if (wait !== undefined) await wait
  }
  for (; row < rows; row++) turn1(z, row * n, held)
  held.sweeps = 0
  held.filled = 0
}

/** Four rows at once: they share the loads of sines and cosines, and their chains of operations do not wait for each other. */
function turn4(z: Float64Array, r0: number, n: number, held: Rotations): void {
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

function turn1(z: Float64Array, row: number, held: Rotations): void {
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
