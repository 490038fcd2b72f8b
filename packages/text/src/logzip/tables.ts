/** Reading back what `writeColumns` and `writeEols` wrote: templates, kinds of columns, line endings. Nothing is believed before it is checked. */
import { type ByteReader, PithError } from '@pith/core'
import { ColumnNamer } from './column-namer.ts'
import { toLatin1 } from './latin1.ts'
import { KIND } from './streams.ts'
import type { KnownTemplates, Template, TemplateSet } from './templates.ts'
import { ANY_TEXTS } from './text-classes.ts'
import type { TextClasses } from './text-streams.ts'

/** Texts closed by newlines, taken one after the other. */
export class TextCursor {
  readonly #bytes: Uint8Array
  #at: number = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** `count` texts as they stand, each with its newline. */
  take(count: number): Uint8Array {
    const from = this.#at
    for (let i = 0; i < count; i++) this.next()
    return this.#bytes.subarray(from, this.#at)
  }

  /** What has not been taken. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at)
  }

  /** `count` bytes, whatever texts they are. */
  bytes(count: number): Uint8Array {
    if (count > this.#bytes.length - this.#at) throw corrupt('the tables of a chunk end before all texts are read')
    this.#at += count
    return this.#bytes.subarray(this.#at - count, this.#at)
  }

  next(): Uint8Array {
    const end = this.#bytes.indexOf(10, this.#at)
    if (end < 0) throw corrupt('the tables of a chunk end before all texts are read')
    const text = this.#bytes.subarray(this.#at, end)
    this.#at = end + 1
    return text
  }
}

function corrupt(message: string): PithError {
  return new PithError('PITH_CORRUPT', message)
}

/** Most templates of a chunk, or of a prior: a chunk has no more signatures. */
export const MAX_TEMPLATES: number = 65536

/** Most slots of the templates of a prior together. */
export const MAX_PRIOR_SLOTS: number = 2 ** 20

/**
 * Read templates that follow those of `prior`.
 *
 * @param most that there may be: a writer has a line for each
 * @param mostSlots that they may have together: a writer has a byte, or a line's end, for each
 */
export function readTemplates(
  meta: ByteReader,
  texts: TextCursor,
  prior: KnownTemplates,
  most: number = MAX_TEMPLATES,
  mostSlots: number = MAX_PRIOR_SLOTS,
): TemplateSet {
  const layouts: string[] = []
  const layoutCount = meta.varint()
  for (let i = 0; i < layoutCount; i++) layouts.push(toLatin1(texts.next()))
  const count = meta.varint()
  // Each takes far more memory than its one byte.
  if (count > Math.min(most, MAX_TEMPLATES)) throw corrupt('a chunk has more templates than lines')
  const templates = [...prior.set.templates]
  const namer = new ColumnNamer(prior.namer)
  const lines = toLatin1(texts.take(count))
  let slots = 0
  for (let i = 0, at = 0; i < count; i++) {
    const end = lines.indexOf('\n', at)
    const parts = readTemplate(lines, at, end, layouts, mostSlots - slots)
    slots += parts.layouts.length
    templates.push({ ...parts, columns: namer.number(parts.statics, parts.layouts) })
    at = end + 1
  }
  return { templates, columns: namer.columns }
}

/** The template that stands in `[from, to)` of the templates of a chunk. */
function readTemplate(
  lines: string,
  from: number,
  to: number,
  layouts: readonly string[],
  mostSlots: number,
): Omit<Template, 'columns'> {
  const statics: string[] = []
  const own: string[] = []
  let text = ''
  let done = from
  for (let i = from; i < to; i++) {
    const c = lines.charCodeAt(i)
    if (c > 2) continue
    text += lines.slice(done, i)
    if (c === 2) {
      i++
      if (i >= to) throw corrupt('a template ends in the middle of an escape')
      text += lines[i]
    } else {
      let layout: string | undefined = ''
      if (c === 1) {
        i++
        let index = i < to ? lines.charCodeAt(i) - 48 : -1
        if (index === 207) {
          index = i + 2 < to ? ((lines.charCodeAt(i + 1) - 48) << 6) | (lines.charCodeAt(i + 2) - 48) : -1
          i += 2
        }
        layout = layouts[index]
        if (layout === undefined) throw corrupt('a template names a layout that is not there')
      }
      if (own.length >= mostSlots) throw corrupt('the templates of a chunk have more slots than it has bytes')
      statics.push(text)
      own.push(layout)
      text = ''
    }
    done = i + 1
  }
  statics.push(text + lines.slice(done, to))
  // So that a line has no more slots than bytes.
  if (statics.indexOf('', 1) > 0 && statics.indexOf('', 1) < own.length) throw corrupt('two slots of a template touch')
  return { statics, layouts: own }
}

/** Parameters of one column as the file has them. */
export interface ColumnSpec {
  id: number
  first: number
  rows: number
  kind: number
  /** Place of the left column that the column refers to, from 1; 0 is none. */
  other: number
  mode: number
  width: number
  pad: number
  /** Bytes of a residual, 0 for varints. */
  bytes: number
  base: number
  /** Bounds of its numbers, or ticks; infinite where the file does not tell. Rows that are spelled otherwise are not counted. */
  low: number
  high: number
  /** New texts of a dictionary, or texts coded apart. */
  texts: number
  exceptions: Int32Array
  /** Class of its texts where the chunk tells, else that of any bytes. */
  textClass: number
  /** Its texts in the tables (constant, new texts of a dictionary, or exceptions), each with its newline. */
  own: Uint8Array
  /** Its texts as a log. */
  nested?: NestedSpec
}

/** A log within a column as the file has it. */
export interface NestedSpec {
  /** Of its lines, each with its newline. */
  rawBytes: number
  /** Whether backslashes must be put back. */
  isEscaped: boolean
  meta: Uint8Array
}

const NO_ROWS: Int32Array = /* @__PURE__ */ new Int32Array(0)
const NO_TEXT: Uint8Array = /* @__PURE__ */ new Uint8Array(0)

/**
 * Read the kind and parameters of a column of `rows` rows.
 *
 * @param classes of dictionaries and texts, where the chunk tells them
 */
export function readColumnSpec(
  meta: ByteReader,
  tables: TextCursor,
  { id, first, rows }: Pick<ColumnSpec, 'id' | 'first' | 'rows'>,
  classes?: TextClasses,
): ColumnSpec {
  const head = meta.varint()
  const spec: ColumnSpec = {
    id,
    first,
    rows,
    kind: head & 7,
    other: 0,
    mode: 0,
    width: 0,
    pad: 48,
    bytes: 0,
    base: 0,
    low: Number.NEGATIVE_INFINITY,
    high: Number.POSITIVE_INFINITY,
    texts: 0,
    exceptions: NO_ROWS,
    textClass: ANY_TEXTS,
    own: NO_TEXT,
  }
  if (spec.kind === KIND.dict || spec.kind === KIND.logDict) {
    spec.other = head >> 3
    spec.texts = meta.varint()
  } else if (spec.kind === KIND.raw || spec.kind === KIND.log) {
    spec.other = head >> 3
    spec.texts = spec.other > 0 ? meta.varint() : rows
    if (spec.texts > rows) throw corrupt('a column has more texts than rows')
  } else if (spec.kind === KIND.number || spec.kind === KIND.time) {
    spec.mode = (head >> 3) & 3
    const spelling = head >> 5
    if (spelling > 2) throw corrupt('a number has an unknown spelling')
    if (spec.kind === KIND.time) spec.pad = spelling === 0 ? 0 : 48
    else if (spelling !== 0) {
      spec.width = meta.varint()
      if (spec.width > 20) throw corrupt('a number is wider than 20 digits')
      spec.pad = spelling === 2 ? 32 : 48
    }
    if (spec.mode >= 2) spec.other = meta.varint()
    const bits = meta.varint()
    if (bits > 7) throw corrupt('a column has unknown flags')
    spec.bytes = (bits >> 1) & 1
    const base = meta.varint()
    spec.base = (bits & 1) === 1 ? -base : base
    setReach(spec, bits > 3 ? meta.varint() : undefined)
    spec.exceptions = readExceptions(meta, rows)
  } else if (spec.kind !== KIND.const) throw corrupt(`a column has the unknown kind ${spec.kind}`)
  if (spec.kind === KIND.log || spec.kind === KIND.logDict) {
    const size = meta.varint()
    const rawBytes = Math.floor(size / 2)
    spec.nested = { rawBytes, isEscaped: size % 2 === 1, meta: meta.take(meta.varint()) }
    spec.own = tables.bytes(meta.varint())
  } else if (spec.kind === KIND.dict) {
    if (classes?.take(spec) !== false) spec.own = tables.take(spec.texts)
  } else if (spec.kind === KIND.raw) classes?.take(spec)
  else spec.own = tables.take(spec.kind === KIND.const ? 1 : spec.exceptions.length)
  return spec
}

/** Bounds of the values, as far as the file tells them. */
function setReach(spec: ColumnSpec, reach: number | undefined): void {
  const { mode, base, bytes } = spec
  if (reach === undefined) {
    if (mode !== 0) return
    spec.low = base
    if (bytes === 1) spec.high = base + 255
    return
  }
  if (reach > 107) throw corrupt('the values of a column reach too far')
  const from = mode < 2 ? base : 0
  const far = 2 ** (reach >> 1) - 1
  spec.low = (reach & 1) === 1 ? from - far : from
  spec.high = from + far
}

function readExceptions(meta: ByteReader, rows: number): Int32Array {
  const count = meta.varint()
  if (count > rows || count > meta.remaining) throw corrupt('a column has more exceptions than rows')
  if (count === 0) return NO_ROWS
  const list = new Int32Array(count)
  let row = 0
  for (let i = 0; i < count; i++) {
    row += meta.varint()
    if (row >= rows) throw corrupt('an exception lies outside its column')
    list[i] = row
  }
  return list
}

/** Line endings of a chunk, u8 a line. */
export function readEols(meta: ByteReader, lines: number): Uint8Array {
  const eols = new Uint8Array(lines)
  const runs = meta.varint()
  let at = 0
  for (let i = 0; i < runs; i++) {
    const run = meta.varint()
    const code = run % 4
    const length = Math.floor(run / 4)
    if (code === 3 || length > lines - at) throw corrupt('the line endings of a chunk do not fit its lines')
    eols.fill(code, at, at + length)
    at += length
  }
  if (at !== lines) throw corrupt('the line endings of a chunk do not fit its lines')
  return eols
}
