/** Building an index (Seismic, section 5). */
import { meterProgress, type Run, throwIfAborted } from '@pith/core'
import { createPool, mapOrdered, siblingUrl } from '@pith/core/workers'
import { checkSparseMatrix, compactComponents } from '../sparse/matrix.ts'
import type { SparseMatrix } from '../types.ts'
import { makeForward } from './forward.ts'
import { buildGraph } from './graph.ts'
import { buildSettings, EFFORT_DEFAULTS, type SeismicOptions } from './options.ts'
import type { SeismicParts } from './parts.ts'
import { type Lists, pruneLists } from './prune.ts'
import { SeismicIndex } from './seismic-index.ts'
import { type CutLists, type CutRequest, type CutSetting, ListCutter, seismicTasks } from './tasks.ts'

/** Postings of the lists that are cut at a time. */
const RANGE_POSTINGS = 65536

/** Numbers builds, so that workers know them apart. */
let builds = 0

/**
 * Build an index of sparse rows. The same rows, options and seed give the same index, for any number of threads.
 * Method: Seismic, Bruch et al., SIGIR 2024 (arXiv 2404.18812), section 5. Differs: docs/index-seismic.md.
 *
 * @throws PithError `PITH_ARG` an option is out of range, a value is not above 0 · `PITH_SHAPE` `PITH_NONFINITE` it is no sparse
 * matrix · `PITH_LIMIT` a row has more than 65,535 components, or the index does not fit into 2 GiB; the abort reason
 */
export async function buildSeismic(source: SparseMatrix, options: SeismicOptions & Run = {}): Promise<SeismicIndex> {
  const settings = buildSettings(options)
  const { signal, seed = 0, threads = 1, responsive = false } = options
  throwIfAborted(signal)
  checkSparseMatrix(source)
  const isApart = threads > 1 || responsive
  const { components, matrix } = compactComponents(source)
  const forward = makeForward(matrix, isApart && typeof SharedArrayBuffer === 'function')
  const lists = pruneLists(matrix, settings.keep, settings.maxFraction)
  throwIfAborted(signal)
  const meter = meterProgress(options, { stage: 'blocks', unit: 'rows', total: lists.rows.length })
  const setting = { forward, dim: matrix.dim, settings, seed }
  const done: CutLists[] = []
  let cut = 0
  for await (const part of isApart ? cutApart(setting, lists, options) : cutHere(setting, lists, signal)) {
    done.push(part)
    meter.update((cut += part.rows.length))
  }
  meter.finish()
  const parts = { dim: source.dim, components, forward, ...joinLists(done), settings, effort: EFFORT_DEFAULTS }
  const index = new SeismicIndex({ ...parts, graph: new Uint32Array(0) })
  if (settings.knn === 0) return index
  return new SeismicIndex({ ...index.parts, graph: await buildGraph(index, settings.knn, options) })
}

async function* cutHere(setting: CutSetting, lists: Lists, signal: AbortSignal | undefined): AsyncGenerator<CutLists> {
  const cutter = new ListCutter(setting)
  for (const request of requestsOf(lists, RANGE_POSTINGS)) {
    throwIfAborted(signal)
    yield cutter.cut(request)
  }
}

async function* cutApart(setting: CutSetting, lists: Lists, run: Run): AsyncGenerator<CutLists> {
  const { threads = 1, signal } = run
  const build = ++builds
  const pool = createPool({
    url: siblingUrl('worker', import.meta.url),
    tasks: seismicTasks,
    threads,
    apart: true,
    ...(signal === undefined ? {} : { signal }),
  })
  // Where memory cannot be shared, each worker is sent the rows once.
  const isShared = !(setting.forward.heads.buffer instanceof ArrayBuffer)
  const size = isShared ? RANGE_POSTINGS : Math.ceil(lists.rows.length / threads)
  try {
    const cut = (request: CutRequest): Promise<CutLists> => pool.run('cut', { build, setting, ...request })
    yield* mapOrdered(requestsOf(lists, size), cut, { concurrency: 2 * threads, signal })
  } finally {
    await pool.close()
  }
}

function* requestsOf({ starts, rows }: Lists, size: number): Generator<CutRequest> {
  let from = 0
  while (from + 1 < starts.length) {
    const start = starts[from] as number
    let to = from + 1
    while (to + 1 < starts.length && (starts[to + 1] as number) - start <= size) to++
    const end = starts[to] as number
    yield {
      first: from,
      starts: starts.slice(from, to + 1).map((place) => place - start),
      rows: rows.slice(start, end),
    }
    from = to
  }
}

type JoinedLists = Pick<SeismicParts, 'lists' | 'groups' | 'blocks' | 'postings' | 'tablePlaces' | 'tables'>

function joinLists(done: readonly CutLists[]): JoinedLists {
  return {
    lists: runningSums(done.map(({ groups }) => groups)),
    groups: runningSums(done.map(({ blocks }) => blocks)),
    blocks: runningSums(done.map(({ sizes }) => sizes)),
    postings: join(
      done.map(({ rows }) => rows),
      (length) => new Uint32Array(length),
    ),
    tablePlaces: runningSums(done.map(({ tableSizes }) => tableSizes)),
    tables: join(
      done.map(({ tables }) => tables),
      (length) => new Uint8Array(length),
    ),
  }
}

function join<T extends Uint8Array | Uint32Array>(runs: readonly T[], make: (length: number) => T): T {
  const out = make(runs.reduce((sum, run) => sum + run.length, 0))
  let at = 0
  for (const run of runs) {
    out.set(run, at)
    at += run.length
  }
  return out
}

/** What stands before each count, and the sum of all. */
export function runningSums(runs: readonly Uint32Array[]): Uint32Array {
  const out = new Uint32Array(runs.reduce((sum, run) => sum + run.length, 1))
  let at = 0
  for (const run of runs) {
    for (let i = 0; i < run.length; i++) {
      out[at + 1] = (out[at] as number) + (run[i] as number)
      at++
    }
  }
  return out
}
