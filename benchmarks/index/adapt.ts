/** Codes 32 times smaller than vectors, trained without labels, by the judgements of real collections. */
import { mean, pairedBootstrap } from '@pith/core'
import type { DenseMatrix, Hits } from '@pith/index'
import { type BprLayer, hashDocuments, hashQueries } from '@pith/index/bpr'
import { type LsaEncoder, trainLsa } from '@pith/index/dense'
import { type AdaptReport, adapt, textOf } from '@pith/index/domain-adaptation'
import { adaptQueries, identityAdapter } from '@pith/index/jpq'
import { evaluate } from '@pith/index/metrics'
import { BinaryIndex, encodePq, flatIndex, PqIndex, trainPq } from '@pith/index/pq'
import type { AcceptContext } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { textTable } from '../measure/table.ts'
import { type CollectionName, type LoadedCollection, loadCollection } from './collections.ts'

const NAMES = ['cranfield', 'cacm', 'npl', 'med'] as const
const DIM = 256
const SEEDS = 5
const RESAMPLES = 10_000

/** nDCG@10 of each query, by what is searched. */
type Scores = Readonly<Record<string, Float64Array>>

/** One adaptation, judged by the real queries, which it never saw. */
interface Outcome {
  readonly scores: Scores
  readonly report: AdaptReport
  readonly cpuSeconds: number
}

interface Prepared {
  readonly collection: LoadedCollection
  readonly encoder: LsaEncoder
  readonly vectors: DenseMatrix
  readonly queries: DenseMatrix
}

const prepared = new Map<CollectionName, Promise<Prepared>>()
const outcomes = new Map<string, Promise<Outcome>>()

function prepare(name: CollectionName): Promise<Prepared> {
  let own = prepared.get(name)
  if (own === undefined) {
    own = (async () => {
      const collection = await loadCollection(name)
      const texts = collection.documents.map(textOf)
      const encoder = await trainLsa(texts, { dim: DIM })
      const vectors = await encoder.encode(texts, 'document')
      const asked = collection.queries.map(({ text }) => text)
      return { collection, encoder, vectors, queries: await encoder.encode(asked, 'query') }
    })()
    prepared.set(name, own)
  }
  return own
}

function judge({ collection }: Prepared, queries: DenseMatrix, find: (query: Float32Array) => Hits): Float64Array {
  const { dim, data } = queries
  const run = new Map(
    collection.queries.map(({ id }, i) => {
      const { ids, scores } = find(data.slice(i * dim, (i + 1) * dim))
      return [
        id,
        new Map(Array.from(ids, (row, rank) => [collection.documents[row]?.id ?? '', scores[rank] as number])),
      ]
    }),
  )
  return evaluate(run, collection.qrels, { measures: ['nDCG@10'] }).perQuery['nDCG@10'] as Float64Array
}

const keyOf = (name: CollectionName, model: 'jpq' | 'bpr', seed: number): string => `${name} ${model} ${seed}`

/** Adapt once; each outcome is kept for the other parts. */
function outcomeOf(name: CollectionName, model: 'jpq' | 'bpr', seed: number): Promise<Outcome> {
  const key = keyOf(name, model, seed)
  let own = outcomes.get(key)
  if (own === undefined) {
    own = prepare(name).then((from) => (model === 'jpq' ? runJpq(from, seed) : runBpr(from, seed)))
    outcomes.set(key, own)
  }
  return own
}

async function runJpq(from: Prepared, seed: number): Promise<Outcome> {
  const { collection, encoder, vectors, queries } = from
  const start = process.cpuUsage()
  const pq = await trainPq(vectors, { m: DIM / 8, metric: 'cos', seed })
  const codes = await encodePq(pq, vectors)
  const { report, jpq } = await adapt({ documents: collection.documents, encoder, vectors, pq, codes }, { seed })
  const { user, system } = process.cpuUsage(start)
  const flat = flatIndex(vectors)
  const before = new PqIndex(pq, codes)
  const after = new PqIndex(jpq?.pq ?? pq, codes)
  const turned = adaptQueries(jpq?.adapter ?? identityAdapter(DIM), queries)
  const untrained = judge(from, queries, (query) => before.search(query, 10))
  const forced = judge(from, turned, (query) => after.search(query, 10))
  return {
    report,
    cpuSeconds: (user + system) / 1e6,
    scores: {
      vectors: judge(from, queries, (query) => flat.search(query, 10)),
      control: judge(from, turned, (query) => flat.search(query, 10)),
      untrained,
      forced,
      adapted: report.accepted ? forced : untrained,
    },
  }
}

async function runBpr(from: Prepared, seed: number): Promise<Outcome> {
  const { collection, encoder, vectors, queries } = from
  const start = process.cpuUsage()
  const documents = collection.documents
  const { report, bpr } = await adapt({ documents, encoder, vectors }, { seed, model: 'bpr' })
  const { user, system } = process.cpuUsage(start)
  if (bpr === undefined) throw new Error('nothing was trained')
  const flat = flatIndex(vectors)
  const search = (layer: BprLayer, rerank?: number): Float64Array => {
    const index = new BinaryIndex(hashDocuments(layer, vectors))
    const asked = hashQueries(layer, queries)
    return judge(from, asked, (query) => index.search(query, 10, rerank === undefined ? {} : { rerank }))
  }
  const decided = report.accepted ? bpr.layer : bpr.initial
  return {
    report,
    cpuSeconds: (user + system) / 1e6,
    scores: {
      vectors: judge(from, queries, (query) => flat.search(query, 10)),
      'itq, hamming': search(bpr.initial, 0),
      'itq, ranked': search(bpr.initial),
      'forced, hamming': search(bpr.layer, 0),
      'forced, ranked': search(bpr.layer),
      'bpr, hamming': search(decided, 0),
      'bpr, ranked': search(decided),
    },
  }
}

/** Mean over the seeds, query by query. */
function overSeeds(runs: readonly Outcome[], what: string): Float64Array {
  const lists = runs.map(({ scores }) => scores[what] as Float64Array)
  return Float64Array.from(lists[0] as Float64Array, (_, i) => mean(lists.map((list) => list[i] as number)))
}

/**
 * Mean over the collections of the mean difference of their queries, with its paired bootstrap interval: queries are drawn anew
 * within each collection.
 */
function gainOverAll(pairs: readonly (readonly [Float64Array, Float64Array])[]): { value: number; interval: number[] } {
  const drawn = pairs.map(([own, other], i) => {
    const difference = Float64Array.from(own, (value, q) => value - (other[q] as number))
    return { value: mean(difference), ...resampleMeans(difference, i) }
  })
  const means = Float64Array.from({ length: RESAMPLES }, (_, r) => mean(drawn.map(({ means }) => means[r] as number)))
  means.sort()
  return {
    value: mean(drawn.map(({ value }) => value)),
    interval: [means[Math.floor(0.025 * RESAMPLES)] as number, means[Math.ceil(0.975 * RESAMPLES) - 1] as number],
  }
}

function resampleMeans(values: Float64Array, seed: number): { means: Float64Array } {
  const means = new Float64Array(RESAMPLES)
  let state = seed + 1
  for (let r = 0; r < RESAMPLES; r++) {
    let sum = 0
    for (let i = 0; i < values.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      sum += values[Math.floor((state / 2 ** 32) * values.length)] as number
    }
    means[r] = sum / values.length
  }
  return { means }
}

interface Gathered {
  readonly name: CollectionName
  readonly runs: readonly Outcome[]
}

/** All seeds of all collections, told as they come; fewer of both where it is to be short. */
async function gather(model: 'jpq' | 'bpr', context: Pick<AcceptContext, 'scale' | 'say'>): Promise<Gathered[]> {
  const [names, seeds] = context.scale < 1 ? [['med'] as const, 1] : [NAMES, SEEDS]
  const all = names.map((name) => ({ name, runs: [] as Outcome[] }))
  for (let seed = 1; seed <= seeds; seed++) {
    for (const { name, runs } of all) {
      const isNew = !outcomes.has(keyOf(name, model, seed))
      const own = await outcomeOf(name, model, seed)
      runs.push(own)
      if (!isNew) continue
      const figures = Object.entries(own.scores).map(([what, list]) => `${what} ${mean(list).toFixed(4)}`)
      const verdict = own.report.accepted ? 'accepted' : 'refused'
      context.say(`${model} ${name} ${seed}: ${figures.join(', ')}; ${verdict}, ${own.cpuSeconds.toFixed(0)} s of CPU`)
    }
  }
  return all
}

/** A table of means over queries and seeds. */
function tableOf(all: readonly Gathered[]): string {
  const columns = Object.keys(all[0]?.runs[0]?.scores ?? {})
  const rows = all.map(({ name, runs }) => [
    name,
    ...columns.map((what) => mean(overSeeds(runs, what)).toFixed(4)),
    `${runs.filter(({ report }) => report.accepted).length} of ${runs.length}`,
    Math.max(...runs.map(({ cpuSeconds }) => cpuSeconds)).toFixed(0),
  ])
  return textTable(['collection', ...columns, 'accepted', 'CPU s'], rows)
}

const relative = (runs: readonly Outcome[], own: string, other: string): number =>
  mean(overSeeds(runs, own)) / mean(overSeeds(runs, other))

/** Codes of 32 bytes against vectors of 256 singles. */
export async function acceptDense32(context: AcceptContext): Promise<void> {
  const all = await gather('jpq', context)
  context.say(tableOf(all))
  const kept = all.map(({ name, runs }) => ({ name, share: relative(runs, 'adapted', 'vectors') }))
  const good = kept.filter(({ share }) => share >= 0.98).length
  const figure = kept.map(({ name, share }) => `${name} ${share.toFixed(3)}`).join(', ')
  const least = Math.min(3, all.length)
  context.check('codes 32 times smaller keep .98 of nDCG@10', good >= least, `${figure} (${least} of ${all.length})`)
}

/** JPQ with GPL against the codes that it starts from. */
export async function acceptJpq(context: AcceptContext): Promise<void> {
  const all = await gather('jpq', context)
  const { value, interval } = gainOverAll(
    all.map(({ runs }) => [overSeeds(runs, 'adapted'), overSeeds(runs, 'untrained')] as const),
  )
  const shown = interval.map((bound) => bound.toFixed(4)).join(', ')
  // A lone collection that refuses gains nothing.
  const isBetter = context.scale < 1 ? (interval[0] as number) >= 0 : (interval[0] as number) > 0
  context.check('gain of jpq with gpl over untrained codes', isBetter, `${value.toFixed(4)} [${shown}]`)
  for (const { name, runs } of all) {
    const gain = relative(runs, 'adapted', 'untrained') - 1
    context.check(`jpq with gpl on ${name}`, gain >= -0.03, `${(100 * gain).toFixed(1)} % (at least -3)`)
  }
  const seconds = Math.max(...all.flatMap(({ runs }) => runs.map(({ cpuSeconds }) => cpuSeconds)))
  context.checkCost(
    'training of jpq',
    seconds <= 600,
    `${seconds.toFixed(0)} s of CPU (at most 600: 5 minutes on two cores)`,
  )
}

/** BPR against the rotation that it starts from. */
export async function acceptBpr(context: AcceptContext): Promise<void> {
  const all = await gather('bpr', context)
  context.say(tableOf(all))
  const gains = all.map(({ name, runs }) => ({ name, gain: relative(runs, 'bpr, hamming', 'itq, hamming') }))
  const figure = gains.map(({ name, gain }) => `${name} ${gain.toFixed(3)}`).join(', ')
  const least = Math.min(3, all.length)
  context.check(
    'hamming nDCG@10 of bpr over centred itq',
    gains.filter(({ gain }) => gain >= 1).length >= least,
    `${figure} (at least 1 on ${least} of ${all.length})`,
  )
  const share = mean(all.map(({ runs }) => relative(runs, 'bpr, ranked', 'vectors')))
  context.check('nDCG@10 of bpr, ranked, over vectors', share >= 0.97, `${share.toFixed(3)} (at least 0.97)`)
}

/** Tables of both, and a case for each collection. */
export async function benchAdapt(context: BenchContext): Promise<void> {
  for (const model of ['jpq', 'bpr'] as const) {
    const all = await gather(model, context)
    context.say(tableOf(all))
    const [own, other] = model === 'jpq' ? ['adapted', 'untrained'] : ['bpr, ranked', 'itq, ranked']
    for (const { name, runs } of all) {
      const [ours, theirs] = [overSeeds(runs, own), overSeeds(runs, other)]
      const { interval } = pairedBootstrap(ours, theirs, { resamples: RESAMPLES })
      const { vectors } = await prepare(name)
      context.add({
        system: 'index',
        kind: model,
        peer: { name: other },
        data: { name, bytes: vectors.data.byteLength },
        params: { dim: DIM, bytes: DIM / 8, seeds: runs.length },
        ours: {
          ratio: 32,
          cpuMs: 1000 * mean(runs.map(({ cpuSeconds }) => cpuSeconds)),
          quality: { 'nDCG@10': mean(ours), 'gain, low': interval[0], 'gain, high': interval[1] },
        },
        theirs: { ratio: 32, quality: { 'nDCG@10': mean(theirs) } },
        vs: { quality: mean(ours) / mean(theirs) },
        repeats: runs.length,
      })
    }
  }
}
