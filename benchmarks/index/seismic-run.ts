/** Builds a Seismic index of synthetic vectors, tunes it, and searches it beside exact search. Prints its figures as a line of JSON. */
import { MemorySink } from '@pith/core'
import { createContainer } from '@pith/core/container'
import type { Hits, SparseMatrix, SparseVector } from '@pith/index'
import { buildSeismic, openSeismic, type SeismicIndex, tuneSeismic, writeSeismic } from '@pith/index/seismic'
import { MaxScoreIndex, rowsOf, SparseIndex, sparseRow, syntheticSparse } from '@pith/index/sparse'
import { writeSections } from '../../packages/index/src/sections.ts'
import type { SeismicFigures } from './seismic.ts'

const [docsText = '', threadsText = '1', repeatsText = '5', peersText = ''] = process.argv.slice(2)
const docs = Number(docsText)
const repeats = Number(repeatsText)
const K = 10
/** Queries that the index is tuned by, those that it is judged by, and how many of these are timed together. */
const TUNED = 150
const JUDGED = 300
const BATCH = 10
/** Queries that MaxScore, the slowest, answers. */
const SLOW = 30
/** What tuning asks for; other queries judge. */
const TARGET = 0.95

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function slice(matrix: SparseMatrix, from: number, to: number): SparseMatrix {
  const [start, end] = [matrix.indptr[from] as number, matrix.indptr[to] as number]
  return {
    dim: matrix.dim,
    indptr: matrix.indptr.slice(from, to + 1).map((place) => place - start),
    indices: matrix.indices.slice(start, end),
    values: matrix.values.slice(start, end),
  }
}

/** CPU milliseconds of each batch of queries. */
function timeBatches(queries: readonly SparseVector[], search: (query: SparseVector) => Hits): number[] {
  const times: number[] = []
  for (let from = 0; from < queries.length; from += BATCH) {
    const start = cpuMs()
    for (const query of queries.slice(from, from + BATCH)) search(query)
    times.push(cpuMs() - start)
  }
  return times
}

async function bytesOf(index: SeismicIndex): Promise<number> {
  const sink = new MemorySink()
  const container = createContainer(sink)
  const entry = await container.entry({ codec: 'index' })
  const sections = writeSections(entry)
  await writeSeismic(index, sections, '')
  await sections.finish()
  await entry.finish()
  await container.finish()
  return sink.bytes().length
}

const { documents, queries } = syntheticSparse({ docs, queries: TUNED + JUDGED, seed: 1 })
const judged = slice(queries, TUNED, TUNED + JUDGED)
const asked = Array.from({ length: rowsOf(judged) }, (_, row) => sparseRow(judged, row))
const [buildStart, buildWall] = [cpuMs(), performance.now()]
const index = await buildSeismic(documents, { threads: Number(threadsText) })
const [buildCpuMs, buildMs] = [cpuMs() - buildStart, performance.now() - buildWall]
const { effort, reached } = await tuneSeismic(index, slice(queries, 0, TUNED), { recall: TARGET, k: K })
const peakMiB = process.resourceUsage().maxRSS / 1024

const exact = new SparseIndex(documents)
const maxScore = peersText.includes('maxscore') ? new MaxScoreIndex(documents) : undefined
const contenders: Record<string, () => number[]> = {
  taat: () => timeBatches(asked, (query) => exact.search(query, K)),
  seismic: () => timeBatches(asked, (query) => index.search(query, K)),
}
if (maxScore !== undefined) {
  contenders['maxscore'] = () => timeBatches(asked.slice(0, SLOW), (query) => maxScore.search(query, K))
}
const times: Record<string, number[][]> = {}
for (let repeat = 0; repeat <= repeats; repeat++) {
  for (const [name, time] of Object.entries(contenders)) {
    const own = time()
    // The first round warms up.
    if (repeat > 0) (times[name] ??= []).push(own)
  }
}
let [found, wanted] = [0, 0]
const counts = { blocks: 0, rows: 0, whole: 0 }
let agree = true
for (const [i, query] of asked.entries()) {
  const best = exact.search(query, K)
  const ids = new Set(index.search(query, K).ids)
  for (const id of best.ids) if (ids.has(id)) found++
  wanted += best.ids.length
  for (const name of ['blocks', 'rows', 'whole'] as const) counts[name] += index.counts[name] / asked.length
  if (maxScore !== undefined && i < SLOW) agree &&= String(maxScore.search(query, K).ids) === String(best.ids)
}
let twinAgrees: boolean | undefined
if (docs <= 250_000) {
  const { holdSections } = await import('../../packages/index/test/held-sections.ts')
  const twin = await openSeismic(await holdSections((sections) => writeSeismic(index, sections, '')), '', {
    target: 'twin',
  })
  twinAgrees = asked.every((query) => String(twin.search(query, K).ids) === String(index.search(query, K).ids))
}
const { forward } = index.parts
const figures: SeismicFigures = {
  docs,
  values: documents.values.length,
  buildCpuMs,
  buildMs,
  peakMiB,
  effort,
  reached,
  recall: found / wanted,
  counts,
  times,
  batch: BATCH,
  agree,
  ...(twinAgrees === undefined ? {} : { twinAgrees }),
  forwardBytes: 2 * docs + 3 * documents.values.length,
  keptBytes: forward.heads.length + forward.tails.length,
  bytes: docs <= 250_000 ? await bytesOf(index) : index.bytes,
}
console.log(JSON.stringify(figures))
