import { type ByteSet, hasByte, lowerByte, upperByte } from './byte-set.ts'
import { ALWAYS, andOf, type Formula, leafOf, MAYBE, mapFormula, NEVER, orOf } from './formula.ts'
import type { Literal, LiteralPlan } from './literals.ts'

/** Whether the tokeniser takes a byte into a token: a digit, an ASCII letter, or a byte >= 0x80. */
export function isTokenByte(byte: number): boolean {
  return byte >= 0x80 || (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a)
}

/** A run of token bytes, or of delimiters, in a literal; `[from, to)`. */
export interface Piece {
  readonly from: number
  readonly to: number
  readonly token: boolean
  /** Whether the token in the line may go on before or behind the piece: only so at the ends of the literal. */
  readonly openStart: boolean
  readonly openEnd: boolean
}

/** Split a literal where the tokeniser would split a line that holds it. */
export function splitLiteral(literal: Uint8Array): Piece[] {
  const pieces: Piece[] = []
  for (let from = 0; from < literal.length; ) {
    const token = isTokenByte(literal[from] as number)
    let to = from + 1
    while (to < literal.length && isTokenByte(literal[to] as number) === token) to++
    pieces.push({ from, to, token, openStart: token && from === 0, openEnd: token && to === literal.length })
    from = to
  }
  return pieces
}

/** What is known of the values of one variable part of a template. */
export interface SlotShape {
  readonly slot: number
  /** Bytes that its values may hold. */
  readonly bytes: ByteSet
  /** Lengths of its values in bytes, both included; `maxLength` may be Infinity. */
  readonly minLength: number
  readonly maxLength: number
  /** For values of one length: the bytes that may stand at each place. Takes the place of the three fields above. */
  readonly layout?: readonly ByteSet[]
}

/** A line as its static text and its variable parts, in order. */
export interface TemplateShape {
  readonly parts: readonly ({ readonly text: Uint8Array } | SlotShape)[]
}

/** The value of a slot is, starts with, ends with or holds `bytes` (lower case, either case matches, if `ignoreCase`). */
export interface SlotConstraint {
  readonly slot: number
  readonly how: 'is' | 'startsWith' | 'endsWith' | 'contains'
  readonly bytes: Uint8Array
  readonly ignoreCase: boolean
}

/** Above this many ways to lay a literal over a template none is listed. */
const MAX_ALIGNMENTS = 256
const MAX_STEPS = 20_000

/**
 * Decide whether lines of a template can hold a literal.
 *
 * @returns `never`: no line does; `always`: every line does; a list of ways in which the literal can lie over slots, each the slot
 * constraints that together are enough: a line holds the literal exactly if one of the ways applies; `maybe`: there are
 * more than 256 ways, or so many that not all were tried
 */
export function matchTemplate(
  literal: Literal,
  shape: TemplateShape,
): 'never' | 'always' | 'maybe' | SlotConstraint[][] {
  const { bytes, ignoreCase } = literal
  const { parts } = shape
  if (bytes.length === 0) return 'always'
  const walk: Walk = { bytes, ignoreCase, parts, found: new Map(), steps: 0 }
  for (let part = 0; part < parts.length; part++) {
    const at = parts[part] as TemplateShape['parts'][number]
    if ('text' in at) {
      const { text } = at
      const first = bytes[0] as number
      for (let offset = 0; offset < text.length; offset++) {
        const byte = text[offset] as number
        if ((ignoreCase ? lowerByte(byte) : byte) === first) alignText(walk, part, offset, 0, NO_WAY)
      }
    } else {
      if (fits(at, bytes, 0, bytes.length, ignoreCase, 'contains')) {
        keep(walk, [{ slot: at.slot, how: 'contains', bytes, ignoreCase }])
      }
      for (const length of tailLengths(walk, part, at)) {
        const constraint: SlotConstraint = {
          slot: at.slot,
          how: 'endsWith',
          bytes: bytes.subarray(0, length),
          ignoreCase,
        }
        align(walk, part + 1, length, [constraint])
      }
    }
    if (walk.found.has('')) return 'always'
    if (walk.steps > MAX_STEPS || walk.found.size > MAX_ALIGNMENTS) return 'maybe'
  }
  return walk.found.size === 0 ? 'never' : [...walk.found.values()]
}

/** A slot constraint for every way in which the lines of a template can meet a plan; `maybe` where that isn't known. */
export function planTemplate(plan: LiteralPlan, shape: TemplateShape): Formula<SlotConstraint> {
  let longest = 0
  for (const part of shape.parts) longest += 'text' in part ? part.text.length : lengthsOf(part).max
  if (longest < plan.minBytes) return NEVER
  return mapFormula(plan.needs, (literal) => {
    const ways = matchTemplate(literal, shape)
    if (ways === 'never') return NEVER
    if (ways === 'always') return ALWAYS
    return ways === 'maybe' ? MAYBE : orOf(ways.map((way) => andOf(way.map(leafOf))))
  })
}

/** Whether a value, `bytes[start, end)`, meets a constraint. */
export function meetsConstraint(constraint: SlotConstraint, bytes: Uint8Array, start: number, end: number): boolean {
  const wanted = constraint.bytes
  const room = end - start - wanted.length
  if (room < 0 || (constraint.how === 'is' && room > 0)) return false
  if (constraint.how !== 'contains')
    return agrees(constraint, bytes, constraint.how === 'endsWith' ? start + room : start)
  for (let at = start; at <= start + room; at++) if (agrees(constraint, bytes, at)) return true
  return false
}

function agrees(constraint: SlotConstraint, bytes: Uint8Array, at: number): boolean {
  const wanted = constraint.bytes
  for (let i = 0; i < wanted.length; i++) {
    const byte = bytes[at + i] as number
    if ((constraint.ignoreCase ? lowerByte(byte) : byte) !== wanted[i]) return false
  }
  return true
}

interface Walk {
  readonly bytes: Uint8Array
  readonly ignoreCase: boolean
  readonly parts: TemplateShape['parts']
  /** Ways by a key that names their constraints; their bytes are views of the literal. */
  readonly found: Map<string, SlotConstraint[]>
  steps: number
}

function keep(walk: Walk, way: readonly SlotConstraint[]): void {
  const key = way.map(({ slot, how, bytes }) => `${slot} ${how} ${bytes.byteOffset} ${bytes.length}`).join()
  walk.found.set(key, [...way])
}

/** Lay the literal from byte `done` on over the template from the start of `part` on. */
function align(walk: Walk, part: number, done: number, way: readonly SlotConstraint[]): void {
  const { bytes, ignoreCase } = walk
  const at = walk.parts[part]
  if (at === undefined || walk.found.size > MAX_ALIGNMENTS || walk.steps > MAX_STEPS) return
  // Long literals cost more a step.
  walk.steps += 1 + ((bytes.length - done) >> 5)
  if ('text' in at) {
    alignText(walk, part, 0, done, way)
    return
  }
  if (fits(at, bytes, done, bytes.length, ignoreCase, 'startsWith')) {
    keep(walk, [...way, { slot: at.slot, how: 'startsWith', bytes: bytes.subarray(done), ignoreCase }])
  }
  for (const length of valueLengths(at, bytes, done, ignoreCase)) {
    if (!mayGoOn(walk, part + 1, done + length)) continue
    const value = bytes.subarray(done, done + length)
    align(walk, part + 1, done + length, [...way, { slot: at.slot, how: 'is', bytes: value, ignoreCase }])
  }
}

const NO_WAY: readonly SlotConstraint[] = []

/** Whether there is a part that may go on with byte `done` of the literal: most texts don't. */
function mayGoOn({ bytes, ignoreCase, parts }: Walk, part: number, done: number): boolean {
  const at = parts[part]
  if (at === undefined) return false
  if (!('text' in at)) return true
  const byte = at.text[0] as number
  return at.text.length === 0 || (ignoreCase ? lowerByte(byte) : byte) === bytes[done]
}

function alignText(walk: Walk, part: number, offset: number, done: number, way: readonly SlotConstraint[]): void {
  const { bytes, ignoreCase } = walk
  const { text } = walk.parts[part] as { text: Uint8Array }
  const length = Math.min(text.length - offset, bytes.length - done)
  for (let i = 0; i < length; i++) {
    const byte = text[offset + i] as number
    if ((ignoreCase ? lowerByte(byte) : byte) !== bytes[done + i]) return
  }
  if (done + length === bytes.length) keep(walk, way)
  else align(walk, part + 1, done + length, way)
}

function lengthsOf(slot: SlotShape): { min: number; max: number } {
  if (slot.layout !== undefined) return { min: slot.layout.length, max: slot.layout.length }
  return { min: slot.minLength, max: slot.maxLength }
}

/** Lengths > 0 of the starts of the literal, short of the whole, that values of the slot may end with. */
function tailLengths(walk: Walk, part: number, slot: SlotShape): number[] {
  const { bytes, ignoreCase } = walk
  const lengths: number[] = []
  const longest = Math.min(bytes.length - 1, lengthsOf(slot).max)
  for (let length = 1; length <= longest; length++) {
    if (slot.layout === undefined && !admits(slot.bytes, bytes[length - 1] as number, ignoreCase)) break
    if (!mayGoOn(walk, part + 1, length)) continue
    if (slot.layout === undefined || fits(slot, bytes, 0, length, ignoreCase, 'endsWith')) lengths.push(length)
  }
  return lengths
}

/** Lengths of the whole values that the literal may hold from byte `done` on, with more of the literal behind them. */
function valueLengths(slot: SlotShape, bytes: Uint8Array, done: number, ignoreCase: boolean): number[] {
  const lengths: number[] = []
  const { min, max } = lengthsOf(slot)
  const longest = Math.min(bytes.length - done - 1, max)
  for (let length = 0; length <= longest; length++) {
    if (length > 0 && slot.layout === undefined && !admits(slot.bytes, bytes[done + length - 1] as number, ignoreCase))
      break
    if (length >= min && (slot.layout === undefined || fits(slot, bytes, done, done + length, ignoreCase, 'is'))) {
      lengths.push(length)
    }
  }
  return lengths
}

/** Whether some value of the slot can be, start with, end with or hold `bytes[from, to)`. */
function fits(
  slot: SlotShape,
  bytes: Uint8Array,
  from: number,
  to: number,
  ignoreCase: boolean,
  how: SlotConstraint['how'],
): boolean {
  const { layout } = slot
  const length = to - from
  const { max } = lengthsOf(slot)
  if (length > max) return false
  if (layout === undefined) {
    for (let i = from; i < to; i++) if (!admits(slot.bytes, bytes[i] as number, ignoreCase)) return false
    return true
  }
  const first = how === 'endsWith' ? max - length : 0
  const last = how === 'contains' || how === 'endsWith' ? max - length : 0
  if (how === 'is' && length !== max) return false
  for (let place = first; place <= last; place++) {
    let i = 0
    while (i < length && admits(layout[place + i] as ByteSet, bytes[from + i] as number, ignoreCase)) i++
    if (i === length) return true
  }
  return false
}

/** Whether a value of one length, whose bytes are known place by place, may meet a constraint. */
export function placesMayMeet(layout: readonly ByteSet[], { slot, how, bytes, ignoreCase }: SlotConstraint): boolean {
  const shape: SlotShape = { slot, bytes: new Uint32Array(8), minLength: 0, maxLength: 0, layout }
  return fits(shape, bytes, 0, bytes.length, ignoreCase, how)
}

function admits(set: ByteSet, byte: number, ignoreCase: boolean): boolean {
  return hasByte(set, byte) || (ignoreCase && hasByte(set, upperByte(byte)))
}
