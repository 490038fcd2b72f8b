/** An index as it is served. */
import { type Analyzer, analyzerOf, makeAnalyzer } from '@pith/core/lexical'
import type { IndexReader, SearchMode } from '../store/index.ts'

/** An index with the name that it is served under. */
export interface Served {
  readonly name: string
  readonly reader: IndexReader
  /** Makes words of queries and texts the same terms as the index did. */
  readonly analyzer: Analyzer
  /** Ways of searching that it has, the best first. */
  readonly modes: readonly SearchMode[]
}

/** Take an opened index for serving. */
export function served(name: string, reader: IndexReader): Served {
  const { lexical } = reader.info.settings
  return {
    name,
    reader,
    analyzer: lexical === undefined ? makeAnalyzer() : analyzerOf(lexical.analyzer),
    modes: [...modesOf(reader)].reverse().filter((mode) => mode !== 'pq'),
  }
}

/** What queries bring along beside their text. */
export interface QueryParts {
  readonly vector?: boolean
  readonly sparse?: boolean
}

/** Ways of searching that an index has: single ones first. Those that need an encoder which is not at hand are not among them. */
export function modesOf(reader: IndexReader, queries: QueryParts = {}): readonly SearchMode[] {
  const { info, models, encoder, sparseEncoder } = reader
  const { lexical, dense, sparse } = info.settings
  const isDense = dense !== undefined && (encoder !== undefined || queries.vector === true)
  const isSparse = sparse !== undefined && (sparseEncoder !== undefined || queries.sparse === true)
  const modes: SearchMode[] = [
    ...(lexical === undefined ? [] : (['bm25'] as const)),
    ...(isSparse ? (['sparse'] as const) : []),
    ...(isDense ? (['dense'] as const) : []),
    ...(isDense && models.pq !== undefined ? (['pq'] as const) : []),
  ]
  return modes.filter((mode) => mode !== 'pq').length > 1 ? [...modes, 'hybrid'] : modes
}
