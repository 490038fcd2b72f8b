import { alternatives, literalNode, type Node, sequence } from './ast.ts'
import { invertSet, removeByte, WORD_BYTES } from './byte-set.ts'
import { parseEre } from './ere.ts'

export interface PatternFlags {
  readonly fixed: boolean
  readonly ignoreCase: boolean
  readonly word: boolean
  readonly lineRegexp: boolean
}

/** The patterns of a search as grep understands them. */
export interface PatternSet {
  /** One expression each, for the parts of a line that match. */
  readonly nodes: readonly Node[]
  /** Which of them have back-references. */
  readonly referring: readonly boolean[]
  /** Matches anywhere in a line if the line is selected; where `byLibrary`, it may match lines that are not. */
  readonly selecting: Node
  /** Whether grep's regex library decides which lines match: with back-references, `[.x.]` or `[=x=]` in any pattern. */
  readonly byLibrary: boolean
  /** The patterns as byte strings where all are such, without operators. */
  readonly literals: readonly Uint8Array[] | undefined
  /** Whether grep takes them for fixed strings: asked to, or several without operators. */
  readonly fixed: boolean
}

/** @throws PithError `PITH_ARG` with the text of grep's message for a pattern that is not valid */
export function readPatterns(given: readonly (string | Uint8Array)[], flags: PatternFlags): PatternSet {
  const { ignoreCase, word, lineRegexp } = flags
  const patterns = splitPatterns(given)
  const plain = flags.fixed ? patterns : patterns.map((pattern, i) => plainPattern(pattern, i === patterns.length - 1))
  const literals = plain.every((literal) => literal !== undefined) ? plain : undefined
  if (literals !== undefined && (flags.fixed || literals.length !== 1)) {
    const nodes = literals.map((literal) => literalNode(literal, ignoreCase))
    const selecting = wrapNode(alternatives(nodes), word, lineRegexp)
    return { nodes, referring: nodes.map(() => false), selecting, byLibrary: false, literals, fixed: true }
  }
  const parsed = patterns.map((pattern) => parseEre(pattern, 'spans', ignoreCase))
  const nodes = parsed.map(({ node }) => node)
  const referring = parsed.map(({ backReferences }) => backReferences)
  const byLibrary = parsed.some(({ backReferences, collation }) => backReferences || collation)
  const lines = parseEre(wrapPattern(patterns, word, lineRegexp), 'lines', ignoreCase).node
  const selecting = byLibrary ? wrapNode(alternatives(nodes), word, lineRegexp) : lines
  return { nodes, referring, selecting, byLibrary, literals, fixed: false }
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
function plainPattern(pattern: Uint8Array, last: boolean): Uint8Array | undefined {
  const bytes: number[] = []
  for (let i = 0; i < pattern.length; i++) {
    let byte = pattern[i] as number
    if (SPECIAL.includes(byte)) return undefined
    // A backslash at the very end of several patterns is one more plain byte to grep.
    if (byte === 0x5c && !(last && i === pattern.length - 1)) {
      byte = pattern[++i] ?? 0
      if (!ESCAPABLE.includes(byte)) return undefined
    }
    bytes.push(byte)
  }
  return Uint8Array.from(bytes)
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
