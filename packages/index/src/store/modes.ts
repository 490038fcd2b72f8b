import type { DenseInfo } from './dense-part.ts'
import type { ReaderTools } from './parts.ts'
import type { SearchMode } from './query.ts'
import { LSA } from './settings.ts'
import type { SegmentView } from './view.ts'

/** What queries bring along beside their text. */
export interface QueryParts {
  readonly vector?: boolean
  readonly sparse?: boolean
}

/** Ways of searching that segments have and that queries can be asked by, single ones first. */
export function modesOf(
  views: readonly SegmentView[],
  { settings, encoder, sparseEncoder }: ReaderTools,
  queries: QueryParts = {},
): readonly SearchMode[] {
  const { lexical, dense, sparse } = settings
  const parts = views.map(({ segment }) => segment.info.parts['dense'] as DenseInfo | undefined)
  const has = (part: DenseInfo | undefined): boolean => part !== undefined
  const isEncoded = dense?.encoder === LSA || encoder !== undefined || queries.vector === true
  const isDense = isEncoded && parts.some(has)
  const isSparse = sparse !== undefined && (sparseEncoder !== undefined || queries.sparse === true)
  const single: SearchMode[] = [
    ...(lexical === undefined ? [] : (['bm25'] as const)),
    ...(isSparse ? (['sparse'] as const) : []),
    ...(isDense ? (['dense'] as const) : []),
  ]
  const codes: SearchMode[] = [
    ...(isDense && parts.some((part) => part?.codes !== undefined) ? (['pq'] as const) : []),
    ...(isDense && parts.some((part) => part?.signs !== undefined) ? (['hash'] as const) : []),
  ]
  return single.length > 1 ? [...single, ...codes, 'hybrid'] : [...single, ...codes]
}
