/** Training of an index of codes for ranking: queries and centroids move together, the codes stay. */
import { meterProgress, PithError, Random, type Run, throwIfAborted } from '@pith/core'
import { type LabelledRows, marginLoss } from '../margin-loss.ts'
import { type Pq, type PqCodes, PqIndex } from '../pq/index.ts'
import { checkLists, type RankQuality, rankQuality } from '../rank-quality.ts'
import type { DenseMatrix } from '../types.ts'
import { AdapterTower, type QueryAdapter } from './adapter.ts'
import { rankLoss } from './rank-loss.ts'
import { Student } from './student.ts'
import type { QueryTower } from './tower.ts'

/** What is learned from: for each query the rows that answer it, or rows with the scores of a teacher. */
export type JpqTargets =
  | { readonly loss: 'rank'; readonly relevant: readonly ArrayLike<number>[] }
  | { readonly loss: 'margin'; readonly labelled: readonly LabelledRows[] }

/** Queries that are held out, with the rows that answer them. */
export interface HeldQueries {
  readonly queries: DenseMatrix
  readonly relevant: readonly ArrayLike<number>[]
}

/** Options of {@link trainJpq}. */
export interface JpqOptions extends Run {
  /** Default 4. */
  epochs?: number
  /** Queries of a step. Default 64. */
  batch?: number
  /** Rows of the current index that a query is compared with in the rank loss. Default 200. */
  depth?: number
  /** Rate of the adapter at the start; it falls to 0. Default 0.002. */
  queryRate?: number
  /** The same for centroids, as a share of the size of their numbers (root mean square). Default 0.006. */
  centroidRate?: number
  /** Pull of the adapter towards the identity. Default 0.01. */
  decay?: number
  /** The epoch that ranks these best is kept, or none. Without them the last one is. */
  held?: HeldQueries
}

/** What an epoch gave. */
export interface JpqEpoch {
  /** Mean over the queries. */
  readonly loss: number
  /** Of the queries that are held out, where there are some. */
  readonly held?: RankQuality
}

/** What training gave. */
export interface Training {
  /** The quantiser, with trained centroids beside the original ones. */
  readonly pq: Pq
  /** Before the first epoch. */
  readonly start?: RankQuality
  readonly epochs: readonly JpqEpoch[]
  /** How many epochs what was kept has seen. */
  readonly kept: number
}

/** A trained index of codes. */
export interface Jpq extends Training {
  readonly adapter: QueryAdapter
}

/** Deviation of scores among the best rows of a query that the rank loss sees. */
const RANK_SPREAD = 2
/** Queries that are asked to find the deviation of scores. */
const SPREAD_QUERIES = 64
/** Share of R@100 that an epoch must keep. */
const RECALL_FLOOR = 0.97

/**
 * Train the centroids of a quantiser and a linear adapter of queries, for the documents whose codes are given.
 * Method: Zhan et al., "Jointly optimizing query encoder and product quantization", CIKM 2021 (arXiv 2108.00644): the rank loss
 * on what the current index returns; with labels, the margins of a teacher (GPL, arXiv 2112.07577) over the rows that it scored.
 *
 * @param queries  f32[q, dim] as the encoder gives them
 * @throws PithError `PITH_SHAPE` · `PITH_ARG` an option out of range, or a row that is not there · `PITH_NONFINITE` a loss that
 * is not finite · `PITH_UNSUPPORTED` distances; the abort reason
 */
export async function trainJpq(
  pq: Pq,
  codes: PqCodes,
  queries: DenseMatrix,
  targets: JpqTargets,
  options: JpqOptions = {},
): Promise<Jpq> {
  const { held, decay = 0.01 } = options
  for (const own of [queries, ...(held === undefined ? [] : [held.queries])]) {
    if (own.dim !== pq.dim) throw new PithError('PITH_SHAPE', `queries have ${own.dim} numbers, the codes ${pq.dim}`)
  }
  const tower = new AdapterTower(joined(queries, held?.queries), decay)
  const training = await trainJpqTower(pq, codes, tower, targets, options)
  return { ...training, adapter: tower.adapter }
}

/**
 * The same for anything that makes vectors of queries and can be trained.
 *
 * @param tower  its queries are those of the targets, and behind them those that are held out
 * @throws PithError as {@link trainJpq}; what the tower throws
 */
export async function trainJpqTower(
  pq: Pq,
  codes: PqCodes,
  tower: QueryTower,
  targets: JpqTargets,
  options: Omit<JpqOptions, 'held' | 'decay'> & { held?: Pick<HeldQueries, 'relevant'> } = {},
): Promise<Training> {
  const { epochs = 4, batch = 64, queryRate = 0.002, centroidRate = 0.006, held, seed = 0, signal } = options
  const count = targets.loss === 'rank' ? targets.relevant.length : targets.labelled.length
  checkOptions(epochs, batch)
  checkLists(targets.loss === 'rank' ? targets.relevant : targets.labelled.map(({ rows }) => rows), codes.n)
  checkLists(held?.relevant ?? [], codes.n)
  const student = new Student(pq, codes)
  const index = new PqIndex(pq, codes)
  const judge = async (): Promise<RankQuality | undefined> => {
    if (held === undefined || held.relevant.length === 0) return undefined
    index.use(student.snapshot())
    const which = Uint32Array.from(held.relevant, (_, i) => count + i)
    return rankQuality(index, await tower.embed(which), held.relevant)
  }
  const start = await judge()
  const spread = await spreadOf(student, index, tower, count, targets)
  const rate = centroidRate * rootMeanSquare(student.scoring)
  const random = new Random(seed).split(2)
  const steps = epochs * Math.ceil(count / batch)
  const meter = meterProgress(options, { stage: 'train', unit: 'steps', total: steps })
  const done: JpqEpoch[] = []
  let kept = pq
  let keptAt = 0
  let best = start
  let step = 0
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const order = random.shuffle(Uint32Array.from({ length: count }, (_, i) => i))
    let loss = 0
    for (let from = 0; from < count; from += batch) {
      await new Promise((resolve) => setTimeout(resolve))
      throwIfAborted(signal)
      const share = 1 - step / steps
      const which = order.subarray(from, from + batch)
      loss += await trainStep(student, index, tower, targets, which, spread, options, share * queryRate)
      student.step(share * rate)
      meter.update(++step)
    }
    if (!Number.isFinite(loss)) {
      throw new PithError('PITH_NONFINITE', `the loss of epoch ${epoch} is ${loss}`, { hint: 'Give lower rates.' })
    }
    const own = await judge()
    done.push({ loss: loss / Math.max(1, count), ...(own === undefined ? {} : { held: own }) })
    if (own !== undefined && best !== undefined && start !== undefined) {
      if (own.ndcg10 <= best.ndcg10 || own.recall100 < RECALL_FLOOR * start.recall100) continue
      best = own
    }
    kept = student.snapshot()
    keptAt = epoch
    await tower.keep()
  }
  meter.finish()
  return { pq: kept, ...(start === undefined ? {} : { start }), epochs: done, kept: keptAt }
}

/** Gradients of a few queries, and a step of their tower; returns the sum of their losses. */
async function trainStep(
  student: Student,
  index: PqIndex,
  tower: QueryTower,
  targets: JpqTargets,
  which: Uint32Array,
  spread: Spread,
  { depth = 200 }: Pick<JpqOptions, 'depth'>,
  rate: number,
): Promise<number> {
  const vectors = await tower.embed(which)
  const { dim } = tower
  const gradients = new Float64Array(vectors.length)
  if (targets.loss === 'rank') index.use(student.snapshot())
  let loss = 0
  for (const [i, query] of which.entries()) {
    const turned = student.turn(vectors, i * dim)
    let rows: Uint32Array
    let slopes: Float64Array
    if (targets.loss === 'rank') {
      const relevant = new Set(Array.from(targets.relevant[query] as ArrayLike<number>))
      const { ids } = index.search(vectors.slice(i * dim, (i + 1) * dim), depth)
      rows = Uint32Array.from(new Set([...ids, ...relevant]))
      slopes = new Float64Array(rows.length)
      const flags = Uint8Array.from(rows, (row) => (relevant.has(row) ? 1 : 0))
      loss += rankLoss(student.scores(turned, rows), flags, RANK_SPREAD / spread.scores, slopes)
    } else {
      const { rows: own, scores: labels } = targets.labelled[query] as LabelledRows
      rows = own
      slopes = new Float64Array(rows.length)
      // In deviations, so that losses of all encoders and teachers are of one size.
      const scores = student.scores(turned, rows).map((score) => score / spread.scores)
      loss += marginLoss(
        scores,
        Float64Array.from(labels, (label) => label / spread.labels),
        slopes,
      )
      for (let r = 0; r < slopes.length; r++) slopes[r] /= spread.scores
    }
    for (let r = 0; r < slopes.length; r++) slopes[r] /= which.length
    student.backward(vectors, i * dim, turned, rows, slopes, gradients)
  }
  await tower.step(which, gradients, rate)
  return loss
}

/** Deviations within queries, to which losses are scaled. */
interface Spread {
  readonly scores: number
  readonly labels: number
}

async function spreadOf(
  student: Student,
  index: PqIndex,
  tower: QueryTower,
  count: number,
  targets: JpqTargets,
): Promise<Spread> {
  const which = Uint32Array.from({ length: Math.min(count, SPREAD_QUERIES) }, (_, i) =>
    Math.floor((i * count) / Math.min(count, SPREAD_QUERIES)),
  )
  const vectors = await tower.embed(which)
  const scores = new Deviation()
  const labels = new Deviation()
  for (const [i, query] of which.entries()) {
    const vector = vectors.slice(i * tower.dim, (i + 1) * tower.dim)
    const own = targets.loss === 'margin' ? targets.labelled[query] : undefined
    const rows = own?.rows ?? index.search(vector, Math.max(1, Math.min(200, index.n))).ids
    scores.add(student.scores(student.turn(vector, 0), rows))
    if (own !== undefined) labels.add(own.scores)
  }
  return { scores: scores.value, labels: labels.value }
}

/** Root of the mean square of distances from the mean of each list; 1 where there are none. */
class Deviation {
  #sum = 0
  #count = 0

  add(values: ArrayLike<number>): void {
    let mean = 0
    for (let i = 0; i < values.length; i++) mean += (values[i] as number) / values.length
    for (let i = 0; i < values.length; i++) this.#sum += ((values[i] as number) - mean) ** 2
    this.#count += values.length
  }

  get value(): number {
    return this.#sum > 0 ? Math.sqrt(this.#sum / this.#count) : 1
  }
}

function rootMeanSquare(values: Float32Array): number {
  let sum = 0
  for (const value of values) sum += value * value
  return Math.sqrt(sum / Math.max(1, values.length))
}

function joined(queries: DenseMatrix, held: DenseMatrix | undefined): DenseMatrix {
  const n = queries.n + (held?.n ?? 0)
  const data = new Float32Array(n * queries.dim)
  data.set(queries.data)
  if (held !== undefined) data.set(held.data, queries.data.length)
  return { n, dim: queries.dim, data }
}

function checkOptions(epochs: number, batch: number): void {
  for (const [name, value] of [
    ['epochs', epochs],
    ['batch', batch],
  ] as const) {
    if (!(Number.isInteger(value) && value >= 1)) {
      throw new PithError('PITH_ARG', `${name} must be a positive integer, got ${value}`)
    }
  }
}
