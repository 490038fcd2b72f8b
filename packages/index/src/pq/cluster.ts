/** k-means of one part of rows: Lloyd's, started from rows drawn by squared distance; a centre that loses its rows halves the largest. */
import { Random } from '@pith/core'
import { floatsAt, halfNorms, type PqKernels, putFloats, turnParts } from './memory.ts'

/** Rows that the start is drawn from at most. */
const START_ROWS = 2048
/** How far the halves of a group are moved apart, as a share of their centre. */
const NUDGE = 1 / 1024

/** What {@link clusterPart} is told. */
export interface ClusterOptions {
  /** Centroids, a multiple of 8. */
  readonly count: number
  readonly iters: number
  readonly seed: number
  /** Number of the part, by which its draws differ from those of others. */
  readonly part: number
}

/**
 * Centroids f32[count, width] of rows f32[n, width]. Fewer rows than centroids, or fewer that differ, leave centroids that equal others.
 */
export function clusterPart(kernels: PqKernels, x: Float32Array, width: number, options: ClusterOptions): Float32Array {
  const { count, iters } = options
  const n = x.length / width
  const centroids = startCentroids(x, width, options)
  const { memory, exports } = kernels
  const mark = memory.mark()
  const rows = putFloats(kernels, x)
  const table = memory.reserve(4 * count * width)
  const halves = memory.reserve(4 * count)
  const codes = memory.reserve(n)
  let before = new Uint8Array(0)
  for (let round = 0; round < iters; round++) {
    floatsAt(kernels, table, count * width).set(turnParts(centroids, 1, count, width))
    floatsAt(kernels, halves, count).set(halfNorms(centroids, count, width))
    exports.nearest(rows, n, 4 * width, width, table, count, halves, codes, 1)
    const now = memory.take(codes, n)
    if (isSame(now, before)) break
    before = now
    moveCentroids(centroids, sumRows(x, now, width, count), width)
  }
  memory.release(mark)
  return centroids
}

/** Rows of a centre, and their sums. */
export interface Sums {
  /** f64[count, width] */
  readonly sums: Float64Array
  readonly counts: Uint32Array
}

/** Bring centroids to the means of their rows; one without rows takes half of the largest group. */
export function moveCentroids(centroids: Float32Array, { sums, counts }: Sums, width: number): void {
  for (let c = 0; c < counts.length; c++) {
    const own = counts[c] as number
    if (own === 0) continue
    for (let j = c * width; j < (c + 1) * width; j++) centroids[j] = (sums[j] as number) / own
  }
  const left = counts.slice()
  for (let c = 0; c < left.length; c++) {
    if (left[c] !== 0) continue
    let large = 0
    for (let other = 1; other < left.length; other++)
      if ((left[other] as number) > (left[large] as number)) large = other
    if ((left[large] as number) < 2) return
    left[c] = (left[large] as number) >> 1
    left[large] = (left[large] as number) - (left[c] as number)
    for (let j = 0; j < width; j++) {
      const value = centroids[large * width + j] as number
      const by = (j & 1) === 0 ? NUDGE : -NUDGE
      centroids[c * width + j] = value * (1 + by)
      centroids[large * width + j] = value * (1 - by)
    }
  }
}

function sumRows(x: Float32Array, codes: Uint8Array, width: number, count: number): Sums {
  const sums = new Float64Array(count * width)
  const counts = new Uint32Array(count)
  for (let i = 0; i < codes.length; i++) {
    const c = codes[i] as number
    counts[c] = (counts[c] as number) + 1
    for (let j = 0, from = i * width, to = c * width; j < width; j++) {
      sums[to + j] = (sums[to + j] as number) + (x[from + j] as number)
    }
  }
  return { sums, counts }
}

/** Rows drawn by squared distance to those drawn before (Arthur and Vassilvitskii 2007), from some of all rows. */
function startCentroids(x: Float32Array, width: number, options: ClusterOptions): Float32Array {
  const { count, seed, part } = options
  const n = x.length / width
  const random = new Random(seed).split(part)
  const rows = drawRows(n, START_ROWS, random)
  const centroids = new Float32Array(count * width)
  const gaps = new Float64Array(rows.length).fill(Number.POSITIVE_INFINITY)
  let row = random.integer(rows.length)
  for (let c = 0; c < count; c++) {
    const from = (rows[row] as number) * width
    centroids.set(x.subarray(from, from + width), c * width)
    let sum = 0
    for (let i = 0; i < rows.length; i++) {
      let gap = 0
      for (let j = 0, at = (rows[i] as number) * width; j < width; j++) {
        const off = (x[at + j] as number) - (x[from + j] as number)
        gap += off * off
      }
      if (gap < (gaps[i] as number)) gaps[i] = gap
      sum += gaps[i] as number
    }
    // Where all rows are centroids already, the rest equal the first one, which codes prefer.
    row = sum > 0 ? drawBy(gaps, sum * random.uniform()) : 0
  }
  return centroids
}

function drawBy(weights: Float64Array, place: number): number {
  let left = place
  let last = 0
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number
    if (weight === 0) continue
    last = i
    left -= weight
    if (left < 0) break
  }
  return last
}

/** `most` of n rows without repeats, ascending; all where there are no more. */
export function drawRows(n: number, most: number, random: Random): Uint32Array {
  const rows = Uint32Array.from({ length: n }, (_, i) => i)
  if (n <= most) return rows
  for (let i = 0; i < most; i++) {
    const other = i + random.integer(n - i)
    const held = rows[i] as number
    rows[i] = rows[other] as number
    rows[other] = held
  }
  return rows.slice(0, most).sort()
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
