/** The rotation behind which parts lose least: OPQ, Ge, He, Ke and Sun, CVPR 2013, section 4.1 (not parametric). */
import { Random } from '@pith/core'
import { codingOf, learnCentroids, type Shape } from './centroids.ts'
import { moveCentroids } from './cluster.ts'
import type { Coding } from './coder.ts'
import { makeKernels } from './memory.ts'
import { drawOrthogonal, multiplySquares, polarFactor, refine, turnSquare } from './polar.ts'
import type { PqPool } from './pool.ts'
import { eachTask, rowsFor } from './rows.ts'

/** Rounds of k-means before the first rotation is learned. */
const FIRST_ITERS = 5
/** Share of the size of a product that is added to keep directions that rows leave open where they are. */
const RIDGE = 1e-5

/** What {@link learnRotation} is told. */
export interface RotationOptions {
  readonly rounds: number
  readonly signal: AbortSignal | undefined
  /** Is told how many rounds are done. */
  readonly done: (rounds: number) => void
}

/**
 * A rotation f32[padded, padded] of centred rows, y = x rotation: rows are coded, then turned to what their codes stand for.
 *
 * @param x f32[n, padded]
 */
export async function learnRotation(
  x: Float32Array,
  shape: Shape,
  pool: PqPool,
  options: RotationOptions,
): Promise<Float32Array> {
  const { signal } = options
  const n = shape.padded
  const kernels = makeKernels()
  let rotation = drawOrthogonal(kernels, n, new Random(shape.seed).split(n))
  const centroids = await learnCentroids(x, rotation.data, { ...shape, iters: FIRST_ITERS }, pool)
  for (let round = 0; round < options.rounds; round++) {
    const coding = codingOf(shape, rotation.data, centroids)
    const codes = await assignAll(x, coding, pool, signal)
    const cross = await crossOf(x, coding, codes, pool, signal)
    const turned = multiplySquares(kernels, turnSquare(rotation), { n, data: cross })
    // Seen from the rotation so far this is nearly symmetric and positive, so a little of the identity fills what is open.
    const ridge = RIDGE * Math.sqrt(turned.data.reduce((sum, value) => sum + value * value, 0))
    for (let i = 0; i < n; i++) turned.data[i * n + i] = (turned.data[i * n + i] as number) + ridge
    const change = polarFactor(kernels, turned)
    // Rows that are all the same, say: no rotation is better than another.
    if (change === undefined) break
    rotation = refine(kernels, multiplySquares(kernels, rotation, change))
    options.done(round + 1)
  }
  return rotation.data
}

/** Code all rows and bring the centroids of `coding` to the means of theirs. @returns u8[n, m] */
async function assignAll(
  x: Float32Array,
  coding: Coding,
  pool: PqPool,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { m, bits, padded, encoding } = coding
  const n = x.length / padded
  const codes = new Uint8Array(n * m)
  const sums = new Float64Array(encoding.length)
  const counts = new Uint32Array(m << bits)
  const work = (first: number, end: number) =>
    pool.run('assign', { coding, data: rowsFor(pool, x, padded, first, end) })
  for await (const { first, result } of eachTask(n, pool, signal, work)) {
    codes.set(result.codes, first * m)
    for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (result.sums[i] as number)
    for (let i = 0; i < counts.length; i++) counts[i] = (counts[i] as number) + (result.counts[i] as number)
  }
  const count = 1 << bits
  const width = padded / m
  for (let s = 0; s < m; s++) {
    const own = { from: s * count * width, to: (s + 1) * count * width }
    const part = { sums: sums.subarray(own.from, own.to), counts: counts.subarray(s * count, (s + 1) * count) }
    moveCentroids(encoding.subarray(own.from, own.to), part, width)
  }
  return codes
}

/** f32[padded, padded]: x^T times what the codes of x stand for. */
async function crossOf(
  x: Float32Array,
  coding: Coding,
  codes: Uint8Array,
  pool: PqPool,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const { m, padded } = coding
  const out = new Float64Array(padded * padded)
  const work = (first: number, end: number) =>
    pool.run('cross', {
      coding,
      data: rowsFor(pool, x, padded, first, end),
      codes: codes.slice(first * m, end * m),
    })
  for await (const { result } of eachTask(x.length / padded, pool, signal, work)) {
    const cols = result.length / padded
    for (let i = 0; i < padded; i++) {
      for (let j = 0; j < padded; j++)
        out[i * padded + j] = (out[i * padded + j] as number) + (result[i * cols + j] as number)
    }
  }
  return Float32Array.from(out)
}
