/** Answers of an index, as pages and programs see them. */
import { isPithError } from '@pith/core'
import type { SearchMode } from '../store/index.ts'
import type { FieldValue, IndexDocument } from '../types.ts'
import type { SearchAsk } from './requests.ts'
import type { Served } from './served.ts'
import { makeSnippet, type WantedTerms, wantedTerms } from './snippet.ts'
import type { AnswerView, FacetView, HitView } from './views.ts'

/** Characters of a title. */
const TITLE_LENGTH = 200

/** Values of a field that are offered. */
const MOST_VALUES = 12

/** Field of the address of a document, and those that tell people nothing that its id and title don't. */
const LINK = 'url'
const UNSEEN: ReadonlySet<string> = new Set([LINK, 'path', 'link', 'heading'])

/** How answers are made. */
export interface AnswerOptions {
  readonly signal: AbortSignal
  /** Fields whose values are offered to narrow down. */
  readonly facets: readonly string[]
  /** Milliseconds since some moment. */
  readonly clock: () => number
}

/** Search, and view what is found. What is wrong with a query becomes the view's problem. */
export async function answerView(own: Served, ask: SearchAsk, options: AnswerOptions): Promise<AnswerView> {
  const { name, reader, analyzer, modes } = own
  const { query, k, from, where } = ask
  const mode: SearchMode = ask.mode !== undefined && modes.includes(ask.mode) ? ask.mode : (modes[0] ?? 'bm25')
  const view = { name, documents: reader.info.documents, query, mode, modes, from, k }
  const nothing: AnswerView = { ...view, more: false, ms: 0, hits: [], facets: [] }
  if (query.trim() === '') return nothing
  const start = options.clock()
  try {
    const found = await reader.search(
      {
        text: query,
        mode,
        // One more tells whether there are more.
        k: k + 1,
        offset: from,
        documents: true,
        typos: true,
        lastIsPrefix: ask.typing,
        facets: options.facets,
        ...(where === undefined ? {} : { where }),
      },
      { signal: options.signal },
    )
    const ms = Math.round(1000 * (options.clock() - start)) / 1000
    const wanted = wantedTerms(query, analyzer)
    const hits = found.hits.slice(0, k).map(({ id, score, document }) => {
      return hitView(document ?? { id, text: '' }, score, wanted, own)
    })
    const facets = options.facets.map((field) => facetView(field, found.facets?.[field] ?? [], ask))
    return { ...view, more: found.hits.length > k, ms, hits, facets }
  } catch (error) {
    if (!isPithError(error, 'PITH_ARG')) throw error
    return { ...nothing, problem: error.hint === undefined ? error.message : `${error.message}. ${error.hint}` }
  }
}

/** Values of a field, those that were chosen among them. */
function facetView(
  field: string,
  counts: readonly { readonly value: FieldValue; readonly count: number }[],
  ask: SearchAsk,
): FacetView {
  const chosen = ask.chosen.get(field) ?? []
  const values = counts.slice(0, MOST_VALUES).map(({ value, count }) => ({ value: String(value), count }))
  const gone = chosen.filter((value) => !values.some((own) => own.value === value))
  const all = [...values, ...gone.map((value) => ({ value, count: 0 }))]
  return { field, values: all.map((own) => ({ ...own, chosen: chosen.includes(own.value) })) }
}

function hitView(document: IndexDocument, score: number, wanted: WantedTerms, { analyzer }: Served): HitView {
  const { id, title = '', text, fields = {} } = document
  const url = webAddress(fields[LINK])
  return {
    id,
    score,
    title: title === '' ? [] : makeSnippet(title, wanted, analyzer, TITLE_LENGTH),
    snippet: makeSnippet(text, wanted, analyzer),
    ...(url === undefined ? {} : { url }),
    fields: Object.fromEntries(Object.entries(fields).filter(([name]) => !UNSEEN.has(name))),
  }
}

/** An address that a page may link to. */
function webAddress(value: FieldValue | undefined): string | undefined {
  return typeof value === 'string' && /^https?:\/\//i.test(value) && URL.canParse(value) ? value : undefined
}
