/** Product quantisers from rows. */
import { meterProgress, PithError, Random } from '@pith/core'
import type { DenseMatrix } from '../types.ts'
import { learnCentroids, type Shape } from './centroids.ts'
import { drawRows } from './cluster.ts'
import { pqPool } from './pool.ts'
import { learnRotation } from './rotation.ts'
import type { Pq, PqOptions } from './types.ts'
import { checkMatrix, normalizeRows } from './vectors.ts'

/** Rows that the rotation is learned from at most: more change it little. */
const ROTATION_ROWS = 16384
const SAMPLE = 65536
const MAX_DIM = 65536

/**
 * Learn a product quantiser. Method: Jegou, Douze and Schmid, PAMI 2011; the rotation is that of Ge et al., CVPR 2013 (OPQ, not
 * parametric), learned on centred rows; dimensions that m does not divide are padded by zeros before the rotation.
 *
 * Fewer rows than centroids (256 or 16), or rows that are all the same, still give a quantiser: codes are then exact and some
 * centroids are never used. 39 rows a centroid or more are advisable.
 *
 * @param x f32[n, dim]
 * @throws PithError `PITH_ARG` options, no rows · `PITH_SHAPE` · `PITH_NONFINITE` naming row and column; the abort reason
 * @complexity rounds n dim (2 dim + 2^bits) for the rotation, iters n dim 2^bits for the centroids
 */
export async function trainPq(x: DenseMatrix, options: PqOptions): Promise<Pq> {
  checkMatrix(x, 'trainPq')
  const { m, bits = 8, opq = true, metric = 'ip', rounds = 20, sample = SAMPLE, iters = 20, seed = 0 } = options
  checkOptions(x, options)
  const { dim } = x
  const padded = Math.ceil(dim / m) * m
  const random = new Random(seed)
  const rows = takeRows(x, drawRows(x.n, sample, random.split(0)))
  if (metric === 'cos') normalizeRows(rows, dim)
  const mean = meanOf(rows, dim)
  const centred = centreRows(rows, mean, padded)
  const shape: Shape = { padded, m, bits, iters, seed }
  const pool = pqPool(options)
  const before = opq ? rounds : 0
  const meter = meterProgress(options, { stage: 'train-pq', unit: 'steps', total: m + before })
  try {
    let rotation: Float32Array | undefined
    if (opq) {
      const some = centred.subarray(0, ROTATION_ROWS * padded)
      const done = (round: number): void => meter.update(round)
      rotation = await learnRotation(some, shape, pool, { rounds, signal: options.signal, done })
    }
    const encoding = await learnCentroids(centred, rotation, shape, pool, (parts) => meter.update(before + parts))
    meter.finish()
    return { dim, padded, m, bits, metric, mean, rotation, encoding, scoring: encoding }
  } finally {
    await pool.close()
  }
}

/** A quantiser that scores by other centroids; codes stay those of `encoding`. @throws PithError `PITH_SHAPE` · `PITH_NONFINITE` */
export function withScoring(pq: Pq, scoring: Float32Array): Pq {
  if (scoring.length !== pq.encoding.length) {
    throw new PithError('PITH_SHAPE', `${scoring.length} numbers of centroids, not ${pq.encoding.length}`)
  }
  const bad = scoring.findIndex((value) => !Number.isFinite(value))
  if (bad >= 0) throw new PithError('PITH_NONFINITE', `number ${bad} of the centroids is ${scoring[bad]}`)
  return { ...pq, scoring }
}

function checkOptions(x: DenseMatrix, options: PqOptions): void {
  const { m, bits = 8, metric = 'ip', rounds = 20, sample = SAMPLE, iters = 20 } = options
  checkWhole('dim', x.dim, MAX_DIM)
  checkWhole('m', m, x.dim)
  checkWhole('iters', iters, 1000)
  checkWhole('rounds', rounds, 1000)
  checkWhole('sample', sample, 2 ** 24)
  if (bits !== 4 && bits !== 8) throw new PithError('PITH_ARG', `bits must be 4 or 8, not ${String(bits)}`)
  if (metric !== 'ip' && metric !== 'l2' && metric !== 'cos') {
    throw new PithError('PITH_ARG', `metric must be ip, l2 or cos, not ${String(metric).slice(0, 20)}`)
  }
  if (x.n > 0) return
  throw new PithError('PITH_ARG', 'there are no rows to learn from', { hint: 'Add documents before training.' })
}

function checkWhole(name: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return
  throw new PithError('PITH_ARG', `${name} must be a whole number in 1..${most}, not ${value}`)
}

function takeRows(x: DenseMatrix, rows: Uint32Array): Float32Array {
  const out = new Float32Array(rows.length * x.dim)
  for (const [i, row] of rows.entries()) out.set(x.data.subarray(row * x.dim, (row + 1) * x.dim), i * x.dim)
  return out
}

function meanOf(rows: Float32Array, dim: number): Float32Array {
  const sums = new Float64Array(dim)
  for (let from = 0; from < rows.length; from += dim) {
    for (let j = 0; j < dim; j++) sums[j] = (sums[j] as number) + (rows[from + j] as number)
  }
  return Float32Array.from(sums, (sum) => sum / (rows.length / dim))
}

function centreRows(rows: Float32Array, mean: Float32Array, padded: number): Float32Array {
  const dim = mean.length
  const n = rows.length / dim
  const out = new Float32Array(n * padded)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < dim; j++) out[i * padded + j] = (rows[i * dim + j] as number) - (mean[j] as number)
  }
  return out
}
