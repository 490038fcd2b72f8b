import { alternatives, asLiteral, literalNode, type Node, reverseNode } from './ast.ts'
import { LiteralFinder } from './byte-search.ts'
import { LazyDfa } from './dfa.ts'
import { leafOf, orOf } from './formula.ts'
import { type LiteralPlan, planLiterals } from './literals.ts'
import { compileProgram } from './nfa.ts'
import { readPatterns } from './patterns.ts'
import { forEachMatchingLine, type LineSearch, type OnLine } from './scan.ts'
import { backtrackEngine, dfaEngine, findSpans, type SpanEngine, type SpanMode, selects } from './spans.ts'

/** What a line must match; names follow GNU grep. */
export interface MatcherOptions {
  /** Patterns, of which one must match; a string is taken as UTF-8. A line feed inside separates patterns. None match no line. */
  readonly patterns: readonly (string | Uint8Array)[]
  /** Take the patterns as plain bytes instead of extended regular expressions (grep -F). Default false. */
  readonly fixed?: boolean
  /** Take upper and lower case of ASCII letters as equal (grep -i). Default false. */
  readonly ignoreCase?: boolean
  /** A match may not touch a letter, digit or underscore (grep -w). Default false. */
  readonly word?: boolean
  /** A match must be the whole line (grep -x). Default false. */
  readonly lineRegexp?: boolean
  /** Select the lines that don't match (grep -v). Default false. */
  readonly invert?: boolean
}

/** A compiled search with the semantics of `LC_ALL=C grep -aE` (or `-aF`). Lines are given without their line feed. */
export interface Matcher {
  /** Whether the line `bytes[start, end)` is selected. */
  test(bytes: Uint8Array, start: number, end: number): boolean
  /**
   * The parts of a line that `grep -o` prints: non-empty, not overlapping, each the longest of the leftmost.
   *
   * @returns `i32[2 n]`: `[from, to)` pairs of places in `bytes`; empty for an inverted search
   */
  findAll(bytes: Uint8Array, start: number, end: number): Int32Array
  /**
   * Report the selected lines of `bytes[start, end)` in order; `start` must be the start of a line, the last line may lack its
   * line feed. `onLine(from, to)` gets a line without its line feed; if it returns false, the search ends.
   */
  searchBuffer(bytes: Uint8Array, start: number, end: number, onLine: OnLine): void
  /** What every selected line holds; nothing is required by an inverted search. */
  readonly required: LiteralPlan
  /** Whether a line is selected exactly if it meets `required`, so that it needs no test. */
  readonly exact: boolean
  readonly inverted: boolean
}

/**
 * Compile patterns as `LC_ALL=C grep -aE` reads them, GNU extensions and odd corners included.
 *
 * Without back-references `test` and `searchBuffer` take linear time, and `findAll` no more than the bytes after each match's start.
 * With them time is polynomial, and all three throw PithError `PITH_LIMIT` after 2 million steps on one line.
 * Where grep's two engines disagree (an operator behind an anchor, say), so do `test` and `findAll`; not copied are the faults of
 * its regex library with anchors inside repeated groups, with `{0,n}` before a back-reference, and the line feed that -w -x -o adds.
 *
 * @throws PithError `PITH_ARG` with the text of grep's message for a pattern that is not valid
 */
export function compileMatcher(options: MatcherOptions): Matcher {
  const { ignoreCase = false, invert = false } = options
  const lineRegexp = options.lineRegexp === true
  const word = options.word === true && !lineRegexp
  const { nodes, referring, selecting, byLibrary, literals, fixed } = readPatterns(options.patterns, {
    fixed: options.fixed === true,
    ignoreCase,
    word,
    lineRegexp,
  })
  const selector = new LazyDfa(compileProgram(selecting), true)
  let engines: SpanEngine[] | undefined
  const spanEngines = (): SpanEngine[] => {
    engines ??= buildEngines(nodes, referring, ignoreCase)
    return engines
  }
  const exact = literals !== undefined && !word && !lineRegexp
  const required = exact ? literalPlan(literals, ignoreCase) : planLiterals(selecting, ignoreCase)
  const single = exact && literals.length === 1 ? (literals[0] as Uint8Array) : undefined
  const finder =
    single === undefined || single.length === 0
      ? undefined
      : new LiteralFinder(foldLiteral(single, ignoreCase), ignoreCase)
  const matches = (bytes: Uint8Array, start: number, end: number): boolean => {
    if (finder !== undefined) return finder.find(bytes, start, end) >= 0
    if (end - start < required.minBytes || !selector.testLine(bytes, start, end)) return false
    return !byLibrary || spanEngines().some((engine) => selects(engine, bytes, start, end, word, lineRegexp))
  }
  const search: LineSearch = { selector, matches, certain: !byLibrary, finder, required }
  const mode: SpanMode = !word ? 'plain' : fixed && nodes.length > 1 ? 'fixedWord' : 'word'
  return {
    test: (bytes, start, end) => matches(bytes, start, end) !== invert,
    findAll: (bytes, start, end) => {
      if (invert || !matches(bytes, start, end)) return new Int32Array(0)
      if (lineRegexp && (fixed || options.word === true)) return Int32Array.of(...(end > start ? [start, end] : []))
      return findSpans(spanEngines(), mode, bytes, start, end)
    },
    searchBuffer: (bytes, start, end, onLine) => forEachMatchingLine(search, invert, bytes, start, end, onLine),
    required: invert ? { needs: { op: 'always' }, minBytes: 0 } : required,
    exact: exact && !invert,
    inverted: invert,
  }
}

function foldLiteral(literal: Uint8Array, ignoreCase: boolean): Uint8Array {
  return asLiteral(literalNode(literal, ignoreCase), ignoreCase) as Uint8Array
}

function literalPlan(literals: readonly Uint8Array[], ignoreCase: boolean): LiteralPlan {
  const needs = orOf(
    literals.map((literal) =>
      literal.length === 0
        ? ({ op: 'always' } as const)
        : leafOf({ bytes: foldLiteral(literal, ignoreCase), ignoreCase }),
    ),
  )
  const minBytes = literals.reduce((least, literal) => Math.min(least, literal.length), Number.MAX_SAFE_INTEGER)
  return { needs, minBytes }
}

/** One automaton for all expressions without back-references, and an engine for each of the others. */
function buildEngines(nodes: readonly Node[], referring: readonly boolean[], ignoreCase: boolean): SpanEngine[] {
  const engines: SpanEngine[] = []
  const regular = nodes.filter((_, i) => referring[i] !== true)
  if (regular.length > 0) {
    const node = alternatives(regular)
    engines.push(dfaEngine(compileProgram(node), compileProgram(reverseNode(node))))
  }
  nodes.forEach((node, i) => {
    if (referring[i] !== true) return
    engines.push(backtrackEngine(compileProgram(node, true), compileProgram(reverseNode(node)), ignoreCase))
  })
  return engines
}
