import { alternatives, asLiteral, literalNode, type Node, reverseNode, sequence } from './ast.ts'
import { LiteralFinder } from './byte-search.ts'
import { invertSet, removeByte, WORD_BYTES } from './byte-set.ts'
import { LazyDfa } from './dfa.ts'
import { parseEre } from './ere.ts'
import { leafOf, orOf } from './formula.ts'
import { type LiteralPlan, planLiterals } from './literals.ts'
import { compileProgram } from './nfa.ts'
import { forEachMatchingLine, type LineSearch, type OnLine } from './scan.ts'
import { backtrackEngine, dfaEngine, findSpans, type SpanEngine, type SpanMode, selects } from './spans.ts'

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
 * With them time is polynomial, and all three throw PithError `PITH_LIMIT` after 5 million steps on one line.
 * Where grep's two engines disagree (an operator behind an anchor, say), so do `test` and `findAll`; not copied are the faults of
 * its regex library with anchors inside repeated groups, with `{0,n}` before a back-reference, and the line feed that -w -x -o adds.
 *
 * @throws PithError `PITH_ARG` with the text of grep's message for a pattern that is not valid
 */
export function compileMatcher(options: MatcherOptions): Matcher {
  const { ignoreCase = false, invert = false } = options
  const lineRegexp = options.lineRegexp === true
  const word = options.word === true && !lineRegexp
  const given = splitPatterns(options.patterns)
  const literals = options.fixed === true ? given : given.map(plainPattern)
  // grep hands several plain patterns to its fixed-string matcher, whose -w differs in detail, and one fixed string with -w the
  // other way.
  const fixed = options.fixed === true || (given.length > 1 && literals.every((literal) => literal !== undefined))
  const patterns = fixed ? (literals as Uint8Array[]) : given
  const parsed = fixed ? [] : patterns.map((pattern) => parseEre(pattern, 'spans', ignoreCase))
  const spansOf = (at: number): Node =>
    fixed ? literalNode(patterns[at] as Uint8Array, ignoreCase) : (parsed[at]?.node as Node)
  const selecting = fixed
    ? wrapNode(alternatives(patterns.map((_, at) => spansOf(at))), word, lineRegexp)
    : patterns.length === 0
      ? alternatives([])
      : parseEre(wrapPattern(patterns, word, lineRegexp), 'lines', ignoreCase).node
  const selector = new LazyDfa(compileProgram(selecting), true)

  const referring = patterns.map((_, at) => at).filter((at) => parsed[at]?.backReferences === true)
  const regular = patterns.map((_, at) => at).filter((at) => !referring.includes(at))
  const mode: SpanMode = !word ? 'plain' : fixed && patterns.length > 1 ? 'fixedWord' : 'word'
  let engines: SpanEngine[] | undefined
  const spanEngines = (): SpanEngine[] => {
    engines ??= [
      ...(regular.length === 0 ? [] : [regularEngine(alternatives(regular.map(spansOf)))]),
      ...referring.map((at) => referringEngine(spansOf(at), ignoreCase)),
    ]
    return engines
  }

  // What the line matcher of grep can't do goes to the regex library, and then all patterns do.
  const select = parsed.some((ere) => ere.backReferences || ere.collation)
    ? (bytes: Uint8Array, start: number, end: number): boolean =>
        spanEngines().some((engine) => selects(engine, bytes, start, end, word, lineRegexp))
    : undefined

  const whole = literals.every((literal) => literal !== undefined) && !word && !lineRegexp
  const required = whole ? literalPlan(literals as Uint8Array[], ignoreCase) : planLiterals(selecting, ignoreCase)
  const single = whole && literals.length === 1 ? (literals[0] as Uint8Array) : undefined
  const finder =
    single === undefined || single.length === 0
      ? undefined
      : new LiteralFinder(foldLiteral(single, ignoreCase), ignoreCase)
  const matches = (bytes: Uint8Array, start: number, end: number): boolean => {
    if (finder !== undefined) return finder.find(bytes, start, end) >= 0
    if (end - start < required.minBytes || !selector.testLine(bytes, start, end)) return false
    return select === undefined || select(bytes, start, end)
  }
  const search: LineSearch = { selector, matches, certain: select === undefined, finder, required }
  return {
    test: (bytes, start, end) => matches(bytes, start, end) !== invert,
    findAll: (bytes, start, end) => {
      if (invert || !matches(bytes, start, end)) return new Int32Array(0)
      if (lineRegexp && (fixed || options.word === true)) return Int32Array.of(...(end > start ? [start, end] : []))
      return findSpans(spanEngines(), mode, bytes, start, end)
    },
    searchBuffer: (bytes, start, end, onLine) => forEachMatchingLine(search, invert, bytes, start, end, onLine),
    required: invert ? { needs: { op: 'always' }, minBytes: 0 } : required,
    exact: whole && !invert,
    inverted: invert,
  }
}

function splitPatterns(given: readonly (string | Uint8Array)[]): Uint8Array[] {
  const encoder = new TextEncoder()
  const patterns: Uint8Array[] = []
  const known = new Set<string>()
  for (const pattern of given) {
    const bytes = typeof pattern === 'string' ? encoder.encode(pattern) : pattern
    for (let from = 0; from <= bytes.length; ) {
      const found = bytes.indexOf(0x0a, from)
      const to = found < 0 ? bytes.length : found
      const part = bytes.slice(from, to)
      if (!known.has(part.join())) patterns.push(part)
      known.add(part.join())
      from = to + 1
    }
  }
  return patterns
}

const SPECIAL = /* @__PURE__ */ new TextEncoder().encode('$*.[^(+?{|')
const ESCAPABLE = /* @__PURE__ */ new TextEncoder().encode('$*.[\\^(+?{|')

/** The bytes that an expression without operators stands for, else undefined. */
function plainPattern(pattern: Uint8Array): Uint8Array | undefined {
  const bytes: number[] = []
  for (let i = 0; i < pattern.length; i++) {
    let byte = pattern[i] as number
    if (SPECIAL.includes(byte)) return undefined
    if (byte === 0x5c) {
      byte = pattern[++i] ?? 0
      if (!ESCAPABLE.includes(byte)) return undefined
    }
    bytes.push(byte)
  }
  return Uint8Array.from(bytes)
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

const WORD_OPEN = '(^|[^[:alnum:]_])('
const WORD_CLOSE = ')([^[:alnum:]_]|$)'

/** grep wraps the text, not the parsed expression, so that a stray `)` closes the wrapper's group. */
function wrapPattern(patterns: readonly Uint8Array[], word: boolean, lineRegexp: boolean): Uint8Array {
  const encoder = new TextEncoder()
  const open = encoder.encode(lineRegexp ? '^(' : word ? WORD_OPEN : '')
  const close = encoder.encode(lineRegexp ? ')$' : word ? WORD_CLOSE : '')
  const length = patterns.reduce((sum, pattern) => sum + pattern.length + 1, -1)
  const text = new Uint8Array(open.length + length + close.length)
  text.set(open)
  let at = open.length
  for (let i = 0; i < patterns.length; i++) {
    if (i > 0) text[at++] = 0x0a
    text.set(patterns[i] as Uint8Array, at)
    at += (patterns[i] as Uint8Array).length
  }
  text.set(close, text.length - close.length)
  return text
}

function wrapNode(node: Node, word: boolean, lineRegexp: boolean): Node {
  const lineStart: Node = { kind: 'assert', what: 'lineStart' }
  const lineEnd: Node = { kind: 'assert', what: 'lineEnd' }
  if (lineRegexp) return sequence([lineStart, node, lineEnd])
  if (!word) return node
  const set = WORD_BYTES.slice()
  invertSet(set)
  removeByte(set, 0x0a)
  const other: Node = { kind: 'set', set }
  return sequence([alternatives([lineStart, other]), node, alternatives([other, lineEnd])])
}

function regularEngine(node: Node): SpanEngine {
  return dfaEngine(compileProgram(node), compileProgram(reverseNode(node)))
}

function referringEngine(node: Node, ignoreCase: boolean): SpanEngine {
  return backtrackEngine(compileProgram(node, true), compileProgram(reverseNode(node)), ignoreCase)
}
