/** Training of codes of signs: candidates by Hamming distance, ranks by the query as it is. */
import { meterProgress, PithError, Random, type Run, throwIfAborted } from '@pith/core'
import { AdamW } from '../adamw.ts'
import type { LabelledRows } from '../margin-loss.ts'
import { BinaryIndex } from '../pq/index.ts'
import { checkLists, type RankQuality, rankQuality } from '../rank-quality.ts'
import type { DenseMatrix } from '../types.ts'
import { centredItq } from './itq.ts'
import { type BprLayer, hashDocuments, hashQueries } from './layer.ts'
import { BprStep, type Candidates, type Spread } from './step.ts'

/** What is learned from: for each query the row that answers it, or rows with the scores of a teacher. */
export type BprTargets =
  | { readonly loss: 'softmax'; readonly relevant: readonly number[] }
  | { readonly loss: 'margin'; readonly labelled: readonly LabelledRows[] }

/** Options of {@link trainBpr}. */
export interface BprOptions extends Run {
  /** Bits of a code, 1..dim. Default dim: 32 times fewer than the numbers have. */
  bits?: number
  /** Default 2. */
  epochs?: number
  /** Queries of a step. Default 64. */
  batch?: number
  /** Rate at the start, as a share of the size of the weights (root mean square); it falls to 0. Default 0.02. */
  rate?: number
  /** Labelled rows of a query that a step looks at. Default 16. */
  rows?: number
  /** Steepness of the tanh that stands for the sign grows as the root of 1 + `anneal` steps, to 10. Default 0.1. */
  anneal?: number
  /** The epoch that ranks these best is kept, or the rotation that it started from. Without them the last epoch is. */
  held?: { readonly queries: DenseMatrix; readonly relevant: readonly ArrayLike<number>[] }
  /** Where to start; default centred ITQ of the documents. */
  start?: BprLayer
}

/** How codes rank, by Hamming distance alone and by the query as it is. */
export interface BprQuality {
  readonly hamming: RankQuality
  readonly ranked: RankQuality
}

/** A trained layer. */
export interface Bpr {
  readonly layer: BprLayer
  /** Where training started. */
  readonly initial: BprLayer
  /** Of the queries that are held out, before the first epoch. */
  readonly start?: BprQuality
  readonly epochs: readonly { readonly loss: number; readonly held?: BprQuality }[]
  /** How many epochs what was kept has seen. */
  readonly kept: number
}

const MOST_STEEP = 10
/** Rows from which the hard negatives of softmax are drawn, and how many of the best of them may be it. */
const DRAWN = 800
const HARD = 8

/**
 * Train one linear layer over vectors, of which documents keep the signs.
 * Method: Yamada et al., ACL 2021 (arXiv 2106.00882): hinge loss of codes for candidates, cross-entropy of the query against codes
 * for ranks; with labels (GPL, arXiv 2112.07577) the margins of a teacher in the place of both. It starts from centred ITQ.
 *
 * @param documents  f32[n, dim]
 * @param queries    f32[q, dim]
 * @throws PithError `PITH_SHAPE` · `PITH_ARG` an option out of range, or a row that is not there · `PITH_NONFINITE` a loss that
 * is not finite; the abort reason
 */
export async function trainBpr(
  documents: DenseMatrix,
  queries: DenseMatrix,
  targets: BprTargets,
  options: BprOptions = {},
): Promise<Bpr> {
  const { epochs = 2, batch = 64, rate = 0.02, anneal = 0.1, held, seed = 0, signal } = options
  checkShapes(documents, queries, targets, held?.queries)
  const layer = options.start ?? (await centredItq(documents, options))
  const { dim, bits } = layer
  const weight = layer.weight.slice()
  const bias = layer.bias.slice()
  const judge = (): BprQuality | undefined =>
    held === undefined || held.queries.n === 0 ? undefined : judgeLayer({ dim, bits, weight, bias }, documents, held)
  const start = judge()
  const random = new Random(seed).split(5)
  const step = new BprStep(documents, queries, bits)
  const candidatesOf = drawCandidates(documents, targets, options, random)
  const steps = epochs * Math.ceil(queries.n / batch)
  const meter = meterProgress(options, { stage: 'train', unit: 'steps', total: steps })
  const [weightSteps, biasSteps] = [new AdamW(weight.length), new AdamW(bias.length)]
  const size = rootMeanSquare(weight)
  let spread: Spread | undefined
  const done: { loss: number; held?: BprQuality }[] = []
  let [kept, keptAt, best, number] = [layer, 0, start, 0]
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const order = random.shuffle(Uint32Array.from({ length: queries.n }, (_, i) => i))
    let loss = 0
    for (let from = 0; from < queries.n; from += batch) {
      await new Promise((resolve) => setTimeout(resolve))
      throwIfAborted(signal)
      const which = order.subarray(from, from + batch)
      const steepness = Math.min(MOST_STEEP, Math.sqrt(1 + anneal * number))
      const own = candidatesOf(which, (query, rows) => step.scores(weight, bias, query, rows))
      if (targets.loss === 'margin') spread ??= spreadOf(step, { dim, bits, weight, bias }, which, own)
      loss += step.gradients(weight, bias, which, own, steepness, spread)
      const share = rate * size * (1 - number / steps)
      weightSteps.step(weight, step.weightGradient, share)
      // A bias adds to sums of dim products of a weight and a number of size 1 / sqrt(dim).
      biasSteps.step(bias, step.biasGradient, share)
      meter.update(++number)
    }
    if (!Number.isFinite(loss)) {
      throw new PithError('PITH_NONFINITE', `the loss of epoch ${epoch} is ${loss}`, { hint: 'Give a lower rate.' })
    }
    const quality = judge()
    done.push({ loss: loss / Math.max(1, queries.n), ...(quality === undefined ? {} : { held: quality }) })
    if (quality !== undefined && best !== undefined) {
      if (worthOf(quality) <= worthOf(best)) continue
      best = quality
    }
    kept = { dim, bits, weight: weight.slice(), bias: bias.slice() }
    keptAt = epoch
  }
  meter.finish()
  return { layer: kept, initial: layer, ...(start === undefined ? {} : { start }), epochs: done, kept: keptAt }
}

/** Hamming distance finds what the query then ranks: both count. */
function worthOf({ hamming, ranked }: BprQuality): number {
  return hamming.ndcg10 + ranked.ndcg10
}

function judgeLayer(
  layer: BprLayer,
  documents: DenseMatrix,
  { queries, relevant }: NonNullable<BprOptions['held']>,
): BprQuality {
  const index = new BinaryIndex(hashDocuments(layer, documents))
  const hashed = hashQueries(layer, queries).data
  const by = (rerank: number | undefined): RankQuality =>
    rankQuality(
      { dim: layer.bits, search: (query, k) => index.search(query, k, rerank === undefined ? {} : { rerank }) },
      hashed,
      relevant,
    )
  return { hamming: by(0), ranked: by(undefined) }
}

/** Picks the rows of each query of a step. */
type Draw = (which: Uint32Array, scores: (query: number, rows: Uint32Array) => Float32Array) => readonly Candidates[]

function drawCandidates(documents: DenseMatrix, targets: BprTargets, options: BprOptions, random: Random): Draw {
  if (targets.loss === 'margin') {
    const { rows: most = 16 } = options
    const spread = labelSpread(targets.labelled)
    return (which) =>
      Array.from(which, (query) => {
        const { rows, scores } = targets.labelled[query] as LabelledRows
        // The first is the document of the query.
        const others = random.shuffle(Uint32Array.from({ length: rows.length - 1 }, (_, i) => i + 1))
        const places = [0, ...others.subarray(0, most - 1)]
        return {
          rows: Uint32Array.from(places, (place) => rows[place] as number),
          labels: Float64Array.from(places, (place) => (scores[place] as number) / spread),
        }
      })
  }
  const { n } = documents
  return (which, scores) => {
    const answers = Array.from(which, (query) => targets.relevant[query] as number)
    const hard = Array.from(which, (query, i) => {
      const drawn = Uint32Array.from({ length: Math.min(n, DRAWN) }, () => random.integer(n))
      const found = scores(query, drawn)
      const order = [...drawn.keys()]
        .filter((place) => drawn[place] !== answers[i])
        .sort((a, b) => (found[b] as number) - (found[a] as number) || a - b)
      return order.length === 0 ? undefined : drawn[order[random.integer(Math.min(HARD, order.length))] as number]
    })
    const all = [...new Set([...answers, ...hard.filter((row) => row !== undefined)])]
    return answers.map((answer) => ({ rows: Uint32Array.from([answer, ...all.filter((row) => row !== answer)]) }))
  }
}

/** Deviation of labels within queries. */
function labelSpread(labelled: readonly LabelledRows[]): number {
  return deviation(labelled.map(({ scores }) => scores))
}

/** Deviations of the scores of the rows that the first step looks at. */
function spreadOf(step: BprStep, { weight, bias }: BprLayer, which: Uint32Array, own: readonly Candidates[]): Spread {
  const by = (kind: keyof Spread): number =>
    deviation(own.map(({ rows }, i) => step.scores(weight, bias, which[i] as number, rows, kind)))
  return { ranks: by('ranks'), codes: by('codes') }
}

/** Root of the mean square of distances from the means of lists; 1 where there are none. */
function deviation(lists: readonly ArrayLike<number>[]): number {
  let sum = 0
  let count = 0
  for (const values of lists) {
    let mean = 0
    for (let i = 0; i < values.length; i++) mean += (values[i] as number) / values.length
    for (let i = 0; i < values.length; i++) sum += ((values[i] as number) - mean) ** 2
    count += values.length
  }
  return sum > 0 ? Math.sqrt(sum / count) : 1
}

function rootMeanSquare(values: Float32Array): number {
  let sum = 0
  for (const value of values) sum += value * value
  return Math.sqrt(sum / Math.max(1, values.length))
}

function checkShapes(
  documents: DenseMatrix,
  queries: DenseMatrix,
  targets: BprTargets,
  held: DenseMatrix | undefined,
): void {
  for (const own of [queries, ...(held === undefined ? [] : [held])]) {
    if (own.dim !== documents.dim) {
      throw new PithError('PITH_SHAPE', `queries have ${own.dim} numbers, documents ${documents.dim}`)
    }
  }
  const count = targets.loss === 'softmax' ? targets.relevant.length : targets.labelled.length
  if (count !== queries.n) throw new PithError('PITH_SHAPE', `${count} answers for ${queries.n} queries`)
  checkLists(
    targets.loss === 'softmax' ? targets.relevant.map((row) => [row]) : targets.labelled.map(({ rows }) => rows),
    documents.n,
  )
}
