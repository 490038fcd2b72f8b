/**
 * Logs as templates and columns, compressed and searched in that form.
 *
 * @module
 */
export { compressLog, decompressLog, openLog } from './api.ts'
export { LogAppender } from './append.ts'
export { card } from './card.ts'
export type { Level } from './chunk-encode.ts'
export type { ChunkFacts, ColumnFacts, TemplateFacts } from './facts.ts'
export type { GrepQuery } from './grep.ts'
export { type LogFile, openLogFile } from './log-file.ts'
export { LOGZIP_DEFAULTS, type LogzipOptions, logzipCodec } from './logzip.ts'
export type { GrepBatch, LogReader, LogStats, TemplateInfo } from './reader.ts'
export { compileMatcher, type Matcher, type MatcherOptions } from './search/matcher.ts'
export { parseTimeRange, type TimeRange as GrepTimeRange } from './search/time.ts'
export type { ColumnBatch, SlotInfo, SlotKind, SlotName } from './slots.ts'
export type { StoredPart } from './weigh.ts'
