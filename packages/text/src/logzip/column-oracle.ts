/** What the values of a column can be, asked before its rows are decoded. */
import type { ChunkView } from './chunk-decode.ts'
import type { Prior } from './prior.ts'
import { LiteralFinder } from './search/byte-search.ts'
import { addByte, addRange, type ByteSet, emptySet, fullSet, rangeSet, removeByte, setOf } from './search/byte-set.ts'
import type { SlotConstraint, SlotShape, TemplateShape } from './search/tokens.ts'
import { KIND } from './streams.ts'
import type { ColumnSpec } from './tables.ts'
import { staticBytes, type Template } from './templates.ts'

const DIGITS: ByteSet = /* @__PURE__ */ rangeSet(48, 57)

/** A carriage return that only some lines of a template have; it belongs to no column. */
const RETURN: SlotShape = { slot: -1, bytes: /* @__PURE__ */ rangeSet(13, 13), minLength: 0, maxLength: 1 }

export class ColumnOracle {
  readonly #view: ChunkView
  readonly #prior: Prior
  readonly #shapes: Map<number, SlotShape | { text: Uint8Array }> = new Map()
  #texts: { bytes: Uint8Array | undefined } | undefined
  readonly #answers: Map<string, boolean> = new Map()

  constructor(view: ChunkView, prior: Prior) {
    this.#view = view
    this.#prior = prior
  }

  /** A template as the planner sees it; slots are named by their columns. */
  shape(template: Template): TemplateShape {
    const { columns } = template
    const parts: (SlotShape | { text: Uint8Array })[] = []
    for (const [k, text] of staticBytes(template).entries()) {
      if (text.length > 0) parts.push({ text })
      if (k < columns.length) parts.push(this.#columnShape(columns[k] as number))
    }
    if (this.#view.hasReturns) parts.push(RETURN)
    return { parts }
  }

  /** Whether a value of a column may meet a constraint; false is certain. */
  mayMeet(constraint: SlotConstraint): boolean {
    const key = `${constraint.slot}/${constraint.how}/${constraint.ignoreCase}/${constraint.bytes}`
    let answer = this.#answers.get(key)
    if (answer === undefined) {
      const spec = this.#view.columnFacts(constraint.slot)
      answer = spec === undefined || this.#specMayMeet(spec, constraint)
      this.#answers.set(key, answer)
    }
    return answer
  }

  #specMayMeet(spec: ColumnSpec, constraint: SlotConstraint): boolean {
    if (spec.exceptions.length > 0) return true
    if (spec.kind === KIND.dict) {
      if (holds(this.#view.textsOf(spec), constraint)) return true
      if (this.#prior.texts(spec.id).length > 0 && holds(this.#prior.joined(spec.id), constraint)) return true
      const other = spec.other > 0 ? this.#view.referenceOf(spec) : undefined
      return other === undefined ? spec.other > 0 : this.mayMeet({ ...constraint, slot: other.id })
    }
    if (spec.kind === KIND.raw) {
      // The texts of all raw columns stand together, so that one of another column counts as well.
      this.#texts ??= { bytes: this.#view.rawTexts() }
      if (this.#texts.bytes === undefined || holds(this.#texts.bytes, constraint)) return true
      const other = spec.other > 0 ? this.#view.referenceOf(spec) : undefined
      return other === undefined ? spec.other > 0 : this.mayMeet({ ...constraint, slot: other.id })
    }
    if (spec.kind === KIND.const) return holds(this.#view.textsOf(spec), constraint)
    return true
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
    if (spec === undefined || spec.exceptions.length > 0) return any
    if (spec.kind === KIND.const) return { text: this.#view.textsOf(spec).slice(0, -1) }
    if (spec.kind === KIND.number) {
      const bytes = DIGITS.slice() as ByteSet
      if (spec.width === 0) addByte(bytes, 45)
      else if (spec.pad === 32) addByte(bytes, 32)
      return { slot: column, bytes, minLength: Math.max(1, spec.width), maxLength: Math.max(17, spec.width) }
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
function timePlaces(layout: string): ByteSet[] | undefined {
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

/** Whether one of the texts, each closed by a newline, meets a constraint. */
function holds(texts: Uint8Array, { how, bytes, ignoreCase }: SlotConstraint): boolean {
  if (bytes.length === 0) return true
  const finder = new LiteralFinder(bytes, ignoreCase)
  let at = 0
  for (;;) {
    const hit = finder.find(texts, at, texts.length)
    if (hit < 0) return false
    const starts = hit === 0 || texts[hit - 1] === 10
    const ends = texts[hit + bytes.length] === 10
    if (
      how === 'contains' ||
      (how === 'is' && starts && ends) ||
      (how === 'startsWith' && starts) ||
      (how === 'endsWith' && ends)
    ) {
      return true
    }
    at = hit + 1
  }
}
