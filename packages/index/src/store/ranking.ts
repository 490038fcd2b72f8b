import { PithError, type Run } from '@pith/core'
import { analyzerOf } from '@pith/core/lexical'
import type { Hits, RowFilter } from '../types.ts'
import type { ParsedSearch, RankingName } from './query.ts'
import type { IndexSettings } from './settings.ts'
import { inSegment, type SegmentView } from './view.ts'

/** One of the rankings that make up an answer. */
export interface Ranking {
  readonly name: RankingName
  /** Whether it ranks by vectors of meaning, as opposed to words. */
  readonly isDense: boolean
  /** The best rows of a segment; undefined where the segment lacks what it takes. */
  best(view: SegmentView, k: number, filter: RowFilter | undefined): Promise<Hits | undefined>
}

/** BM25, with the counts of all segments together. */
export async function lexicalRanking(
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
    async best(view, k, filter) {
      const lexical = await view.lexical(run)
      return lexical?.search(query, k, { stats, ...(filter === undefined ? {} : { filter }) }, run)
    },
  }
}
