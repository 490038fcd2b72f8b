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
    modes: [...reader.modes()].reverse().filter((mode) => mode !== 'pq' && mode !== 'hash'),
  }
}
