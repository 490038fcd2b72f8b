/** Sparse codes by orthogonal matching pursuit. */
import { PithError, type Run } from '@pith/core'
import { checkCount, checkFinite, checkRows, type Matrix, type Matrix64, toF64 } from './matrix.ts'
import { keepPace } from './pace.ts'
import { gram, matmul, type WithProduct } from './product.ts'

/** Options of {@link omp}. */
export interface OmpOptions extends Run, WithProduct {
  /** Stop a signal once its error is at most this share of its length. Default 0. */
  tolerance?: number
}

/** Sparse codes of signals. */
export interface Omp {
  /** Atoms of each signal in the order of their choice: signal i has `indices[i * sparsity + j]` for j < counts[i]. */
  readonly indices: Int32Array
  /** Their coefficients; 0 beyond counts[i]. */
  readonly values: Float64Array
  /** Atoms of each signal. */
  readonly counts: Int32Array
  /** Norm of what is left of each signal. */
  readonly residuals: Float64Array
}

/** Below this share of its length an atom adds nothing to those that are chosen. */
const DEPENDENT = 1e-10

/**
 * Write each signal as a sum of at most `sparsity` atoms.
 * Method: Batch-OMP, Rubinstein, Zibulevsky and Elad (2008): Gram matrix of the atoms and a growing Cholesky factor.
 *
 * @param dictionary [dim, atoms], an atom in each column, of any length > 0 (atoms of zeros are never chosen)
 * @param signals [dim, n], a signal in each column
 * @throws PithError `PITH_SHAPE` · `PITH_NONFINITE` · `PITH_ARG` sparsity beyond the smaller side of the dictionary
 * @complexity products, then n sparsity (atoms sparsity + sparsity^2)
 */
export async function omp(
  dictionary: Matrix,
  signals: Matrix,
  sparsity: number,
  options: OmpOptions = {},
): Promise<Omp> {
  checkRows(dictionary, signals, 'omp')
  checkCount(sparsity, 0, Math.min(dictionary.rows, dictionary.cols), 'sparsity')
  const { tolerance = 0 } = options
  if (!(tolerance >= 0)) throw new PithError('PITH_ARG', `tolerance must be >= 0, got ${tolerance}`)
  checkFinite(dictionary, 'omp')
  checkFinite(signals, 'omp')
  const atoms = dictionary.cols
  const { cols: n } = signals
  const pace = keepPace(options, { stage: 'omp', unit: 'rows', total: n })
  const columns = toF64(dictionary)
  const own = toF64(signals)
  const unit = normalizeColumns(columns)
  const inner = await gram(columns, options)
  const along = await matmul(own, columns, { ...options, ta: true })
  const out: Omp = {
    indices: new Int32Array(n * sparsity),
    values: new Float64Array(n * sparsity),
    counts: new Int32Array(n),
    residuals: new Float64Array(n),
  }
  const energies = new Float64Array(n)
  for (let i = 0; i < own.data.length; i++) energies[i % n] += own.data[i] ** 2
  const pursuit = makePursuit(atoms, sparsity)
  for (let i = 0; i < n; i++) {
    const start = along.data.subarray(i * atoms, (i + 1) * atoms)
    const count = pursue(inner, start, energies[i], tolerance, pursuit)
    out.counts[i] = count
    for (let j = 0; j < count; j++) {
      out.indices[i * sparsity + j] = pursuit.chosen[j]
      out.values[i * sparsity + j] = pursuit.weights[j] / unit[pursuit.chosen[j]]
    }
    out.residuals[i] = residualOf(own, columns, i, count, pursuit)
    const wait = pace.step(i)
    if (wait !== undefined) await wait
  }
  pace.finish()
  return out
}

/** Scratch for one signal. */
interface Pursuit {
  readonly chosen: Int32Array
  readonly weights: Float64Array
  readonly isChosen: Uint8Array
  /** Inner products of the atoms with what is left of the signal. */
  readonly slopes: Float64Array
  /** Cholesky factor of the Gram matrix of the chosen atoms, f64[sparsity, sparsity]. */
  readonly factor: Float64Array
  readonly forward: Float64Array
}

function makePursuit(atoms: number, sparsity: number): Pursuit {
  return {
    chosen: new Int32Array(sparsity),
    weights: new Float64Array(sparsity),
    isChosen: new Uint8Array(atoms),
    slopes: new Float64Array(atoms),
    factor: new Float64Array(sparsity * sparsity),
    forward: new Float64Array(sparsity),
  }
}

function pursue(inner: Matrix64, start: Float64Array, energy: number, tolerance: number, state: Pursuit): number {
  const { chosen, weights, isChosen, slopes, factor, forward } = state
  const atoms = inner.cols
  const most = chosen.length
  isChosen.fill(0)
  slopes.set(start)
  let left = energy
  let count = 0
  while (count < most && left > tolerance * tolerance * energy) {
    let best = -1
    for (let j = 0; j < atoms; j++) {
      if (isChosen[j] === 0 && (best < 0 || Math.abs(slopes[j]) > Math.abs(slopes[best]))) best = j
    }
    if (best < 0 || Math.abs(slopes[best]) <= 1e-14 * Math.sqrt(energy)) break
    isChosen[best] = 1
    const row = count * most
    let pivot = inner.data[best * atoms + best]
    for (let i = 0; i < count; i++) {
      let sum = inner.data[best * atoms + chosen[i]]
      for (let p = 0; p < i; p++) sum -= factor[row + p] * factor[i * most + p]
      factor[row + i] = sum / factor[i * most + i]
      pivot -= factor[row + i] ** 2
    }
    // An atom that the others span already: it stays out, and the next best is tried.
    if (!(pivot > DEPENDENT)) continue
    factor[row + count] = Math.sqrt(pivot)
    chosen[count] = best
    let sum = start[best]
    for (let p = 0; p < count; p++) sum -= factor[row + p] * forward[p]
    forward[count] = sum / factor[row + count]
    left -= forward[count] ** 2
    count++
    backSolve(factor, forward, weights, count, most)
    slopes.set(start)
    for (let i = 0; i < count; i++) {
      const weight = weights[i]
      for (let j = 0, at = chosen[i] * atoms; j < atoms; j++, at++) slopes[j] -= weight * inner.data[at]
    }
  }
  return count
}

function backSolve(
  factor: Float64Array,
  forward: Float64Array,
  weights: Float64Array,
  n: number,
  stride: number,
): void {
  for (let i = n - 1; i >= 0; i--) {
    let sum = forward[i]
    for (let p = i + 1; p < n; p++) sum -= factor[p * stride + i] * weights[p]
    weights[i] = sum / factor[i * stride + i]
  }
}

/** Scale columns to length 1 in place. @returns their lengths; 1 for columns of zeros */
function normalizeColumns(a: Matrix64): Float64Array {
  const lengths = new Float64Array(a.cols)
  for (let i = 0; i < a.data.length; i++) lengths[i % a.cols] += a.data[i] ** 2
  for (let j = 0; j < a.cols; j++) lengths[j] = Math.sqrt(lengths[j]) || 1
  for (let i = 0; i < a.data.length; i++) a.data[i] /= lengths[i % a.cols]
  return lengths
}

function residualOf(signals: Matrix64, columns: Matrix64, signal: number, count: number, state: Pursuit): number {
  let sum = 0
  for (let i = 0; i < signals.rows; i++) {
    let left = signals.data[i * signals.cols + signal]
    for (let j = 0; j < count; j++) left -= state.weights[j] * columns.data[i * columns.cols + state.chosen[j]]
    sum += left * left
  }
  return Math.sqrt(sum)
}
