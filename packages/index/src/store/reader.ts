import { compareText, isDamage, type PithError, type Run, type Sink } from '@pith/core'
import { isKept, keptRows } from '../row-filter.ts'
import type { Encoder, IndexDocument } from '../types.ts'
import { checkId } from './document.ts'
import { countFacets, type FacetCounts } from './facets.ts'
import { mergeDocuments } from './merge.ts'
import { type Models, writeModels } from './models.ts'
import { modesOf, type QueryParts } from './modes.ts'
import { planSegment, type ReaderTools } from './parts.ts'
import { type IndexSearch, parseSearch, type SearchMode, type SearchResult } from './query.ts'
import { rankingsFor } from './ranking.ts'
import { searchViews } from './search.ts'
import { writeSegmentFile } from './segment.ts'
import type { IndexSettings } from './settings.ts'
import { damageOf, inSegment, keptOf, type SegmentView } from './view.ts'
import { evaluate, parseWhere, type Where } from './where.ts'

/** A segment that could not be opened, or in which damage was met. */
export interface DamagedSegment {
  readonly name: string
  readonly error: PithError
}

/** What an index holds. */
export interface IndexInfo {
  /** Documents that can be found. */
  readonly documents: number
  readonly bytes: number
  readonly settings: IndexSettings
  readonly segments: readonly {
    readonly name: string
    readonly rows: number
    readonly deleted: number
    readonly bytes: number
    readonly parts: readonly string[]
  }[]
  readonly damaged: readonly DamagedSegment[]
  /** What was put right when the index was opened, such as a log that was cut short. */
  readonly warnings: readonly string[]
}

/** What {@link IndexReader.verify} found. */
export interface IndexReport {
  readonly ok: boolean
  readonly documents: number
  readonly bytes: number
  readonly bad: readonly DamagedSegment[]
}

/** An opened index, as it was when it was opened. */
export interface IndexReader {
  readonly info: IndexInfo
  /**
   * Ways of searching that the index has, single ones first. Those that need an encoder which is not at hand are there only
   * where queries bring what it would make of them.
   */
  modes(queries?: QueryParts): readonly SearchMode[]
  /** What was learned from the documents, and what texts are encoded by where it is at hand. */
  learned(run?: Run): Promise<{ readonly models: Models; readonly encoder: Encoder | undefined }>
  /**
   * The best documents for a query.
   *
   * @throws PithError `PITH_ARG` what is no query · `PITH_CAPABILITY` the index lacks what the query needs · `PITH_MODEL` a vector
   * of another encoder · damage with the name of the segment, unless partial answers are allowed; the abort reason
   */
  search(query: string | IndexSearch, run?: Run): Promise<SearchResult>
  /** A document by its id; undefined where there is none. */
  get(id: string, run?: Run): Promise<IndexDocument | undefined>
  /** How many documents have each value of fields, among those that fulfil a condition. */
  facets(fields: readonly string[], options?: { where?: Where; limit?: number }, run?: Run): Promise<FacetCounts>
  /** Ids of all documents that fulfil a condition, ascending. */
  ids(where?: Where, run?: Run): Promise<string[]>
  /** All documents by ascending id. */
  documents(run?: Run): AsyncGenerator<IndexDocument, void, undefined>
  /**
   * Write all documents as an index in one file, which {@link openIndex} opens anywhere, reading only what queries need.
   *
   * @returns documents
   */
  export(sink: Sink, run?: Run): Promise<number>
  /** Read everything against its checksums. */
  verify(run?: Run): Promise<IndexReport>
  close(): Promise<void>
}

/** What a reader stands on. */
export interface ReaderParts {
  readonly tools: ReaderTools
  readonly views: readonly SegmentView[]
  readonly damaged: readonly DamagedSegment[]
  readonly warnings: readonly string[]
  readonly allowPartial: boolean
  /** Check the bytes of all files. */
  verify(run?: Run): Promise<DamagedSegment[]>
  close(): Promise<void>
}

/** The face of an opened index. */
export function makeReader(parts: ReaderParts): IndexReader {
  const { allowPartial, tools } = parts
  const { settings } = tools
  const damaged = [...parts.damaged]
  let views = parts.views

  /** Work on the segments that are sound; where partial answers are allowed, those that turn out not to be are left out. */
  const withViews = async <T>(work: (sound: readonly SegmentView[]) => Promise<T>): Promise<T> => {
    for (;;) {
      const sound = views
      try {
        return await work(sound)
      } catch (error) {
        const broken = sound.filter((view) => damageOf(view) !== undefined)
        if (!(allowPartial && isDamage(error) && broken.length > 0)) throw error
        for (const view of broken) {
          if (views.includes(view)) damaged.push({ name: view.name, error: damageOf(view) as PithError })
        }
        views = views.filter((view) => !broken.includes(view))
      }
    }
  }
  const keptIn = (sound: readonly SegmentView[], where: Where | undefined, run?: Run) => {
    const filter = where === undefined ? undefined : parseWhere(where)
    return Promise.all(
      sound.map((view) =>
        inSegment(view, async () => {
          const { columns, rows } = view.segment
          return keptOf(view, filter === undefined ? undefined : await evaluate(filter, columns, rows, run))
        }),
      ),
    )
  }
  return {
    modes: (queries) => modesOf(views, tools, queries),
    async learned(run) {
      const { models, encoder } = await tools.load(run)
      return { models, encoder }
    },
    get info() {
      return {
        documents: views.reduce((sum, view) => sum + view.count, 0),
        bytes: views.reduce((sum, { segment }) => sum + segment.bytes, 0),
        settings,
        segments: views.map(({ name, segment, count }) => ({
          name,
          rows: segment.rows,
          deleted: segment.rows - count,
          bytes: segment.bytes,
          parts: Object.keys(segment.info.parts),
        })),
        damaged,
        warnings: parts.warnings,
      }
    },
    async search(query, run) {
      const search = parseSearch(query)
      const answer = await withViews(async (sound) =>
        searchViews(sound, await rankingsFor(sound, search, tools, run), search, settings.tuning, run),
      )
      return { ...answer, leftOut: damaged.map(({ name }) => name) }
    },
    get(id, run) {
      checkId(id)
      return withViews(async (sound) => {
        const found = await Promise.all(
          sound.map((view) =>
            inSegment(view, async () => {
              const row = await view.segment.ids.find(id, run)
              if (row < 0 || (view.live !== undefined && !isKept(view.live, row))) return undefined
              return (await view.segment.documents.at([row], [id], run))[0]
            }),
          ),
        )
        return found.find((document) => document !== undefined)
      })
    },
    facets: (fields, { where, limit } = {}, run) =>
      withViews(async (sound) => countFacets(sound, await keptIn(sound, where, run), fields, limit, run)),
    ids: (where, run) =>
      withViews(async (sound) => {
        const kept = await keptIn(sound, where, run)
        const found = await Promise.all(
          sound.map((view, i) =>
            inSegment(view, async () => {
              const rows = kept[i]
              return rows === undefined ? view.segment.ids.all(run) : view.segment.ids.at(keptRows(rows), run)
            }),
          ),
        )
        return found.flat().sort(compareText)
      }),
    documents: (run) => documentsOf(views, run),
    async export(sink, run) {
      const own = await tools.load(run)
      const { models } = own
      const sources = views.map(({ segment }) => ({ segment, models }))
      const plan = await planSegment(own, sources, run)
      return writeSegmentFile(sink, mergeDocuments(views, run), plan, run, async (container) => {
        if (models.version > 0) await writeModels(container, models)
      })
    },
    async verify(run) {
      const found = await parts.verify(run)
      const bad = [...damaged, ...found.filter(({ name }) => !damaged.some((known) => known.name === name))]
      const documents = views.reduce((sum, view) => sum + view.count, 0)
      const bytes = views.reduce((sum, { segment }) => sum + segment.bytes, 0)
      return { ok: bad.length === 0, documents, bytes, bad }
    },
    close: () => parts.close(),
  }
}

async function* documentsOf(views: readonly SegmentView[], run?: Run): AsyncGenerator<IndexDocument, void, undefined> {
  for await (const { document } of mergeDocuments(views, run)) yield document
}
