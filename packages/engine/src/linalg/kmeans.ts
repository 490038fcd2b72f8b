/** Lloyd's k-means in single precision. */
import { PithError, Random, type Run } from '@pith/core'
import { checkCount, checkFinite, type Matrix, matrixOf, toF32 } from './matrix.ts'
import { keepPace, type Pace } from './pace.ts'
import { matmul, type WithProduct } from './product.ts'

/** Options of {@link kmeans}. */
export interface KmeansOptions extends Run, WithProduct {
  /** `++` (default) draws them by squared distance (Arthur and Vassilvitskii 2007), `random` draws rows, or give the centroids. */
  init?: '++' | 'random' | Matrix
  /** Rounds at most. Default 25. */
  iterations?: number
  /** Stop when a round lowers the inertia by no more than this share. Default 0: when no row moves. */
  tolerance?: number
}

/** What {@link kmeans} gives. */
export interface Kmeans {
  /** f32[k, cols] */
  readonly centroids: Matrix<Float32Array>
  /** Centre of each row: the nearest of `centroids`, the first of equals. */
  readonly assignment: Int32Array
  /** Rows of each centre. */
  readonly counts: Int32Array
  /** Sum of squared distances of rows to their centroids. */
  readonly inertia: number
  readonly iterations: number
}

/** Rows whose distances are computed by one product. */
const BLOCK = 4096

interface Assigned {
  readonly assignment: Int32Array
  /** Squared distance of each row to its centre. */
  readonly distances: Float64Array
  inertia: number
  moved: number
}

/**
 * Group rows around k centroids. A centre that loses all its rows goes to the row that is farthest from its own.
 *
 * @param x [rows, cols], taken in single precision
 * @throws PithError `PITH_ARG` k not in 1..rows · `PITH_SHAPE` · `PITH_NONFINITE`
 * @complexity 2 rows k cols each round
 */
export async function kmeans(x: Matrix, k: number, options: KmeansOptions = {}): Promise<Kmeans> {
  checkCount(k, 1, x.rows, 'k')
  const rounds = checkCount(options.iterations ?? 25, 0, 1e6, 'iterations')
  const { tolerance = 0 } = options
  if (!(tolerance >= 0)) throw new PithError('PITH_ARG', `tolerance must be >= 0, got ${tolerance}`)
  const own = toF32(x)
  checkFinite(own, 'kmeans')
  const pace = keepPace(options, { stage: 'kmeans', unit: 'steps', total: rounds + 1 })
  const centroids = await startCentroids(own, k, options, pace)
  const state: Assigned = {
    assignment: new Int32Array(x.rows).fill(-1),
    distances: new Float64Array(x.rows),
    inertia: Infinity,
    moved: 0,
  }
  await assign(own, centroids, state, options, pace, 0)
  let iterations = 0
  while (iterations < rounds) {
    const before = state.inertia
    const counts = moveCentroids(own, centroids, state.assignment)
    fillEmpty(own, centroids, counts, state.distances)
    iterations++
    await assign(own, centroids, state, options, pace, iterations)
    if (state.moved === 0 || before - state.inertia <= tolerance * before) break
  }
  pace.finish()
  const counts = new Int32Array(k)
  for (const centre of state.assignment) counts[centre]++
  return { centroids, assignment: state.assignment, counts, inertia: state.inertia, iterations }
}

async function startCentroids(
  x: Matrix<Float32Array>,
  k: number,
  options: KmeansOptions,
  pace: Pace,
): Promise<Matrix<Float32Array>> {
  const { init = '++', seed = 0 } = options
  const { rows, cols } = x
  if (typeof init !== 'string') {
    if (init.rows !== k || init.cols !== cols) {
      throw new PithError('PITH_SHAPE', `kmeans: centroids of ${init.rows}x${init.cols}, expected ${k}x${cols}`)
    }
    checkFinite(init, 'kmeans')
    return toF32(init)
  }
  if (init !== '++' && init !== 'random') throw new PithError('PITH_ARG', `init must be ++ or random, got ${init}`)
  const random = new Random(seed)
  const centroids = matrixOf(new Float32Array(k * cols), k, cols)
  const place = (centre: number, row: number): void =>
    centroids.data.set(x.data.subarray(row * cols, (row + 1) * cols), centre * cols)
  if (init === 'random') {
    const order = random.shuffle(Uint32Array.from({ length: rows }, (_, i) => i))
    for (let c = 0; c < k; c++) place(c, order[c])
    return centroids
  }
  const nearest = new Float64Array(rows).fill(Infinity)
  place(0, random.integer(rows))
  for (let c = 1; c < k; c++) {
    let total = 0
    for (let i = 0; i < rows; i++) {
      const distance = squaredDistance(x.data, i * cols, centroids.data, (c - 1) * cols, cols)
      if (distance < nearest[i]) nearest[i] = distance
      total += nearest[i]
    }
    place(c, drawRow(nearest, total, random))
    const wait = pace.step(0)
    if (wait !== undefined) await wait
  }
  return centroids
}

/** A row with a chance in proportion to its weight; any row where all weights are 0. */
function drawRow(weights: Float64Array, total: number, random: Random): number {
  if (!(total > 0)) return random.integer(weights.length)
  let left = random.uniform() * total
  let last = 0
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue
    last = i
    left -= weights[i]
    if (left < 0) break
  }
  return last
}

/** Give each row its nearest centre: -2 x c + |c|^2 orders the centroids, the distance itself is then computed exactly. */
async function assign(
  x: Matrix<Float32Array>,
  centroids: Matrix<Float32Array>,
  state: Assigned,
  options: KmeansOptions,
  pace: Pace,
  round: number,
): Promise<void> {
  const { rows, cols } = x
  const { rows: k, data } = centroids
  const lengths = new Float64Array(k)
  for (let c = 0; c < k; c++) for (let j = 0; j < cols; j++) lengths[c] += data[c * cols + j] ** 2
  state.inertia = 0
  state.moved = 0
  for (let start = 0; start < rows; start += BLOCK) {
    const count = Math.min(BLOCK, rows - start)
    const block = matrixOf(x.data.subarray(start * cols, (start + count) * cols), count, cols)
    const { data: products } = await matmul(block, centroids, { ...options, tb: true })
    for (let i = 0; i < count; i++) {
      let best = 0
      let least = Infinity
      for (let c = 0, at = i * k; c < k; c++, at++) {
        const value = lengths[c] - 2 * products[at]
        if (value < least) {
          least = value
          best = c
        }
      }
      const row = start + i
      if (state.assignment[row] !== best) state.moved++
      state.assignment[row] = best
      const distance = squaredDistance(x.data, row * cols, data, best * cols, cols)
      state.distances[row] = distance
      state.inertia += distance
    }
    const wait = pace.step(round + start / rows)
    if (wait !== undefined) await wait
  }
}

/** Means of the rows of each centre, summed in double precision; a centre without rows stays. */
function moveCentroids(x: Matrix<Float32Array>, centroids: Matrix<Float32Array>, assignment: Int32Array): Int32Array {
  const { rows: k, cols } = centroids
  const sums = new Float64Array(k * cols)
  const counts = new Int32Array(k)
  for (let i = 0; i < x.rows; i++) {
    const c = assignment[i]
    counts[c]++
    for (let j = 0, from = i * cols, to = c * cols; j < cols; j++) sums[to + j] += x.data[from + j]
  }
  for (let c = 0; c < k; c++) {
    if (counts[c] > 0) for (let j = 0; j < cols; j++) centroids.data[c * cols + j] = sums[c * cols + j] / counts[c]
  }
  return counts
}

function fillEmpty(
  x: Matrix<Float32Array>,
  centroids: Matrix<Float32Array>,
  counts: Int32Array,
  distances: Float64Array,
): void {
  const { cols } = x
  for (let c = 0; c < counts.length; c++) {
    if (counts[c] > 0) continue
    let far = 0
    for (let i = 1; i < distances.length; i++) if (distances[i] > distances[far]) far = i
    centroids.data.set(x.data.subarray(far * cols, (far + 1) * cols), c * cols)
    // The next empty centre takes another row.
    distances[far] = 0
  }
}

function squaredDistance(a: Float32Array, from: number, b: Float32Array, start: number, length: number): number {
  let sum = 0
  for (let j = 0; j < length; j++) {
    const d = a[from + j] - b[start + j]
    sum += d * d
  }
  return sum
}
