export { buildLexical } from './build.ts'
export { LexicalBuilder, type LexicalOptions } from './builder.ts'
export { card as bm25Card } from './card.ts'
export {
  Cooccurrence,
  type CooccurrenceOptions,
  type ExpandOptions,
  expandQuery,
  findCooccurrence,
  openCooccurrence,
  writeCooccurrence,
} from './cooccurrence.ts'
export { LEXICAL_SECTIONS, type OpenLexicalOptions, openLexical, writeLexical } from './format.ts'
export { LexicalIndex, type LexicalSearchOptions } from './lexical.ts'
export { DROPPED, type MergedPart, mergeLexical } from './merge.ts'
export {
  type LexicalClause,
  type LexicalQuery,
  parseQuery,
  type QueryOptions,
  wantedText,
  wordsQuery,
} from './query.ts'
export type { LexicalContent, LexicalInfo, LexicalSource, Places, Postings, Span, TermEntry } from './source.ts'
export { type LexicalStats, sumStats } from './stats.ts'
