export { type CompressedPassages, compressPassages, type KeptPassage } from './passages.ts'
export { compressBy, type Ranker } from './safe/compress.ts'
export { o200kCounter } from './safe/counter.ts'
export { DroppedStore, type DroppedStoreOptions, type Retrieved } from './safe/dropped.ts'
export { PROTECT_KINDS, protectedSpans } from './safe/protect.ts'
export { readSourceMap, writeSourceMap } from './safe/source-map.ts'
export type { TextKind } from './select/kinds.ts'
export { compressText } from './text.ts'
export type {
  Compressed,
  CompressOptions,
  CompressReport,
  DroppedPart,
  Joiner,
  Passage,
  Protection,
  ProtectKind,
  Ranking,
  SourceMap,
  Span,
  TokenBudget,
  TokenCounter,
} from './types.ts'
