/** What the values of a column can be, asked before its rows are decoded. */
import type { ChunkView } from './chunk-decode.ts'
import { MAX_LEFT } from './keyed.ts'
import { numberLengths, numberMayMeet } from './number-bounds.ts'
import type { Prior } from './prior.ts'
import { LiteralFinder } from './search/byte-search.ts'
import { addByte, addRange, type ByteSet, emptySet, fullSet, rangeSet, removeByte, setOf } from './search/byte-set.ts'
import type { SlotConstraint, SlotShape, TemplateShape } from './search/tokens.ts'
import { placesMayMeet } from './search/tokens.ts'
import { KIND } from './streams.ts'
import type { ColumnSpec } from './tables.ts'
import { staticBytes, type Template } from './templates.ts'
import { tableOf } from './text-table.ts'

/** The texts of all raw columns together, where slots are asked for. */
const RAW_TEXTS = -2

const WAYS: readonly SlotConstraint['how'][] = ['is', 'startsWith', 'endsWith', 'contains']

const DIGITS: ByteSet = /* @__PURE__ */ rangeSet(48, 57)

/** A carriage return that only some lines of a template have; it belongs to no column. */
const RETURN: SlotShape = { slot: -1, bytes: /* @__PURE__ */ rangeSet(13, 13), minLength: 0, maxLength: 1 }

export class ColumnOracle {
  readonly #view: ChunkView
  readonly #prior: Prior
  readonly #shapes: Map<number, SlotShape | { text: Uint8Array }> = new Map()
  #texts: { bytes: Uint8Array | undefined } | undefined
  /** By the bytes of the literal, then by slot, kind and place of the constraint. */
  readonly #answers: Map<ArrayBufferLike, Map<number, boolean>> = new Map()
  readonly #finders: Map<ArrayBufferLike, LiteralFinder> = new Map()

  constructor(view: ChunkView, prior: Prior) {
    this.#view = view
    this.#prior = prior
  }

  /** A template as the planner sees it; slots are named by their columns. */
  shape(template: Template): TemplateShape {
    const { columns } = template
    const parts: (SlotShape | { text: Uint8Array })[] = []
    const texts = staticBytes(template)
    for (let k = 0; k < texts.length; k++) {
      const text = texts[k] as Uint8Array
      if (text.length > 0) parts.push({ text })
      if (k < columns.length) parts.push(this.#columnShape(columns[k] as number))
    }
    if (this.#view.hasReturns) parts.push(RETURN)
    return { parts }
  }

  /** Whether a value of a column may meet a constraint; false is certain. */
  mayMeet(constraint: SlotConstraint): boolean {
    return this.#remember(constraint, constraint.slot, () => {
      const spec = this.#view.columnFacts(constraint.slot)
      return spec === undefined || this.#specMayMeet(spec, constraint)
    })
  }

  #remember({ how, bytes }: SlotConstraint, slot: number, answerOf: () => boolean): boolean {
    let answers = this.#answers.get(bytes.buffer)
    if (answers === undefined) this.#answers.set(bytes.buffer, (answers = new Map()))
    const key = ((slot + 1) * 4 + WAYS.indexOf(how)) * 2 ** 25 + bytes.byteOffset * 2 ** 12 + bytes.length
    const isShort = bytes.byteOffset + bytes.length < 2 ** 12
    let answer = isShort ? answers.get(key) : undefined
    if (answer === undefined) {
      answer = answerOf()
      if (isShort) answers.set(key, answer)
    }
    return answer
  }

  #holds(texts: Uint8Array, constraint: SlotConstraint): boolean {
    const { bytes, ignoreCase } = constraint
    return tableOf(texts).holds(constraint, () => {
      // Only whole literals are looked for in the middle of texts.
      let finder = this.#finders.get(bytes.buffer)
      if (finder?.literal.byteOffset !== bytes.byteOffset || finder.literal.length !== bytes.length) {
        this.#finders.set(bytes.buffer, (finder = new LiteralFinder(bytes, ignoreCase)))
      }
      return finder
    })
  }

  #specMayMeet(spec: ColumnSpec, constraint: SlotConstraint): boolean {
    if (spec.kind === KIND.number || spec.kind === KIND.time) {
      if (spec.exceptions.length > 0 && this.#holds(spec.own, constraint)) return true
      return spec.kind === KIND.number ? numberMayMeet(spec, constraint) : this.#timeMayMeet(spec, constraint)
    }
    if (spec.kind === KIND.dict) {
      if (this.#holds(this.#view.textsOf(spec), constraint)) return true
      if (this.#prior.texts(spec.id).length > 0 && this.#holds(this.#prior.joined(spec.id), constraint)) return true
      // All texts of a column with a key are its own.
      if (spec.other > MAX_LEFT) return false
      const other = spec.other > 0 ? this.#view.referenceOf(spec) : undefined
      return other === undefined ? spec.other > 0 : this.mayMeet({ ...constraint, slot: other.id })
    }
    if (spec.kind === KIND.raw) {
      // The texts of all raw columns stand together, so that one of another column counts as well.
      this.#texts ??= { bytes: this.#view.rawTexts() }
      const { bytes } = this.#texts
      if (bytes === undefined || this.#remember(constraint, RAW_TEXTS, () => this.#holds(bytes, constraint)))
        return true
      const other = spec.other > 0 ? this.#view.referenceOf(spec) : undefined
      return other === undefined ? spec.other > 0 : this.mayMeet({ ...constraint, slot: other.id })
    }
    if (spec.kind === KIND.const) return this.#holds(this.#view.textsOf(spec), constraint)
    return true
  }

  #timeMayMeet(spec: ColumnSpec, constraint: SlotConstraint): boolean {
    const places = timePlaces(this.#view.layoutOf(spec))
    return places === undefined || placesMayMeet(places, constraint)
  }

  #columnShape(column: number): SlotShape | { text: Uint8Array } {
    let shape = this.#shapes.get(column)
    if (shape === undefined) {
      shape = this.#makeShape(column)
      this.#shapes.set(column, shape)
    }
    return shape
  }

  #makeShape(column: number): SlotShape | { text: Uint8Array } {
    const any: SlotShape = { slot: column, bytes: withoutNewline(), minLength: 0, maxLength: Number.POSITIVE_INFINITY }
    const spec = this.#view.columnFacts(column)
    if (spec === undefined) return any
    if (spec.exceptions.length > 0) return { ...any, minLength: 1 }
    if (spec.kind === KIND.const) return { text: this.#view.textsOf(spec).slice(0, -1) }
    if (spec.kind === KIND.number) {
      const bytes = DIGITS.slice() as ByteSet
      if (spec.width === 0) addByte(bytes, 45)
      else if (spec.pad === 32) addByte(bytes, 32)
      const { least, most } = numberLengths(spec)
      return { slot: column, bytes, minLength: least, maxLength: most }
    }
    if (spec.kind === KIND.time) {
      const layout = timePlaces(this.#view.layoutOf(spec))
      const range = { minLength: 4, maxLength: 64 }
      if (layout === undefined) return { slot: column, bytes: timeBytes(this.#view.layoutOf(spec)), ...range }
      return { slot: column, bytes: any.bytes, ...range, layout }
    }
    return any
  }
}

function withoutNewline(): ByteSet {
  const bytes = fullSet()
  removeByte(bytes, 10)
  return bytes
}

const ANY_DIGIT: readonly number[] = [48, 57]

/** Bounds of the bytes of a field, place by place. */
const FIELD_PLACES: Readonly<Record<string, readonly (readonly number[])[]>> = {
  Y: [ANY_DIGIT, ANY_DIGIT, ANY_DIGIT, ANY_DIGIT],
  y: [ANY_DIGIT, ANY_DIGIT],
  m: [[48, 49], ANY_DIGIT],
  d: [[48, 51], ANY_DIGIT],
  e: [[32, 32, 49, 51], ANY_DIGIT],
  H: [[48, 50], ANY_DIGIT],
  M: [[48, 53], ANY_DIGIT],
  S: [[48, 53], ANY_DIGIT],
  b: [
    [65, 90],
    [97, 122],
    [97, 122],
  ],
  a: [
    [65, 90],
    [97, 122],
    [97, 122],
  ],
}

/** Bytes at each place of a time, undefined where a field has no fixed width. */
export function timePlaces(layout: string): ByteSet[] | undefined {
  const places: ByteSet[] = []
  for (let i = 0; i < layout.length; i++) {
    const c = layout[i] as string
    if (c === '%') places.push(setOf(layout.charCodeAt(++i)))
    else if (c >= '1' && c <= '6') for (let k = 0; k < Number(c); k++) places.push(rangeSet(48, 57))
    else if (/[0-9A-Za-z]/.test(c)) {
      const own = FIELD_PLACES[c]
      if (own === undefined) return undefined
      for (const bounds of own) places.push(rangeSet(...bounds))
    } else places.push(setOf(c.charCodeAt(0)))
  }
  return places
}

function timeBytes(layout: string): ByteSet {
  const bytes = emptySet()
  for (let i = 0; i < layout.length; i++) {
    const c = layout.charCodeAt(i)
    if (c === 37) {
      // Both cases, for a search that ignores it.
      addByte(bytes, layout.charCodeAt(++i) | 32)
      addByte(bytes, layout.charCodeAt(i) & ~32)
      addByte(bytes, layout.charCodeAt(i))
    } else if (layout[i] === 'a' || layout[i] === 'b')
      for (const [from, to] of [
        [65, 90],
        [97, 122],
      ] as const)
        addRange(bytes, from, to)
    else if (/[0-9A-Za-z]/.test(layout[i] as string)) {
      addRange(bytes, 48, 57)
      addByte(bytes, 32)
    } else addByte(bytes, c)
  }
  return bytes
}
