export { card as storeCard } from './card.ts'
export type { FacetCounts } from './facets.ts'
export type { Fusion } from './fusion.ts'
export type { Models } from './models.ts'
export type { QueryParts } from './modes.ts'
export { type OpenIndexOptions, openIndex } from './open.ts'
export type { IndexSearch, RankingName, SearchHit, SearchMode, SearchResult } from './query.ts'
export type { DamagedSegment, IndexInfo, IndexReader, IndexReport } from './reader.ts'
export type {
  DenseSettings,
  DenseSettingsOptions,
  IndexOptions,
  IndexSettings,
  LexicalSettingsOptions,
  SparseSettings,
  SparseSettingsOptions,
  Tuning,
  VectorType,
} from './settings.ts'
export type { Condition, Where, WhereValue } from './where.ts'
