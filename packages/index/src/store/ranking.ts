import { PithError, type Run } from '@pith/core'
import { analyzerOf } from '@pith/core/lexical'
import { bothKeep } from '../row-filter.ts'
import type { Hits, RowFilter } from '../types.ts'
import type { DensePart } from './dense-part.ts'
import type { IndexTools, ReaderTools } from './parts.ts'
import type { ParsedSearch, RankingName } from './query.ts'
import type { IndexSettings } from './settings.ts'
import { inSegment, type SegmentView } from './view.ts'

/** One of the rankings that make up an answer. */
export interface Ranking {
  readonly name: RankingName
  /** Whether it ranks by vectors of meaning, as opposed to words. */
  readonly isDense: boolean
  /** Whether the query names words that documents need or must not have: others are no answer, whatever vectors say. */
  readonly isStrict: boolean
  /** The best rows of a segment; undefined where the segment lacks what it takes. */
  best(view: SegmentView, k: number, filter: RowFilter | undefined): Promise<Hits | undefined>
}

/**
 * The rankings that a query takes. Without a mode, all that the index has and the query can be asked by.
 *
 * @throws PithError `PITH_ARG` · `PITH_CAPABILITY` the index lacks what the mode needs · `PITH_MODEL` no encoder for a text
 */
export async function rankingsFor(
  views: readonly SegmentView[],
  search: ParsedSearch,
  tools: ReaderTools,
  run?: Run,
): Promise<Ranking[]> {
  const { mode, text, vector, sparse } = search
  const { settings, sparseEncoder } = tools
  if (mode === 'bm25') return [await lexicalRanking(views, search, settings, run)]
  if (mode === 'dense' || mode === 'pq') return [await denseRanking(search, await tools.load(run), mode, run)]
  if (mode === 'hash') return [await hashRanking(search, await tools.load(run), run)]
  if (mode === 'sparse') return [await sparseRanking(search, tools, run)]
  const found: Ranking[] = []
  if (settings.lexical !== undefined && text !== undefined) {
    found.push(await lexicalRanking(views, search, settings, run))
  }
  if (settings.sparse !== undefined && (sparse !== undefined || (text !== undefined && sparseEncoder !== undefined))) {
    found.push(await sparseRanking(search, tools, run))
  }
  const learned = settings.dense === undefined ? undefined : await tools.load(run)
  if (learned !== undefined && (vector !== undefined || (text !== undefined && learned.encoder !== undefined))) {
    found.push(await denseRanking(search, learned, 'dense', run))
  }
  if (found.length > 0) return found
  throw new PithError('PITH_ARG', 'the query has nothing that the index can be asked by', {
    hint: 'Give a text, a vector or sparse components, and the encoder of the index.',
  })
}

/** By vectors: those of codes (`pq`), or codes and what stands behind them. */
async function denseRanking(
  search: ParsedSearch,
  { settings, models, encoder }: IndexTools,
  name: 'dense' | 'pq',
  run?: Run,
): Promise<Ranking> {
  const { dense } = settings
  if (dense === undefined || (name === 'pq' && models.pq === undefined)) {
    const what = dense === undefined ? 'vectors' : 'codes'
    throw new PithError('PITH_CAPABILITY', `the index has no ${what}`, { hint: 'Build it with `dense`, and train it.' })
  }
  const given = search.vector ?? (await encodeQuery(search, dense.encoder, encoder, run))
  const dim = models.pq?.dim ?? encoder?.dim ?? dense.dim
  checkLength(given, dim, dense.encoder)
  if (saysNothing(search, given)) return nothing(name)
  let query = given
  if (models.adapter !== undefined) {
    const { adaptQueries } = await import('../jpq/adapter.ts')
    query = adaptQueries(models.adapter, { n: 1, dim, data: given }).data
  }
  return {
    name,
    isDense: true,
    isStrict: false,
    async best(view, k, filter) {
      const own = await view.dense(run)
      if (own === undefined) return undefined
      return own.searcher.search(query, k, {
        filter: presentOf(own.part, filter),
        ...(name === 'pq' ? { rerank: 0 } : {}),
      })
    },
  }
}

/** By the signs of a trained layer: the nearest, then by the query as it is. */
async function hashRanking(
  search: ParsedSearch,
  { settings, models, encoder }: IndexTools,
  run?: Run,
): Promise<Ranking> {
  const { dense } = settings
  if (dense === undefined || models.hash === undefined) {
    throw new PithError('PITH_CAPABILITY', 'the index has no signs', {
      hint: 'Adapt it with `pith index adapt --model bpr`.',
    })
  }
  const { layer } = models.hash
  const data = search.vector ?? (await encodeQuery(search, dense.encoder, encoder, run))
  checkLength(data, layer.dim, dense.encoder)
  if (saysNothing(search, data)) return nothing('hash')
  const { hashQueries } = await import('../bpr/layer.ts')
  const query = hashQueries(layer, { n: 1, dim: layer.dim, data }).data
  return {
    name: 'hash',
    isDense: true,
    isStrict: false,
    async best(view, k, filter) {
      const part = (await view.dense(run))?.part
      return part?.signs?.search(query, k, { filter: presentOf(part, filter) })
    },
  }
}

function checkLength({ length }: Float32Array, dim: number, encoder: string): void {
  if (length === dim) return
  throw new PithError('PITH_MODEL', `a vector of ${length} numbers, the index has ${dim}`, {
    hint: `Encode queries by ${encoder}, as the documents were.`,
  })
}

/** Whether the encoder knows no word of a text: all rows would be as near. */
function saysNothing({ vector }: ParsedSearch, encoded: Float32Array): boolean {
  return vector === undefined && encoded.every((value) => value === 0)
}

function nothing(name: RankingName): Ranking {
  return { name, isDense: true, isStrict: false, best: async () => undefined }
}

/** Rows that are kept and have a vector. */
function presentOf({ present }: DensePart, filter: RowFilter | undefined): RowFilter | undefined {
  return present === undefined || filter === undefined ? (filter ?? present) : bothKeep(filter, present)
}

async function encodeQuery(
  { text, syntax }: ParsedSearch,
  id: string,
  encoder: IndexTools['encoder'],
  run?: Run,
): Promise<Float32Array> {
  if (text === undefined) throw new PithError('PITH_ARG', 'a text or a vector is needed to search vectors')
  if (encoder !== undefined) {
    const { wantedText } = await import('../lexical/query.ts')
    return (await encoder.encode([syntax === true ? wantedText(text) : text], 'query', run)).data
  }
  throw new PithError('PITH_MODEL', `the encoder ${id} of the index is not at hand`, {
    hint: 'Train the index where it learns its own encoder, open it with the encoder, or give a vector.',
  })
}

/** By learned-sparse vectors. */
async function sparseRanking(
  search: ParsedSearch,
  { settings, sparseEncoder }: ReaderTools,
  run?: Run,
): Promise<Ranking> {
  if (settings.sparse === undefined) {
    throw new PithError('PITH_CAPABILITY', 'the index has no sparse vectors', { hint: 'Build it with `sparse`.' })
  }
  const query = search.sparse ?? (await encodeSparse(search, settings.sparse.encoder, sparseEncoder, run))
  return {
    name: 'sparse',
    isDense: false,
    isStrict: false,
    async best(view, k, filter) {
      return (await view.sparse(run))?.search(query, k, { exact: search.exact === true, filter })
    },
  }
}

async function encodeSparse(
  { text }: ParsedSearch,
  id: string,
  encoder: IndexTools['sparseEncoder'],
  run?: Run,
): Promise<Record<string, number>> {
  if (text === undefined) throw new PithError('PITH_ARG', 'a text or sparse components are needed')
  if (encoder === undefined) {
    throw new PithError('PITH_MODEL', `the sparse encoder ${id} of the index is not at hand`, {
      hint: 'Open the index with the encoder, or give sparse components.',
    })
  }
  const { indices, values } = await encoder.encode([text], 'query', run)
  return Object.fromEntries(Array.from(indices, (component, i) => [String(component), values[i]]))
}

/** BM25, with the counts of all segments together. */
async function lexicalRanking(
  views: readonly SegmentView[],
  search: ParsedSearch,
  settings: IndexSettings,
  run?: Run,
): Promise<Ranking> {
  const { text, syntax = false, typos = false, lastIsPrefix = false } = search
  if (settings.lexical === undefined) {
    throw new PithError('PITH_CAPABILITY', 'the index has no words to search', {
      hint: 'Build it with `lexical`, or search by vectors.',
    })
  }
  if (text === undefined) throw new PithError('PITH_ARG', 'a text is needed to search words')
  const { parseQuery, sumStats, wordsQuery } = await import('../lexical/index.ts')
  const query = (syntax ? parseQuery : wordsQuery)(analyzerOf(settings.lexical.analyzer), text, { typos, lastIsPrefix })
  const parts = await Promise.all(
    views.map((view) => inSegment(view, async () => (await view.lexical(run))?.stats(query, run))),
  )
  const stats = sumStats(parts.filter((part) => part !== undefined))
  return {
    name: 'bm25',
    isDense: false,
    isStrict: query.clauses.some(({ role }) => role !== 'any'),
    async best(view, k, filter) {
      const lexical = await view.lexical(run)
      return lexical?.search(query, k, { stats, ...(filter === undefined ? {} : { filter }) }, run)
    },
  }
}
