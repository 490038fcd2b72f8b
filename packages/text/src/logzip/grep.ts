/** Searching one chunk: what can be said from its tables, and the search of its bytes. */
import { type CandidateLines, type CandidateTemplate, candidateLines, candidateTemplates } from './candidates.ts'
import type { ChunkView } from './chunk-decode.ts'
import { ColumnOracle } from './column-oracle.ts'
import type { Prior } from './prior.ts'
import { compileMatcher, type Matcher } from './search/matcher.ts'
import { renderSome } from './some-lines.ts'
import { TextFilter } from './text-filter.ts'

/** What is searched for; names follow GNU grep. */
export interface GrepQuery {
  /** Patterns, of which one must match; a string is taken as UTF-8. */
  patterns: (string | Uint8Array)[]
  /** Patterns are plain bytes (-F). */
  fixed?: boolean
  ignoreCase?: boolean
  invert?: boolean
  word?: boolean
  lineRegexp?: boolean
  /** Milliseconds since 1970, included; lines without a time of their own count as the line before. */
  since?: number
  until?: number
}

/** Selected lines of a chunk. */
export interface GrepHits {
  /** Numbers of the lines within the chunk, ascending. */
  lines: Int32Array
  /** The lines, each with a line feed. */
  bytes: Uint8Array
  /** Where each line starts, and the end of the last. */
  offsets: Uint32Array
}

/** Hits of a chunk that has none. */
export function noHits(): GrepHits {
  return { lines: new Int32Array(0), bytes: new Uint8Array(0), offsets: new Uint32Array(1) }
}

let compiled: { key: string; matcher: Matcher; filter: TextFilter } | undefined

/** The matcher of a query. */
export function matcherOf(query: GrepQuery): Matcher {
  return compiledOf(query).matcher
}

/** The filter of a query. */
export function filterOf(query: GrepQuery): TextFilter {
  return compiledOf(query).filter
}

/** The last query is kept, because each chunk asks for it. */
function compiledOf(query: GrepQuery): { matcher: Matcher; filter: TextFilter } {
  const key = JSON.stringify({ ...query, patterns: query.patterns.map((p) => (typeof p === 'string' ? p : [...p])) })
  if (compiled?.key !== key) {
    const matcher = compileMatcher(query)
    compiled = { key, matcher, filter: new TextFilter(matcher) }
  }
  return compiled
}

/** Templates whose lines may be selected, from a chunk's templates and dictionaries; the search is not inverted. */
export function templatesToSearch(view: ChunkView, prior: Prior, matcher: Matcher): CandidateTemplate[] {
  return candidateTemplates(view, new ColumnOracle(view, prior), matcher)
}

/** Search a chunk: the lines that may be selected where they are few, else all. */
export function searchChunk(view: ChunkView, prior: Prior, matcher: Matcher): GrepHits {
  if (matcher.inverted) return searchBytes(view.render(), matcher)
  return searchTemplates(view, templatesToSearch(view, prior, matcher), matcher)
}

/** The same where it is known which templates may have selected lines. */
export function searchTemplates(view: ChunkView, templates: readonly CandidateTemplate[], matcher: Matcher): GrepHits {
  const candidates = candidateLines(view, templates, matcher)
  return candidates === undefined ? searchBytes(view.render(), matcher) : searchLines(view, candidates, matcher)
}

/** The selected among some lines of a chunk. */
export function searchLines(view: ChunkView, { lines, areSure }: CandidateLines, matcher: Matcher): GrepHits {
  const { bytes, offsets } = renderSome(view, lines)
  if (areSure) return { lines, bytes, offsets }
  const kept: number[] = []
  for (let i = 0; i < lines.length; i++) {
    // An unfinished last line has got a newline as well.
    if (matcher.test(bytes, offsets[i] as number, (offsets[i + 1] as number) - 1)) kept.push(i)
  }
  return kept.length === lines.length ? { lines, bytes, offsets } : pick({ lines, bytes, offsets }, kept)
}

/** Some of the hits, by their places. */
function pick(hits: GrepHits, kept: readonly number[]): GrepHits {
  const offsets = new Uint32Array(kept.length + 1)
  const parts = kept.map((i) => hits.bytes.subarray(hits.offsets[i], hits.offsets[i + 1]))
  let total = 0
  for (const [k, part] of parts.entries()) {
    offsets[k] = total
    total += part.length
  }
  offsets[kept.length] = total
  const bytes = new Uint8Array(total)
  for (const [k, part] of parts.entries()) bytes.set(part, offsets[k])
  return { lines: Int32Array.from(kept, (i) => hits.lines[i] as number), bytes, offsets }
}

/** Search bytes for the selected lines. */
export function searchBytes(bytes: Uint8Array, matcher: Matcher): GrepHits {
  const froms: number[] = []
  const tos: number[] = []
  matcher.searchBuffer(bytes, 0, bytes.length, (from, to) => {
    froms.push(from)
    tos.push(to)
  })
  const lines = new Int32Array(froms.length)
  const offsets = new Uint32Array(froms.length + 1)
  let total = 0
  for (let i = 0; i < froms.length; i++) {
    offsets[i] = total
    total += (tos[i] as number) - (froms[i] as number) + 1
  }
  offsets[froms.length] = total
  const out = new Uint8Array(total)
  let line = 0
  let at = 0
  for (let i = 0; i < froms.length; i++) {
    const from = froms[i] as number
    while (at < from) {
      const next = bytes.indexOf(10, at)
      if (next < 0 || next >= from) break
      line++
      at = next + 1
    }
    lines[i] = line
    const to = tos[i] as number
    out.set(bytes.subarray(from, to), offsets[i] as number)
    out[(offsets[i + 1] as number) - 1] = 10
  }
  return { lines, bytes: out, offsets }
}

/** Whether a query asks for a time. */
export function asksForTime({ since, until }: GrepQuery): boolean {
  return since !== undefined || until !== undefined
}

/** Whether the first hit stands before the first line that says its time. */
export function needsTimeBefore(hits: GrepHits, times: Float64Array): boolean {
  const [first] = hits.lines
  return first !== undefined && times.subarray(0, first + 1).every((time) => Number.isNaN(time))
}

/**
 * The hits whose line, or the last one before it that says its time, lies in the time range.
 *
 * @param times of the lines that were searched, in milliseconds since 1970; NaN where a line says none
 * @param before the last time before them; where there is none, the first one that is said
 */
export function inTime(hits: GrepHits, times: Float64Array, { since, until }: GrepQuery, before?: number): GrepHits {
  const kept: number[] = []
  let line = 0
  let time = before ?? times.find((t) => !Number.isNaN(t)) ?? Number.NaN
  for (let i = 0; i < hits.lines.length; i++) {
    for (; line <= (hits.lines[i] as number); line++) if (!Number.isNaN(times[line])) time = times[line] as number
    // Where nothing says a time (NaN), everything is kept.
    if (!(since !== undefined && time < since) && !(until !== undefined && time > until)) kept.push(i)
  }
  return pick(hits, kept)
}
