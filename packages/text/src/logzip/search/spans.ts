import { lineBudget, matchEnds } from './backtrack.ts'
import { isWordByte } from './byte-set.ts'
import { LazyDfa } from './dfa.ts'
import type { Program } from './nfa.ts'

/** Finds the parts of a line that one expression matches. */
export interface SpanEngine {
  /** Begin with a line: `marks[i]` becomes 1 where a match may start at `start + i`; room for `end - start + 1`. */
  mark(bytes: Uint8Array, start: number, end: number, marks: Uint8Array): void
  /** End of the longest match from `from` that reaches to `limit` at most, or -1; the line is `bytes[start, end)`. */
  longest(bytes: Uint8Array, start: number, from: number, limit: number, end: number): number
  /** Whether there is a match from `from`. */
  some(bytes: Uint8Array, start: number, from: number, end: number): boolean
  /** All ends of matches from `from`, ascending. */
  ends(bytes: Uint8Array, start: number, from: number, end: number): number[]
  /** Whether a match depends on where the line is cut behind it. */
  readonly looksAround: boolean
}

/** Whether a line is selected by an engine alone, as grep decides it for expressions with back-references. */
export function selects(
  engine: SpanEngine,
  bytes: Uint8Array,
  start: number,
  end: number,
  word: boolean,
  lineRegexp: boolean,
): boolean {
  const marks = new Uint8Array(end - start + 1)
  engine.mark(bytes, start, end, marks)
  if (lineRegexp) return marks[0] === 1 && engine.longest(bytes, start, start, end, end) === end
  const line: Line = { bytes, start, end, marks: [marks] }
  if (word) return findWord(engine, line, 0, start) !== undefined
  for (let from = nextMark(line, 0, start); from >= 0; from = nextMark(line, 0, from + 1)) {
    if (engine.some(bytes, start, from, end)) return true
  }
  return false
}

export function dfaEngine(forward: Program, backward: Program): SpanEngine {
  const ahead = new LazyDfa(forward, false)
  const back = new LazyDfa(backward, true)
  return {
    mark: (bytes, start, end, marks) => back.markStarts(bytes, start, end, marks),
    longest: (bytes, start, from, limit, end) => ahead.longest(bytes, start, from, limit, end),
    ends: (bytes, start, from, end) => {
      const ends: number[] = []
      ahead.longest(bytes, start, from, end, end, ends)
      return ends
    },
    some: (bytes, start, from, end) => ahead.longest(bytes, start, from, end, end) >= 0,
    looksAround: forward.hasAsserts,
  }
}

/** @param backward a program for a superset of the reversed expression */
export function backtrackEngine(captures: Program, backward: Program, ignoreCase: boolean): SpanEngine {
  const back = new LazyDfa(backward, true)
  let budget = lineBudget()
  const ends = (bytes: Uint8Array, start: number, from: number, limit: number, end: number, any: boolean): number[] =>
    matchEnds(captures, ignoreCase, bytes, start, from, limit, end, any, budget)
  return {
    mark: (bytes, start, end, marks) => {
      budget = lineBudget()
      back.markStarts(bytes, start, end, marks)
    },
    longest: (bytes, start, from, limit, end) => ends(bytes, start, from, limit, end, false).at(-1) ?? -1,
    ends: (bytes, start, from, end) => ends(bytes, start, from, end, end, false),
    some: (bytes, start, from, end) => ends(bytes, start, from, end, end, true).length > 0,
    looksAround: captures.hasAsserts,
  }
}

/** A line with the places where the engines may start, in the order of the engines. */
interface Line {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  readonly marks: readonly Uint8Array[]
}

/** How matches are chosen: all, or those between non-word bytes as grep finds them by expression or by fixed string. */
export type SpanMode = 'plain' | 'word' | 'fixedWord'

/**
 * All non-empty matches in a line from left to right, each the longest of the leftmost.
 *
 * @returns `[from, to)` pairs
 */
export function findSpans(
  engines: readonly SpanEngine[],
  mode: SpanMode,
  bytes: Uint8Array,
  start: number,
  end: number,
): Int32Array {
  const marks = engines.map((engine) => {
    const own = new Uint8Array(end - start + 1)
    engine.mark(bytes, start, end, own)
    return own
  })
  const line: Line = { bytes, start, end, marks }
  const find = mode === 'plain' ? findPlain : mode === 'word' ? findWord : findFixedWord
  const spans: number[] = []
  let cursor = start
  while (cursor < end) {
    let from = -1
    let to = -1
    for (let i = 0; i < engines.length; i++) {
      const found = find(engines[i] as SpanEngine, line, i, cursor)
      if (found === undefined || (from >= 0 && found.from > from)) continue
      if (from < 0 || found.from < from || found.to > to) {
        from = found.from
        to = found.to
      }
    }
    if (from < 0) break
    if (to > from) spans.push(from, to)
    cursor = Math.max(to, from + 1)
  }
  return Int32Array.from(spans)
}

interface Span {
  readonly from: number
  readonly to: number
}

function nextMark(line: Line, which: number, from: number): number {
  const place = (line.marks[which] as Uint8Array).indexOf(1, from - line.start)
  return place < 0 ? -1 : place + line.start
}

function findPlain(engine: SpanEngine, line: Line, which: number, cursor: number): Span | undefined {
  for (let from = nextMark(line, which, cursor); from >= 0; from = nextMark(line, which, from + 1)) {
    const to = engine.longest(line.bytes, line.start, from, line.end, line.end)
    if (to > from) return { from, to }
  }
  return undefined
}

function wordBefore(line: Line, place: number): boolean {
  return place > line.start && isWordByte(line.bytes[place - 1] as number)
}

function wordAfter(line: Line, place: number): boolean {
  return place < line.end && isWordByte(line.bytes[place] as number)
}

/**
 * As GNU grep does with -w: at each start the longest match, then ever shorter ones, until no word byte is beside it. Two habits of
 * grep are kept so that results agree: an empty match counts only if it is the longest from its place, and shorter
 * matches may reach less far by the distance between the line's start and `cursor`.
 */
function findWord(engine: SpanEngine, line: Line, which: number, cursor: number): Span | undefined {
  const { bytes, start, end } = line
  for (let from = nextMark(line, which, cursor); from >= 0; from = nextMark(line, which, from + 1)) {
    let to = engine.longest(bytes, start, from, end, end)
    if (to < 0) continue
    const ends = engine.looksAround || !wordAfter(line, to) ? undefined : engine.ends(bytes, start, from, end)
    while (wordAfter(line, to) || wordBefore(line, from)) {
      const limit = to - 1 - (cursor - start)
      if (to === from || limit <= from || wordBefore(line, from)) {
        to = -1
        break
      }
      to = ends === undefined ? engine.longest(bytes, start, from, limit, end) : lastAtMost(ends, limit)
      if (to <= from) {
        to = -1
        break
      }
    }
    if (to >= 0) return { from, to }
  }
  return undefined
}

/** With fixed strings every length counts, and what stands before `cursor` is not looked at. */
function findFixedWord(engine: SpanEngine, line: Line, which: number, cursor: number): Span | undefined {
  const { bytes, start, end } = line
  for (let from = nextMark(line, which, cursor); from >= 0; from = nextMark(line, which, from + 1)) {
    if (from > cursor && wordBefore(line, from)) continue
    const to = engine.ends(bytes, start, from, end).findLast((place) => !wordAfter(line, place))
    if (to !== undefined) return { from, to }
  }
  return undefined
}

/** The largest of the ascending numbers that is <= `limit`, or -1; drops the larger ones. */
function lastAtMost(ends: number[], limit: number): number {
  while (ends.length > 0 && (ends[ends.length - 1] as number) > limit) ends.pop()
  return ends[ends.length - 1] ?? -1
}
