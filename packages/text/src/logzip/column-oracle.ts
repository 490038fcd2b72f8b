/** What the values of a column can be, asked before its rows are decoded. */
import type { ChunkView } from './chunk-decode.ts'
import { MAX_LEFT } from './keyed.ts'
import { numberLengths, numberMayMeet } from './number-bounds.ts'
import type { Prior } from './prior.ts'
import { LiteralFinder } from './search/byte-search.ts'
import { addSet, type ByteSet, emptySet, hasByte, rangeSet, setOf, upperByte } from './search/byte-set.ts'
import type { SlotConstraint, SlotShape, TemplateShape } from './search/tokens.ts'
import { placesMayMeet } from './search/tokens.ts'
import { KIND } from './streams.ts'
import type { ColumnSpec } from './tables.ts'
import { staticBytes, type Template } from './templates.ts'
import { ANY_TEXTS, CLASS_BYTES, classOf, WORD_TEXTS } from './text-classes.ts'
import { tableOf } from './text-table.ts'

/** The texts of all raw columns of a class, where slots are asked for; those of the next class have the number before. */
const RAW_TEXTS = -2

const WAYS: readonly SlotConstraint['how'][] = ['is', 'startsWith', 'endsWith', 'contains']

const DIGITS: ByteSet = /* @__PURE__ */ rangeSet(48, 57)
const SIGNED: ByteSet = /* @__PURE__ */ rangeSet(45, 45, 48, 57)
const SPACED: ByteSet = /* @__PURE__ */ rangeSet(32, 32, 48, 57)
/** All but newlines. */
const ANY_BYTES: ByteSet = /* @__PURE__ */ rangeSet(0, 9, 11, 255)

/** A carriage return that only some lines of a template have; it belongs to no column. */
const RETURN: SlotShape = { slot: -1, bytes: /* @__PURE__ */ rangeSet(13, 13), minLength: 0, maxLength: 1 }

/** Most fields of a layout whose lengths are tried. */
const MAX_WIDTHS = 5

export class ColumnOracle {
  readonly #view: ChunkView
  readonly #prior: Prior
  readonly #shapes: Map<number, SlotShape | { text: Uint8Array }> = new Map()
  /** By class. */
  readonly #texts: (Uint8Array | 'unknown')[] = []
  /** By the bytes of the literal, then by slot, kind and place of the constraint. */
  readonly #answers: Map<ArrayBufferLike, Map<number, boolean>> = new Map()
  readonly #finders: Map<ArrayBufferLike, LiteralFinder> = new Map()
  /** By layout. */
  readonly #places: Map<string, ByteSet[][]> = new Map()

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

  /** What {@link mayMeet} costs: 0 nothing is read for it, else the more the less other searches read it. */
  costOf({ slot }: SlotConstraint): number {
    const spec = this.#view.columnFacts(slot)
    if (spec === undefined || (spec.kind !== KIND.dict && spec.kind !== KIND.raw)) return 0
    if (spec.kind === KIND.dict && !this.#view.standsWithTexts(spec)) return 1
    return spec.textClass === ANY_TEXTS ? 2 : spec.textClass === WORD_TEXTS ? 4 : 3
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
    const key = ((slot + 8) * 4 + WAYS.indexOf(how)) * 2 ** 25 + bytes.byteOffset * 2 ** 12 + bytes.length
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
      if (classMayHold(spec, constraint) && this.#holds(this.#view.textsOf(spec), constraint)) return true
      if (this.#prior.texts(spec.id).length > 0 && this.#holds(this.#prior.joined(spec.id), constraint)) return true
      // All texts of a column with a key are its own.
      if (spec.other > MAX_LEFT) return false
      const other = spec.other > 0 ? this.#view.referenceOf(spec) : undefined
      return other === undefined ? spec.other > 0 : this.mayMeet({ ...constraint, slot: other.id })
    }
    if (spec.kind === KIND.raw) {
      if (this.#rawMayMeet(spec, constraint)) return true
      const other = spec.other > 0 ? this.#view.referenceOf(spec) : undefined
      return other === undefined ? spec.other > 0 : this.mayMeet({ ...constraint, slot: other.id })
    }
    if (spec.kind === KIND.const) return this.#holds(this.#view.textsOf(spec), constraint)
    return true
  }

  /** The texts of all raw columns of a class stand together, so that one of another column counts as well. */
  #rawMayMeet(spec: ColumnSpec, constraint: SlotConstraint): boolean {
    if (spec.texts === 0 || !classMayHold(spec, constraint)) return false
    const { textClass } = spec
    return this.#remember(constraint, RAW_TEXTS - textClass, () => {
      let bytes = this.#texts[textClass]
      if (bytes === undefined) this.#texts[textClass] = bytes = this.#view.rawTexts(textClass) ?? 'unknown'
      return bytes === 'unknown' || this.#holds(bytes, constraint)
    })
  }

  #timeMayMeet(spec: ColumnSpec, constraint: SlotConstraint): boolean {
    const lengths = this.#timePlaces(spec)
    return lengths === undefined || lengths.some((places) => placesMayMeet(places, constraint))
  }

  /** Bytes of the texts of a column, where their classes tell. */
  #textBytes(spec: ColumnSpec): ByteSet | undefined {
    // Some of its texts are those of another column.
    if (spec.other > 0 && !(spec.kind === KIND.dict && spec.other > MAX_LEFT)) return undefined
    if (spec.kind === KIND.dict && this.#prior.texts(spec.id).length > 0) {
      const known = classOfPrior(this.#prior.joined(spec.id))
      if (spec.texts === 0) return CLASS_BYTES[known]
      if (known !== spec.textClass) return undefined
    }
    return CLASS_BYTES[spec.textClass]
  }

  /** Places of a time for each of its lengths; undefined where a file makes them too many. */
  #timePlaces(spec: ColumnSpec): ByteSet[][] | undefined {
    const layout = this.#view.layoutOf(spec)
    if ((layout.match(/[Dhisf]/g) ?? []).length > MAX_WIDTHS) return undefined
    let places = this.#places.get(layout)
    if (places === undefined) this.#places.set(layout, (places = timePlaces(layout)))
    return places
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
    const any: SlotShape = { slot: column, bytes: ANY_BYTES, minLength: 0, maxLength: Number.POSITIVE_INFINITY }
    const spec = this.#view.columnFacts(column)
    if (spec === undefined) return any
    if (spec.exceptions.length > 0) return { ...any, minLength: 1 }
    if (spec.kind === KIND.const) return { text: this.#view.textsOf(spec).slice(0, -1) }
    if (spec.kind === KIND.number) {
      const bytes = spec.width === 0 ? SIGNED : spec.pad === 32 ? SPACED : DIGITS
      const { least, most } = numberLengths(spec)
      return { slot: column, bytes, minLength: least, maxLength: most }
    }
    if (spec.kind === KIND.dict || spec.kind === KIND.raw) return { ...any, bytes: this.#textBytes(spec) ?? any.bytes }
    if (spec.kind === KIND.time) {
      const lengths = this.#timePlaces(spec)
      if (lengths === undefined) return any
      const [layout] = lengths
      if (lengths.length === 1 && layout !== undefined) return { ...any, layout }
      const bytes = emptySet()
      for (const place of lengths.flat()) addSet(bytes, place)
      const sizes = lengths.map(({ length }) => length)
      return { slot: column, bytes, minLength: Math.min(...sizes), maxLength: Math.max(...sizes) }
    }
    return any
  }
}

/** Class of the texts of a dictionary of the prior, which each chunk asks for. */
function classOfPrior(texts: Uint8Array): number {
  let known = priorClasses.get(texts)
  if (known === undefined) priorClasses.set(texts, (known = classOf(texts, 0, texts.length)))
  return known
}

const priorClasses: WeakMap<Uint8Array, number> = new WeakMap()

/** Whether texts of the class of a column can hold the bytes of a constraint. */
function classMayHold({ textClass }: ColumnSpec, { bytes, ignoreCase }: SlotConstraint): boolean {
  if (textClass === ANY_TEXTS) return true
  const known = CLASS_BYTES[textClass] as ByteSet
  for (const byte of bytes) if (!hasByte(known, byte) && !(ignoreCase && hasByte(known, upperByte(byte)))) return false
  return true
}

const ANY_DIGIT: readonly [number, number] = [48, 57]

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
  b: [lettersOf('JFMASOND'), lettersOf('aepuco'), lettersOf('nbrylgptvc')],
  a: [lettersOf('MTWFS'), lettersOf('ouehra'), lettersOf('neduit')],
}

function lettersOf(letters: string): number[] {
  return Array.from(letters, (letter) => letter.charCodeAt(0)).flatMap((code) => [code, code])
}

/** Bounds of the first digits of fields without a fixed width, for each number of digits. */
const FIRST_DIGITS: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  D: [
    [49, 57],
    [49, 51],
  ],
  h: [ANY_DIGIT, [49, 50]],
  i: [ANY_DIGIT, [49, 53]],
  s: [ANY_DIGIT, [49, 53]],
  f: [ANY_DIGIT, [49, 57], [49, 57]],
}

/** Bytes at each place of a time, for each length that its fields can have. */
export function timePlaces(layout: string): ByteSet[][] {
  let all: ByteSet[][] = [[]]
  for (let i = 0; i < layout.length; i++) {
    const c = layout[i] as string
    let fields: ByteSet[][]
    if (c === '%') fields = [[setOf(layout.charCodeAt(++i))]]
    else if (c >= '1' && c <= '6') fields = [digitPlaces(Number(c))]
    else if (FIRST_DIGITS[c] !== undefined) {
      fields = FIRST_DIGITS[c].map((bounds, k) => [rangeSet(...bounds), ...digitPlaces(k)])
    } else fields = [FIELD_PLACES[c]?.map((bounds) => rangeSet(...bounds)) ?? [setOf(c.charCodeAt(0))]]
    all = all.flatMap((places) => fields.map((field) => [...places, ...field]))
  }
  return all
}

function digitPlaces(count: number): ByteSet[] {
  return Array.from({ length: count }, () => rangeSet(48, 57))
}
