import { PithError } from '@pith/core'
import {
  addByte,
  addRange,
  addSet,
  type ByteSet,
  emptySet,
  hasByte,
  invertSet,
  lowerByte,
  namedClass,
  removeByte,
  upperByte,
} from './byte-set.ts'

/**
 * GNU grep reads a pattern twice, by two libraries that differ in odd corners: `lines` decides which lines match, `spans` (the
 * regex library) reports errors, the parts of a line for `-o`, and back-references.
 */
export type Dialect = 'lines' | 'spans'

const MAX_NAME = 31
const UNMATCHED = 'Unmatched [, [^, [:, [., or [='
const RANGE = 'Invalid range end'

export function patternError(message: string, pattern: Uint8Array): PithError {
  let shown = ''
  for (const byte of pattern.subarray(0, 60)) shown += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?'
  if (pattern.length > 60) shown += '...'
  return new PithError('PITH_ARG', `${message} in pattern '${shown}'`, {
    hint: 'Quote special characters with \\ or search for a fixed string with -F.',
  })
}

interface Element {
  /** Byte value, or -1 for a class. */
  readonly byte: number
  readonly set?: ByteSet
  /** Equivalence classes and character classes can't bound a range. */
  readonly ranges: boolean
}

interface Cursor {
  readonly pattern: Uint8Array
  pos: number
}

/**
 * Parse a bracket expression whose `[` has just been read.
 *
 * @returns the set of bytes, the place after the closing `]`, and whether `[.x.]` or `[=x=]` occurs
 * @throws PithError `PITH_ARG` with the text that grep gives
 */
export function parseBracket(
  pattern: Uint8Array,
  start: number,
  dialect: Dialect,
  ignoreCase: boolean,
): { set: ByteSet; end: number; named: boolean } {
  const cursor: Cursor = { pattern, pos: start }
  const negated = pattern[start] === 0x5e
  if (negated) cursor.pos++
  if (cursor.pos >= pattern.length) throw patternError('Invalid regular expression', pattern)
  const listed = emptySet()
  let named = false
  const colons = { first: at(cursor, 0) === 0x3a, last: false, between: false, complex: false }
  const fold = ignoreCase && dialect === 'spans' ? upperByte : identity
  let first = true
  for (;;) {
    named ||= at(cursor, 0) === 0x5b && (at(cursor, 1) === 0x2e || at(cursor, 1) === 0x3d)
    const low = parseElement(cursor, first, fold, ignoreCase)
    first = false
    if (low.ranges && at(cursor, 0) === 0x2d && at(cursor, 1) !== 0x5d) {
      cursor.pos++
      named ||= at(cursor, 0) === 0x5b && at(cursor, 1) === 0x2e
      const high = parseElement(cursor, true, fold, ignoreCase)
      // The line matcher takes a range that is empty only before case is folded as an empty set.
      const backwards = ignoreCase ? upperByte(low.byte) > upperByte(high.byte) : low.byte > high.byte
      if (!high.ranges || backwards) throw patternError(RANGE, pattern)
      addRange(listed, low.byte, high.byte)
      colons.complex = true
    } else {
      if (low.set !== undefined) addSet(listed, low.set)
      else addByte(listed, low.byte)
      colons.complex ||= low.set !== undefined
      colons.last = low.byte === 0x3a
      colons.between ||= !colons.last
    }
    const next = at(cursor, 0)
    if (next < 0) throw patternError(UNMATCHED, pattern)
    if (next === 0x5d) break
  }
  if (dialect === 'lines' && colons.first && colons.last && colons.between && !colons.complex) {
    throw patternError('character class syntax is [[:space:]], not [:space:]', pattern)
  }
  return { set: finishSet(listed, negated, dialect, ignoreCase), end: cursor.pos + 1, named }
}

function identity(byte: number): number {
  return byte
}

function at(cursor: Cursor, ahead: number): number {
  const place = cursor.pos + ahead
  return place < cursor.pattern.length ? (cursor.pattern[place] as number) : -1
}

function parseElement(
  cursor: Cursor,
  hyphenAllowed: boolean,
  fold: (byte: number) => number,
  ignoreCase: boolean,
): Element {
  const byte = at(cursor, 0)
  if (byte < 0) throw patternError(UNMATCHED, cursor.pattern)
  const kind = at(cursor, 1)
  if (byte === 0x5b && (kind === 0x2e || kind === 0x3d || kind === 0x3a)) {
    cursor.pos += 2
    return parseSymbol(cursor, kind, fold, ignoreCase)
  }
  cursor.pos++
  if (byte === 0x2d && !hyphenAllowed && at(cursor, 0) !== 0x5d) throw patternError(RANGE, cursor.pattern)
  return { byte: fold(byte), ranges: true }
}

function parseSymbol(cursor: Cursor, kind: number, fold: (byte: number) => number, ignoreCase: boolean): Element {
  const { pattern } = cursor
  const start = cursor.pos
  let end = start
  while (!(pattern[end] === kind && pattern[end + 1] === 0x5d)) {
    if (end + 1 >= pattern.length || end - start > MAX_NAME) throw patternError(UNMATCHED, pattern)
    end++
  }
  cursor.pos = end + 2
  if (kind === 0x3a) {
    const name = String.fromCharCode(...pattern.subarray(start, end))
    const set = namedClass(ignoreCase && (name === 'upper' || name === 'lower') ? 'alpha' : name)
    if (set === undefined) throw patternError('Invalid character class name', pattern)
    return { byte: -1, set, ranges: false }
  }
  if (end - start !== 1) throw patternError('Invalid collation character', pattern)
  const byte = fold(pattern[start] as number)
  if (kind === 0x2e) return { byte, ranges: true }
  const set = emptySet()
  addByte(set, byte)
  return { byte: -1, set, ranges: false }
}

function finishSet(listed: ByteSet, negated: boolean, dialect: Dialect, ignoreCase: boolean): ByteSet {
  let set = listed
  if (ignoreCase && dialect === 'lines') {
    set = emptySet()
    for (let byte = 0; byte < 256; byte++) {
      if (!hasByte(listed, byte)) continue
      addByte(set, byte)
      addByte(set, lowerByte(byte))
      addByte(set, upperByte(byte))
    }
  }
  if (negated) invertSet(set)
  if (ignoreCase && dialect === 'spans') {
    const folded = emptySet()
    for (let byte = 0; byte < 256; byte++) if (hasByte(set, upperByte(byte))) addByte(folded, byte)
    set = folded
  }
  removeByte(set, 0x0a)
  return set
}
