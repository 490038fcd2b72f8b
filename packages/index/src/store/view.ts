import { compareText, isDamage, PithError, type Run } from '@pith/core'
import type { LexicalIndex } from '../lexical/index.ts'
import type { FlatIndex, Int8Index, PqIndex } from '../pq/index.ts'
import { bothKeep } from '../row-filter.ts'
import type { Hits, RowFilter } from '../types.ts'
import type { DensePart } from './dense-part.ts'
import { openDensePart, openSparsePart, type ReaderTools } from './parts.ts'
import type { Segment } from './segment.ts'
import type { SparsePart } from './sparse-part.ts'

/** A segment of an opened index. */
export interface SegmentView {
  readonly name: string
  readonly segment: Segment
  /** Rows that are neither deleted nor replaced; undefined where all are there. */
  readonly live: RowFilter | undefined
  /** Rows that are there. */
  readonly count: number
  /** The words of the segment; undefined where it has none. */
  lexical(run?: Run): Promise<LexicalIndex | undefined>
  /** Its vectors, ready to be searched; undefined where it has none. */
  dense(run?: Run): Promise<DenseView | undefined>
  /** Its sparse vectors; undefined where it has none. */
  sparse(run?: Run): Promise<SparsePart | undefined>
}

/** Vectors that are searched: by codes where there are any, and anew by what stands behind them. */
export interface DenseView {
  readonly part: DensePart
  readonly searcher: PqIndex | FlatIndex | Int8Index
}

/** A row of one of several segments. */
export interface Candidate {
  /** Place of the segment in the list of views. */
  readonly view: number
  readonly row: number
  /** Known where there are several segments: within one, rows stand in the order of ids. */
  readonly id: string | undefined
  readonly score: number
}

/** A view of a segment, whose parts are opened when they are asked for. */
export function viewOf(
  name: string,
  segment: Segment,
  live: RowFilter | undefined,
  { settings, load }: Pick<ReaderTools, 'settings' | 'load'>,
): SegmentView {
  return {
    name,
    segment,
    live,
    count: live?.count ?? segment.rows,
    lexical: once(async (run) => {
      if (!Object.hasOwn(segment.info.parts, 'lexical')) return undefined
      const { openLexical } = await import('../lexical/index.ts')
      return openLexical(segment.sections, 'lexical/', {}, run)
    }),
    dense: once(async (run) => {
      if (!Object.hasOwn(segment.info.parts, 'dense')) return undefined
      const { models } = await load(run)
      const part = await openDensePart(segment, settings, models, run)
      if (part === undefined) return undefined
      const { PqIndex } = await import('../pq/index.ts')
      const { codes, vectors } = part
      const coded =
        codes === undefined || models.pq === undefined ? undefined : new PqIndex(models.pq, codes, { vectors })
      const searcher = coded ?? vectors
      return searcher === undefined ? undefined : { part, searcher }
    }),
    sparse: once((run) => openSparsePart(segment, run)),
  }
}

/** The same result for all who ask; a failure is forgotten. */
export function once<T>(open: (run?: Run) => Promise<T>): (run?: Run) => Promise<T> {
  let opened: Promise<T> | undefined
  return (run) => {
    if (opened === undefined) {
      const opening = open(run)
      opened = opening
      opening.catch(() => {
        opened = undefined
      })
    }
    return opened
  }
}

/** Rows of a view that are there and kept; undefined for all of them. */
export function keptOf(view: SegmentView, filter: RowFilter | undefined): RowFilter | undefined {
  if (view.live === undefined || filter === undefined) return view.live ?? filter
  return bothKeep(view.live, filter)
}

/**
 * The best rows of several segments: greater scores first, equal ones by ascending id, so that it does not matter how the
 * documents are spread over segments.
 *
 * @param search  the best `depth` rows of one segment; equal scores by ascending row, and rows stand in the order of ids
 */
export async function rankViews(
  views: readonly SegmentView[],
  depth: number,
  search: (view: SegmentView, index: number) => Promise<Hits | undefined>,
  run?: Run,
): Promise<Candidate[]> {
  const hits = await Promise.all(views.map((view, i) => inSegment(view, () => search(view, i))))
  const rows = hits.flatMap((found, view) =>
    found === undefined ? [] : Array.from(found.ids, (row, i) => ({ view, row, score: found.scores[i] })),
  )
  rows.sort((a, b) => b.score - a.score || a.view - b.view || a.row - b.row)
  // Those that tie with the last one may come before it.
  const least = rows[Math.min(depth, rows.length) - 1]?.score
  const end = rows.findIndex(({ score }) => score < (least as number))
  const tied = (end < 0 ? rows : rows.slice(0, end)).map((row): Candidate => ({ ...row, id: undefined }))
  const kept = views.length > 1 ? await withIds(views, tied, run) : tied
  return [...kept].sort(byScore).slice(0, depth)
}

/** Order of what is found: greater scores first, equal ones by ascending id. */
export function byScore(a: Candidate, b: Candidate): number {
  if (a.score !== b.score) return b.score - a.score
  return a.view === b.view ? a.row - b.row : compareText(a.id as string, b.id as string)
}

/** Rows with their ids, in no certain order. */
export async function withIds<T extends Candidate>(
  views: readonly SegmentView[],
  rows: readonly T[],
  run?: Run,
): Promise<(T & { readonly id: string })[]> {
  const found: (T & { readonly id: string })[] = []
  await Promise.all(
    views.map(async (view, i) => {
      const own = rows.filter((row) => row.view === i)
      if (own.length === 0) return
      const wanted = own.map(({ row }) => row)
      const ids = await inSegment(view, () => view.segment.ids.at(wanted, run))
      for (const [n, row] of own.entries()) found.push({ ...row, id: ids[n] })
    }),
  )
  return found
}

/** Damage that was met while a segment was read. */
const DAMAGED = new WeakMap<SegmentView, PithError>()

/** Damage that {@link inSegment} met in a view. */
export function damageOf(view: SegmentView): PithError | undefined {
  return DAMAGED.get(view)
}

/** Read from a segment; damage is told with its name. */
export async function inSegment<T>(view: SegmentView, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isDamage(error)) throw error
    const named = namedDamage(view.name, error)
    DAMAGED.set(view, named)
    throw named
  }
}

/** Damage with the name of the segment that has it. */
export function namedDamage(name: string, error: PithError): PithError {
  if (error.at?.entry === name) return error
  return new PithError(error.code, `${name}: ${error.message}`, {
    hint: 'Allow partial answers to search the rest, or restore the index from a snapshot.',
    at: { ...error.at, entry: name },
    cause: error,
  })
}
