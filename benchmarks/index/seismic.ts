/** Seismic beside exact search of the same vectors: term at a time, and MaxScore. */
import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Random } from '@pith/core'
import { type AcceptContext, costAtLeast, costAtMost } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { median, quantile, spread } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'

const DOCS = 200_000
const MILLION = 1_000_000
const RECALL = 0.95

/** What seismic-run.ts prints. */
export interface SeismicFigures {
  readonly docs: number
  /** Values of all documents. */
  readonly values: number
  readonly buildCpuMs: number
  readonly buildMs: number
  /** Of the process that made the vectors, built and tuned. */
  readonly peakMiB: number
  readonly effort: Readonly<Record<string, number>>
  readonly reached: boolean
  readonly recall: number
  readonly counts: { readonly blocks: number; readonly rows: number; readonly whole: number }
  /** CPU milliseconds of batches of queries, by repeat. */
  readonly times: Readonly<Record<string, readonly (readonly number[])[]>>
  /** Queries of a batch. */
  readonly batch: number
  /** Whether both exact searches find the same rows. */
  readonly agree: boolean
  readonly twinAgrees?: boolean
  /** Of the plain form of the documents: a count, components and codes. */
  readonly forwardBytes: number
  readonly keptBytes: number
  /** Of the file, or in memory. */
  readonly bytes: number
}

function measure(docs: number, threads: number, repeats: number, peers: string): SeismicFigures {
  const script = join(import.meta.dirname, 'seismic-run.ts')
  const args = [
    '--conditions=pith-dev',
    '--max-old-space-size=8192',
    script,
    ...[docs, threads, repeats, peers].map(String),
  ]
  const printed = execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  return JSON.parse(printed) as SeismicFigures
}

/** CPU milliseconds of a query: the median of the repeats. */
function queryMs({ times, batch }: SeismicFigures, name: string): number {
  const own = times[name] ?? []
  return median(own.map((batches) => batches.reduce((sum, ms) => sum + ms, 0) / (batch * batches.length)))
}

/** How much longer another search takes, with an interval over batches of queries. */
function timesOver(figures: SeismicFigures, name: string): { value: number; low: number; high: number } {
  const theirs = figures.times[name] ?? []
  const width = theirs[0]?.length ?? 0
  const middle = (own: readonly (readonly number[])[]): number[] =>
    Array.from({ length: width }, (_, i) => median(own.map((batches) => batches[i] as number)))
  const [a, b] = [middle(theirs), middle(figures.times['seismic'] ?? [])]
  const ratio = (places: readonly number[]): number =>
    places.reduce((sum, i) => sum + (a[i] as number), 0) / places.reduce((sum, i) => sum + (b[i] as number), 0)
  const random = new Random(7)
  const drawn = Array.from({ length: 1000 }, () => ratio(Array.from({ length: width }, () => random.integer(width))))
  // The median over repeats of both in full, as they were measured in turn.
  const sums = (own: readonly (readonly number[])[]): number[] =>
    own.map((batches) => batches.slice(0, width).reduce((sum, ms) => sum + ms, 0))
  const [all, ours] = [sums(theirs), sums(figures.times['seismic'] ?? [])]
  return {
    value: median(all.map((ms, i) => ms / (ours[i] as number))),
    low: quantile(drawn, 0.025),
    high: quantile(drawn, 0.975),
  }
}

function describe(figures: SeismicFigures): string {
  const { effort, counts, recall, docs, values } = figures
  const ours = queryMs(figures, 'seismic')
  const rows = Object.keys(figures.times).map((name) => {
    const { value, low, high } = timesOver(figures, name)
    const found = name === 'seismic' ? recall.toFixed(4) : '1'
    return [name, found, queryMs(figures, name).toFixed(4), value.toFixed(1), `${low.toFixed(1)}..${high.toFixed(1)}`]
  })
  return [
    `${docs} documents, ${(values / 1e6).toFixed(1)} M values; effort ${JSON.stringify(effort)}`,
    `a query: ${counts.blocks.toFixed(0)} blocks, ${counts.rows.toFixed(0)} rows, ${counts.whole.toFixed(0)} beyond their heads, ${(1000 * ours).toFixed(1)} us`,
    `build ${(figures.buildCpuMs / 1000).toFixed(1)} s CPU, ${(figures.buildMs / 1000).toFixed(1)} s; ${(figures.bytes / 1e6).toFixed(0)} MB, ${(figures.bytes / figures.forwardBytes).toFixed(2)} of the rows alone; peak ${figures.peakMiB.toFixed(0)} MiB`,
    textTable(['search', 'recall@10', 'CPU ms a query', 'over seismic', 'interval'], rows),
  ].join('\n')
}

/** 200,000 documents: what one machine searches in less than a millisecond. */
export async function acceptSeismic(context: AcceptContext): Promise<void> {
  const docs = Math.round(DOCS * context.scale)
  const figures = measure(docs, 1, 5, 'maxscore')
  context.say(describe(figures))
  context.check('seismic recall@10', figures.recall >= RECALL, `${figures.recall.toFixed(4)} (at least ${RECALL})`)
  context.check('both exact searches find the same', figures.agree, `${figures.agree}`)
  context.check('seismic in WebAssembly finds what its twin does', figures.twinAgrees === true, `${figures.twinAgrees}`)
  // Short lists keep fewer rows for each byte of their tables: the bars of size and speed are those of the full size.
  if (context.scale < 1) return
  const size = figures.bytes / figures.forwardBytes
  context.check('seismic bytes over those of the rows', size <= 3.5, `${size.toFixed(2)} (at most 3.5)`)
  costAtLeast(context, 'maxscore over seismic', timesOver(figures, 'maxscore').value, 20, 1)
  costAtLeast(context, 'exact search term by term over seismic', timesOver(figures, 'taat').value, 7, 1)
  costAtMost(context, 'seismic, ms a query', queryMs(figures, 'seismic'), 1, 4)
  costAtMost(context, 'seismic build, s of CPU', figures.buildCpuMs / 1000, 60, 1)
}

/** A million documents on two threads; at full size only. */
export async function acceptSeismicMillion(context: AcceptContext): Promise<void> {
  if (context.scale < 1) {
    context.say('a million documents are searched at full size only')
    return
  }
  const figures = measure(MILLION, Math.min(2, availableParallelism()), 3, '')
  context.say(describe(figures))
  context.check(
    'seismic recall@10 of a million',
    figures.recall >= RECALL,
    `${figures.recall.toFixed(4)} (at least ${RECALL})`,
  )
  costAtLeast(context, 'exact search of a million over seismic', timesOver(figures, 'taat').value, 20, 1)
  costAtMost(context, 'memory to build a million, GiB', figures.peakMiB / 1024, 8)
}

/** Times and sizes at several numbers of documents. */
export async function benchSeismic(context: BenchContext): Promise<void> {
  for (const docs of [50_000, DOCS]) {
    const figures = measure(Math.round(docs * context.scale), 1, context.repeats, 'maxscore')
    context.say(describe(figures))
    for (const name of ['taat', 'maxscore']) {
      const { value, low, high } = timesOver(figures, name)
      const sums = (figures.times['seismic'] ?? []).map((batches) => batches.reduce((sum, ms) => sum + ms, 0))
      context.add({
        system: 'index',
        kind: 'seismic',
        peer: { name },
        data: { name: `synthetic ${figures.docs}`, bytes: figures.forwardBytes },
        params: { ...figures.effort, k: 10 },
        ours: { cpuMs: queryMs(figures, 'seismic'), bytes: figures.bytes, quality: { 'recall@10': figures.recall } },
        theirs: { cpuMs: queryMs(figures, name), quality: { 'recall@10': 1 } },
        vs: { speed: value, low, high },
        repeats: context.repeats,
        spread: spread(sums),
      })
    }
  }
}
