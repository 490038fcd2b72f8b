import { type AssertKind, alternatives, byteNodeSet, EMPTY, type Node, sequence } from './ast.ts'
import { type Dialect, parseBracket, patternError } from './bracket.ts'
import {
  type ByteSet,
  emptySet,
  fullSet,
  invertSet,
  lowerByte,
  removeByte,
  SPACE_BYTES,
  setOf,
  upperByte,
  WORD_BYTES,
} from './byte-set.ts'

export interface ParsedEre {
  readonly node: Node
  /** Whether back-references occur. */
  readonly backReferences: boolean
  /** Whether `[.x.]` or `[=x=]` occurs. */
  readonly collation: boolean
}

const MAX_REPEAT = 32767
const MAX_DEPTH = 500
const TOO_BIG = 'Regular expression too big'

/**
 * Parse a POSIX extended regular expression with the GNU extensions, as grep -E does in the C locale.
 *
 * In dialect `lines` a line feed separates alternatives at any depth; in dialect `spans` the caller has split the pattern there.
 *
 * @throws PithError `PITH_ARG` with the text that grep gives, also for more than 500 nested groups
 */
export function parseEre(pattern: Uint8Array, dialect: Dialect, ignoreCase: boolean): ParsedEre {
  const parser: Parser = {
    pattern,
    dialect,
    ignoreCase,
    pos: 0,
    open: 0,
    depth: 0,
    groups: 0,
    completed: 0,
    backReferences: false,
    collation: false,
  }
  const node = parseAlternatives(parser)
  return { node, backReferences: parser.backReferences, collation: parser.collation }
}

interface Parser {
  readonly pattern: Uint8Array
  readonly dialect: Dialect
  readonly ignoreCase: boolean
  pos: number
  /** Groups that are open here. */
  open: number
  depth: number
  groups: number
  /** Bit n - 1: group n is complete on the path to this place, so \n may refer to it. */
  completed: number
  backReferences: boolean
  collation: boolean
}

const STAR = 0x2a
const PLUS = 0x2b
const QUESTION = 0x3f
const OPEN = 0x28
const CLOSE = 0x29
const BRACE = 0x7b
const BAR = 0x7c
const BACKSLASH = 0x5c

function peek(p: Parser): number {
  return p.pos < p.pattern.length ? (p.pattern[p.pos] as number) : -1
}

function atBar(p: Parser): boolean {
  const byte = peek(p)
  return byte === BAR || (byte === 0x0a && p.dialect === 'lines')
}

/** Whether the branch ends here: end of the pattern, `|`, or the `)` of an open group. */
function atBranchEnd(p: Parser): boolean {
  const byte = peek(p)
  return byte < 0 || atBar(p) || (byte === CLOSE && p.open > 0)
}

function parseAlternatives(p: Parser): Node {
  const before = p.completed
  const branches = [parseBranch(p)]
  let completed = p.completed
  while (atBar(p)) {
    p.pos++
    p.completed = before
    branches.push(parseBranch(p))
    completed |= p.completed
  }
  p.completed = completed
  return alternatives(branches)
}

function parseBranch(p: Parser): Node {
  const items: Node[] = []
  while (!atBranchEnd(p)) items.push(p.dialect === 'lines' ? parseLinesItem(p) : parseSpansItem(p))
  return sequence(items)
}

/** An operator without an operand repeats the empty expression. */
function parseLinesItem(p: Parser): Node {
  const byte = peek(p)
  const bare =
    byte === STAR || byte === PLUS || byte === QUESTION || (byte === BRACE && readInterval(p)?.valid === true)
  let node = bare ? EMPTY : parseAtom(p)
  let depth = p.depth
  for (;;) {
    const bounds = readRepeat(p)
    if (bounds === undefined || !bounds.valid) return node
    p.pos = bounds.end
    node = repeatNode(node, bounds.min, bounds.max)
    if (++depth > MAX_DEPTH && node.kind === 'repeat') depth = checkNesting(p, node)
  }
}

/** An operator without an operand is dropped, of an interval only its brace; anchors take no operator. */
function parseSpansItem(p: Parser): Node {
  let byte = peek(p)
  let dropped = false
  while (byte === STAR || byte === PLUS || byte === QUESTION || byte === BRACE) {
    p.pos++
    dropped = true
    byte = peek(p)
  }
  if (byte < 0 || byte === BAR) return EMPTY
  let node: Node
  if (dropped && byte === CLOSE) {
    p.pos++
    node = byteNode(p, CLOSE)
  } else {
    node = parseAtom(p)
    if (node.kind === 'assert') return node
  }
  // A brace that opens no interval is a literal, which the operators after it repeat.
  const items: Node[] = []
  let depth = p.depth
  for (;;) {
    const bounds = readRepeat(p)
    if (bounds === undefined) return sequence([...items, node])
    if (bounds.error) throw patternError('Invalid content of \\{\\}', p.pattern)
    if (!bounds.valid) {
      p.pos++
      items.push(node)
      node = byteNode(p, BRACE)
      continue
    }
    p.pos = bounds.end
    node = repeatNode(node, bounds.min, bounds.max)
    if (++depth > MAX_DEPTH && node.kind === 'repeat') depth = checkNesting(p, node)
  }
}

function checkNesting(p: Parser, node: Node): number {
  let depth = 0
  for (let at = node; at.kind === 'repeat'; at = at.item) depth++
  if (depth > MAX_DEPTH) throw patternError(TOO_BIG, p.pattern)
  return depth
}

function repeatNode(item: Node, min: number, max: number): Node {
  if (item.kind === 'empty' || max === 0) return EMPTY
  if (min === 1 && max === 1) return item
  // Chains of *, + and ? are one operator.
  if (item.kind === 'repeat' && min <= 1 && item.min <= 1 && Math.abs(max) === 1 && Math.abs(item.max) === 1) {
    const bounded = max === 1 && item.max === 1
    return { kind: 'repeat', item: item.item, min: min * item.min, max: bounded ? 1 : -1 }
  }
  return { kind: 'repeat', item, min, max }
}

interface Repeat {
  readonly valid: boolean
  /** Not an interval and not to be taken as a literal either. */
  readonly error: boolean
  readonly min: number
  readonly max: number
  readonly end: number
}

function readRepeat(p: Parser): Repeat | undefined {
  switch (peek(p)) {
    case STAR:
      return { valid: true, error: false, min: 0, max: -1, end: p.pos + 1 }
    case PLUS:
      return { valid: true, error: false, min: 1, max: -1, end: p.pos + 1 }
    case QUESTION:
      return { valid: true, error: false, min: 0, max: 1, end: p.pos + 1 }
    case BRACE:
      return readInterval(p)
    default:
      return undefined
  }
}

/** Read `{n}`, `{n,}`, `{,m}`, `{n,m}` at the brace. */
function readInterval(p: Parser): Repeat {
  const { pattern } = p
  const literal: Repeat = { valid: false, error: false, min: 0, max: 0, end: p.pos }
  const broken: Repeat = { valid: false, error: true, min: 0, max: 0, end: p.pos }
  const first = readNumber(pattern, p.pos + 1)
  if (first.value === -1 && pattern[first.end] === 0x7d) return broken
  const min = first.value < 0 ? 0 : first.value
  let max = min
  let end = first.end
  if (pattern[end] === 0x2c) {
    const second = readNumber(pattern, end + 1)
    max = second.value
    end = second.end
    if (pattern[end] === 0x2c) return broken
  }
  if (pattern[end] !== 0x7d) return literal
  if (max >= 0 && max < min) return broken
  if (Math.max(min, max) > MAX_REPEAT) throw patternError(TOO_BIG, pattern)
  return { valid: true, error: false, min, max, end: end + 1 }
}

function readNumber(pattern: Uint8Array, start: number): { value: number; end: number } {
  let value = -1
  let end = start
  while (end < pattern.length) {
    const digit = (pattern[end] as number) - 0x30
    if (digit < 0 || digit > 9) break
    value = Math.min(MAX_REPEAT + 1, Math.max(value, 0) * 10 + digit)
    end++
  }
  return { value, end }
}

function byteNode(p: Parser, byte: number): Node {
  return { kind: 'set', set: byteNodeSet(byte, p.ignoreCase) }
}

function withoutLineFeed(set: ByteSet): ByteSet {
  removeByte(set, 0x0a)
  return set
}

function complement(set: ByteSet): ByteSet {
  const result = set.slice()
  invertSet(result)
  return withoutLineFeed(result)
}

function parseAtom(p: Parser): Node {
  const byte = peek(p)
  p.pos++
  switch (byte) {
    case OPEN:
      return parseGroup(p)
    case 0x5b: {
      const { set, end, named } = parseBracket(p.pattern, p.pos, p.dialect, p.ignoreCase)
      p.pos = end
      p.collation ||= named
      return { kind: 'set', set }
    }
    case 0x2e:
      return { kind: 'set', set: withoutLineFeed(fullSet()) }
    case 0x5e:
      return { kind: 'assert', what: 'lineStart' }
    case 0x24:
      return { kind: 'assert', what: 'lineEnd' }
    case BACKSLASH:
      return parseEscape(p)
    default:
      return byteNode(p, byte)
  }
}

function parseGroup(p: Parser): Node {
  const index = ++p.groups
  if (++p.depth > MAX_DEPTH) throw patternError(TOO_BIG, p.pattern)
  p.open++
  const item = peek(p) === CLOSE ? EMPTY : parseAlternatives(p)
  if (peek(p) !== CLOSE) throw patternError('Unmatched ( or \\(', p.pattern)
  p.pos++
  p.open--
  p.depth--
  if (index <= 9) p.completed |= 1 << (index - 1)
  return { kind: 'group', index, item }
}

const ESCAPED_ASSERTS: Readonly<Record<number, AssertKind>> = {
  60: 'wordStart',
  62: 'wordEnd',
  98: 'wordEdge',
  66: 'notWordEdge',
  96: 'lineStart',
  39: 'textEnd',
}

function parseEscape(p: Parser): Node {
  const byte = peek(p)
  if (byte < 0) throw patternError('Trailing backslash', p.pattern)
  p.pos++
  const what = ESCAPED_ASSERTS[byte]
  if (what !== undefined) return { kind: 'assert', what }
  switch (byte) {
    case 0x77:
      return { kind: 'set', set: WORD_BYTES.slice() }
    case 0x57:
      return { kind: 'set', set: complement(WORD_BYTES) }
    case 0x73:
      return { kind: 'set', set: withoutLineFeed(SPACE_BYTES.slice()) }
    case 0x53:
      return { kind: 'set', set: complement(SPACE_BYTES) }
    default:
      break
  }
  if (byte >= 0x31 && byte <= 0x39) {
    const index = byte - 0x30
    const known = ((p.completed >> (index - 1)) & 1) === 1
    if (p.dialect === 'spans' && !known) throw patternError('Invalid back reference', p.pattern)
    p.backReferences = true
    return { kind: 'back', index }
  }
  // The regex library folds the line to upper case, but not a byte behind a backslash.
  const fold = p.ignoreCase && p.dialect === 'spans'
  if (fold && lowerByte(byte) !== byte) return { kind: 'set', set: setOf(byte, lowerByte(byte)) }
  return fold && upperByte(byte) !== byte ? { kind: 'set', set: emptySet() } : byteNode(p, byte)
}
