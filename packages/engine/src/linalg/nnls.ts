/** Least squares with coefficients that are not negative. */
import { PithError } from '@pith/core'
import { checkFinite, type Matrix, type Matrix64, matrixOf, type Reals, toF64, zeros } from './matrix.ts'
import { multiplyVector } from './product.ts'
import { solveLeast } from './solve.ts'

/** Options of {@link nnls}. */
export interface NnlsOptions {
  /** Times that the set of positive coefficients may change. Default 3 columns + 30. */
  iterations?: number
}

/** What {@link nnls} gives. */
export interface Nnls {
  /** f64[cols], each >= 0. */
  readonly x: Float64Array
  /** Norm of a x - b. */
  readonly residual: number
  /** Whether the conditions of the optimum hold. */
  readonly isOptimal: boolean
}

/**
 * The x >= 0 that minimises |a x - b| (Lawson and Hanson 1974, chapter 23).
 *
 * @param b as many elements as a has rows
 * @throws PithError `PITH_SHAPE` · `PITH_NONFINITE`
 */
export function nnls(a: Matrix, b: Reals, options: NnlsOptions = {}): Nnls {
  const { rows, cols } = a
  if (b.length !== rows) throw new PithError('PITH_SHAPE', `nnls: ${rows} rows and ${b.length} elements do not fit`)
  checkFinite(a, 'nnls')
  checkFinite(matrixOf(b, b.length, 1), 'nnls')
  const left = toF64(a)
  const x = new Float64Array(cols)
  const isPositive = new Uint8Array(cols)
  const isRefused = new Uint8Array(cols)
  let rest: Float64Array = Float64Array.from(b)
  const slopeNoise = slopeFloor(left, rest)
  let budget = options.iterations ?? 3 * cols + 30
  let isOptimal = false
  for (; budget > 0; budget--) {
    const enter = steepest(left, rest, isPositive, isRefused, slopeNoise)
    if (enter < 0) {
      isOptimal = true
      break
    }
    isPositive[enter] = 1
    let next = solveOn(left, b, isPositive)
    if (next === undefined || !(next[enter] > 0)) {
      // Rounding made this column look useful; leave it until another step succeeds.
      isPositive[enter] = 0
      isRefused[enter] = 1
      continue
    }
    isRefused.fill(0)
    while (next !== undefined && moveTo(x, next, isPositive)) next = solveOn(left, b, isPositive)
    rest = multiplyVector(left, x)
    for (let i = 0; i < rows; i++) rest[i] = b[i] - rest[i]
  }
  return { x, residual: Math.sqrt(rest.reduce((sum, value) => sum + value * value, 0)), isOptimal }
}

/** Below this a slope is rounding. */
function slopeFloor(a: Matrix64, b: Float64Array): Float64Array {
  const size = Math.sqrt(b.reduce((sum, value) => sum + value * value, 0))
  const squares = new Float64Array(a.cols)
  for (let i = 0; i < a.data.length; i++) squares[i % a.cols] += a.data[i] ** 2
  return squares.map((square) => 10 * Number.EPSILON * Math.sqrt(a.rows) * Math.sqrt(square) * size)
}

function steepest(
  a: Matrix64,
  rest: Float64Array,
  isPositive: Uint8Array,
  isRefused: Uint8Array,
  floor: Float64Array,
): number {
  const slopes = new Float64Array(a.cols)
  for (let i = 0, at = 0; i < a.rows; i++) for (let j = 0; j < a.cols; j++, at++) slopes[j] += a.data[at] * rest[i]
  let best = -1
  for (let j = 0; j < a.cols; j++) {
    if (isPositive[j] === 1 || isRefused[j] === 1 || !(slopes[j] > floor[j])) continue
    if (best < 0 || slopes[j] > slopes[best]) best = j
  }
  return best
}

/** Least squares on the columns that are chosen; undefined where these are dependent. */
function solveOn(a: Matrix64, b: Reals, isChosen: Uint8Array): Float64Array | undefined {
  const columns: number[] = []
  for (let j = 0; j < a.cols; j++) if (isChosen[j] === 1) columns.push(j)
  const part = zeros(a.rows, columns.length)
  for (let i = 0; i < a.rows; i++) {
    for (const [to, from] of columns.entries()) part.data[i * columns.length + to] = a.data[i * a.cols + from]
  }
  const found = solveLeast(part, matrixOf(Float64Array.from(b), b.length, 1))
  if (found === undefined) return undefined
  const out = new Float64Array(a.cols)
  for (const [from, to] of columns.entries()) out[to] = found.data[from]
  return out
}

/** Go towards `next` as far as no coefficient turns negative. @returns whether one stopped at 0 and was given up */
function moveTo(x: Float64Array, next: Float64Array, isPositive: Uint8Array): boolean {
  let share = 1
  let stop = -1
  for (let j = 0; j < x.length; j++) {
    if (isPositive[j] === 0 || next[j] > 0) continue
    const part = x[j] / (x[j] - next[j])
    if (stop < 0 || part < share) {
      share = part
      stop = j
    }
  }
  if (stop < 0) {
    x.set(next)
    return false
  }
  for (let j = 0; j < x.length; j++) {
    if (isPositive[j] === 0) continue
    x[j] += share * (next[j] - x[j])
    if (j === stop || !(x[j] > 0)) {
      x[j] = 0
      isPositive[j] = 0
    }
  }
  return true
}
