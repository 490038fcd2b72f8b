/** One coded chunk back to rows, lines and bytes; columns are materialised when they are asked for. */
import { ByteReader, PithError } from '@pith/core'
import {
  askedColumns,
  checkSize,
  countTemplates,
  doesNotFit,
  notWhatWasCoded,
  readSpecs,
  TRUSTED_BYTES,
  templatesInUse,
} from './chunk-specs.ts'
import { type BlockLoader, openStreams, type Streams } from './chunk-streams.ts'
import { ColumnPlaces } from './column-places.ts'
import { columnLayouts, leftColumns, scaleOf } from './columns.ts'
import { type KeyIds, MAX_LEFT, resolveKeys } from './keyed.ts'
import { MaxSource } from './max.ts'
import { MAX_DEPTH, type NestedBudget, nestedStreams, nestedTexts } from './nested-decode.ts'
import { MAX_ROWS } from './parse.ts'
import { PlainSource } from './plain.ts'
import { Prior } from './prior.ts'
import { type ColumnSource, KIND, type SymbolContext } from './streams.ts'
import { type ColumnSpec, type NestedSpec, readEols, readTemplates, TextCursor } from './tables.ts'
import type { TemplateSet } from './templates.ts'
import { TextClasses, TextStreams } from './text-streams.ts'
import { compileLayout, padDays } from './timestamps.ts'
import type { Workspace } from './workspace.ts'

/** A chunk that is being read. */
export class ChunkView {
  readonly rawBytes: number
  readonly lines: number
  readonly hash: number
  readonly templates: TemplateSet
  /** Whether it only answers which templates and texts there are; rows and lines can't be asked for. */
  readonly isHead: boolean
  /** Lines of each template; 1 in a head, where there are some. */
  readonly counts: Int32Array
  /** i32 a line, in the workspace. */
  readonly lineTemplate: number
  /** u8 a line, in the workspace. */
  readonly eols: number
  /** Whether lines end with a carriage return before their newline. */
  readonly hasReturns: boolean
  /** Columns that have rows, ascending. */
  readonly specs: readonly ColumnSpec[]
  /** i32 a row of all columns, in the workspace, once columns are materialised. */
  rowStart: number = 0
  rowEnd: number = 0
  readonly #w: Workspace
  readonly #prior: Prior
  #source: ColumnSource
  /** Undefined where texts have none. */
  readonly #classes: TextClasses | undefined
  readonly #texts: TextStreams | undefined
  /** Of a head: what stands behind its templates. */
  readonly #rest: { meta: Uint8Array; tables: Uint8Array } | undefined
  /** By class: whether the texts of its dictionaries have been looked up. */
  readonly #areFound: boolean[] = []
  readonly #left: number[][]
  readonly #layouts: string[]
  /** What the logs within it may still take. */
  readonly #budget: NestedBudget
  readonly #depth: number
  #rowLine: number = 0
  readonly #rows: number
  readonly #byColumn: Map<number, ColumnSpec> = new Map()
  /** f64 values of numeric columns. */
  readonly #values: Map<number, number> = new Map()
  /** Numbers of the texts of dictionaries' rows, for columns that have them as keys. */
  readonly #textIds: Map<number, KeyIds> = new Map()
  #ready: number = 0
  /** By place in the list of columns: 1 for each that was decoded out of turn. */
  readonly #isDone: Uint8Array
  #places: ColumnPlaces | undefined
  /** By column: 1 where its one text stands in the static texts of programs and not in rows; none of them once they are asked for. */
  #folded: Uint8Array | undefined

  /**
   * @param from its blocks, or the streams of a log within a column of another chunk
   * @param rows that its columns may have, those of logs within them included
   * @param depth how many logs it lies within
   * @param how `isHead`: only templates and texts are asked for, so that lines are not read where the chunk tells enough
   * without them; `head`: such a view of the same chunk, whose templates are read already
   */
  constructor(
    workspace: Workspace,
    from: BlockLoader | Streams,
    prior: Prior,
    rows: { left: number } = { left: MAX_ROWS },
    depth: number = 0,
    how: { isHead?: boolean; head?: ChunkView } = {},
  ) {
    this.#w = workspace
    this.#prior = prior
    this.#depth = depth
    const streams = typeof from === 'function' ? openStreams(workspace, from) : from
    const { head } = streams
    this.rawBytes = head.varint()
    this.lines = head.varint()
    checkSize(this.rawBytes, this.lines)
    this.hash = head.u32()
    const { memory } = workspace
    const eols = readEols(head, this.lines)
    this.hasReturns = eols.includes(1)
    this.eols = memory.reserve(this.lines + 16)
    memory.u8.set(eols, this.eols)
    const coded = streams.tables()
    const rest = how.head === undefined ? coded : (how.head.#rest ?? coded)
    const meta = new ByteReader(rest.meta)
    const tables = new TextCursor(rest.tables)
    this.templates =
      how.head?.templates ?? readTemplates(meta, tables, prior.templates, this.lines, this.rawBytes + this.lines)

    const classes = streams.classes === undefined ? undefined : new TextClasses(streams.classes)
    const count = this.templates.templates.length
    this.isHead = how.isHead === true && classes !== undefined && classes.usedTemplates.length > 0
    if (this.isHead) {
      this.#rest = { meta: coded.meta.subarray(coded.meta.length - meta.remaining), tables: tables.rest() }
      this.lineTemplate = 0
      this.counts = templatesInUse((classes as TextClasses).usedTemplates, count)
    } else {
      this.lineTemplate = workspace.scratchWords(this.lines)
      streams.templates(this.lineTemplate, this.lines, count)
      this.counts = countTemplates(workspace, this.lineTemplate, this.lines, count)
    }
    const limits = { rawBytes: this.rawBytes, mostRows: rows.left, classes, areCounted: !this.isHead }
    const { specs, total } = readSpecs(meta, tables, this.templates, this.counts, limits)
    rows.left -= total
    // A text and its newline take no more than the text and what ends it in its line; the last line may lack its end.
    this.#budget = { rows, bytes: this.rawBytes + 1 }
    this.specs = specs
    this.#isDone = new Uint8Array(specs.length)
    for (const spec of specs) this.#byColumn.set(spec.id, spec)
    this.#rows = total
    this.#classes = classes
    if (streams.texts !== undefined) this.#texts = new TextStreams(streams.texts, classes)
    this.#source = streams.columns(this.#texts)
    if (this.#source instanceof MaxSource && specs.some(({ nested }) => nested !== undefined)) {
      throw new PithError('PITH_CORRUPT', 'a chunk of level max has a log in a column')
    }
    const asked = this.#source instanceof MaxSource ? undefined : askedColumns(specs, this.templates.columns)
    this.#left = leftColumns(this.templates, this.counts, asked)
    this.#layouts = columnLayouts(this.templates, this.counts)
  }

  /** Decode all columns and write the lines `from`..`to` one behind the other. */
  render(from: number = 0, to: number = this.lines): Uint8Array<ArrayBuffer> {
    this.#foldConstants()
    this.#decodeUpTo(this.specs.length)
    const { memory, kernels } = this.#w
    const mark = memory.mark()
    const { lineTemplate, rowStart, rowEnd, eols } = this
    const room = this.rawBytes + 64
    const programs = this.#programs()
    const stops = this.#stops()
    if (room > TRUSTED_BYTES) {
      const args = [lineTemplate, from, to, programs, this.#cursors(), stops, rowStart, rowEnd, eols, 0, 0, 0]
      const bytes = kernels.measureLines(this.#w.args(...args))
      if (bytes < 0 || bytes > this.rawBytes) throw doesNotFit()
      if (bytes < this.rawBytes && from === 0 && to === this.lines) throw notWhatWasCoded()
    }
    const cursors = this.#cursors()
    const out = memory.reserve(room)
    const args = [lineTemplate, from, to, programs, cursors, stops, rowStart, rowEnd, eols, out, out + room, 0]
    const end = kernels.renderLines(this.#w.args(...args))
    if (end < 0) throw doesNotFit()
    if (from === 0 && to === this.lines) {
      // A log in a column is checked with its chunk.
      const isRight = this.#depth > 0 || kernels.hash32(out, end - out) >>> 0 === this.hash
      if (end - out !== this.rawBytes || !isRight) throw notWhatWasCoded()
    }
    const bytes = memory.take(out, end - out)
    memory.release(mark)
    return bytes
  }

  /** Decode the first `count` columns that have rows. */
  materialize(count: number): void {
    this.#unfoldConstants()
    this.#decodeUpTo(count)
  }

  #decodeUpTo(count: number): void {
    if (this.#rowLine === 0) this.#assignLines()
    for (; this.#ready < count; this.#ready++) {
      const spec = this.specs[this.#ready] as ColumnSpec
      if (this.#folded?.[spec.id] === 1 || this.#isDone[this.#ready] === 1) continue
      this.#places?.goTo(this.#ready)
      this.#decode(spec)
    }
  }

  /** Decode some columns and those that they refer to; where others can't be passed over, these as well. */
  materializeSome(columns: ReadonlySet<number>): void {
    this.#foldConstants()
    const source = this.#source
    const last = this.specs.findLastIndex(({ id }) => columns.has(id))
    if (!(source instanceof PlainSource) || (!source.keepsLogsApart && this.specs.some(({ nested }) => nested))) {
      this.#decodeUpTo(last + 1)
      return
    }
    if (this.#rowLine === 0) this.#assignLines()
    const wanted = new Uint8Array(this.templates.columns)
    let needsLogs = false
    for (let i = last; i >= this.#ready; i--) {
      const { id, kind, other, nested } = this.specs[i] as ColumnSpec
      if (kind !== KIND.const && columns.has(id)) wanted[id] = 1
      // Logs are read one behind the other.
      if (nested !== undefined && (needsLogs ||= wanted[id] === 1)) wanted[id] = 1
      const referred = wanted[id] === 1 ? this.#referred(id, other) : undefined
      if (referred !== undefined) wanted[referred] = 1
    }
    this.#places ??= new ColumnPlaces(source, this.specs, this.#ready, (column) => this.#prior.texts(column).length)
    for (let i = this.#ready; i <= last; i++) {
      const spec = this.specs[i] as ColumnSpec
      if (wanted[spec.id] !== 1 || this.#isDone[i] === 1) continue
      this.#places.goTo(i)
      this.#decode(spec)
      this.#isDone[i] = 1
    }
  }

  /** Where the texts of the rows of a materialised column stand, views until the workspace changes. */
  textsOfRows(spec: ColumnSpec): { bytes: Uint8Array; starts: Int32Array; ends: Int32Array } {
    const { u8, i32 } = this.#w.memory
    const starts = (this.rowStart >> 2) + spec.first
    const ends = (this.rowEnd >> 2) + spec.first
    return { bytes: u8, starts: i32.subarray(starts, starts + spec.rows), ends: i32.subarray(ends, ends + spec.rows) }
  }

  /** How each line ends: 0 with a newline, 1 with a carriage return before it, 2 with nothing; a view until the workspace changes. */
  endsOfLines(): Uint8Array {
    return this.#w.memory.u8.subarray(this.eols, this.eols + this.lines)
  }

  /** Whole lines need no rows of a column with one text, unless others refer to it: half of all columns are such. */
  #foldConstants(): void {
    if (this.#rowLine !== 0) return
    const folded = new Uint8Array(this.templates.columns)
    for (const { id, kind } of this.specs) if (kind === KIND.const) folded[id] = 1
    for (const { id, other } of this.specs) {
      const column = this.#referred(id, other)
      if (column !== undefined) folded[column] = 0
    }
    this.#folded = folded
  }

  /** The left column at a place, which may be that of a key. */
  #referred(column: number, place: number): number | undefined {
    if (place === 0) return undefined
    return this.#left[column]?.[place > MAX_LEFT ? place - MAX_LEFT - 1 : place - 1]
  }

  #unfoldConstants(): void {
    const folded = this.#folded
    if (folded === undefined) return
    this.#folded = undefined
    this.#putLines()
    for (const spec of this.specs.slice(0, this.#ready)) if (folded[spec.id] === 1) this.#decode(spec)
  }

  /** Put something between the symbols of columns and those that are materialised from now on. */
  watch(wrap: (source: ColumnSource) => ColumnSource): void {
    this.#source = wrap(this.#source)
  }

  /** Template of each line, a view until the workspace changes. */
  templatesOfLines(): Int32Array {
    return this.#w.memory.i32.subarray(this.lineTemplate >> 2, (this.lineTemplate >> 2) + this.lines)
  }

  /** What is known of a column's values without decoding its rows. */
  columnFacts(id: number): ColumnSpec | undefined {
    return this.#byColumn.get(id)
  }

  /** Texts of all raw columns of a class, each with a newline, in no order that says whose they are; undefined where they are not at hand. */
  rawTexts(kind: number): Uint8Array | undefined {
    return this.#texts?.rowsOf(kind)
  }

  /** Texts of a constant, or the new ones of a dictionary, each with a newline. */
  textsOf(spec: ColumnSpec): Uint8Array {
    if (this.standsWithTexts(spec)) this.#findDictionaries(spec.textClass)
    return spec.own
  }

  /** Whether a column is a dictionary whose texts stand in a stream of texts. */
  standsWithTexts({ kind, textClass }: ColumnSpec): boolean {
    return kind === KIND.dict && this.#classes?.areInTables(textClass) === false
  }

  /** Look up the texts of all dictionaries of a class. */
  #findDictionaries(kind: number): void {
    if (this.#areFound[kind] === true || this.#texts === undefined) return
    const own = this.specs.filter((spec) => spec.kind === KIND.dict && spec.textClass === kind && spec.texts > 0)
    if (own.length > 0) {
      const { bytes, dictionaries } = this.#texts.open(kind)
      const cursor = new TextCursor(bytes.subarray(dictionaries[kind]))
      for (const spec of own) spec.own = cursor.take(spec.texts)
    }
    this.#areFound[kind] = true
  }

  /** The left column that a column refers to. */
  referenceOf(spec: ColumnSpec): ColumnSpec | undefined {
    const column = (this.#left[spec.id] ?? [])[spec.other - 1]
    return column === undefined ? undefined : this.#byColumn.get(column)
  }

  /** Line of each row of a column, a view until the workspace changes; columns must be materialised. */
  linesOf(spec: ColumnSpec): Int32Array {
    const at = (this.#rowLine >> 2) + spec.first
    return this.#w.memory.i32.subarray(at, at + spec.rows)
  }

  /** Numbers, or ticks, of the rows of a materialised column, a view until the workspace changes; undefined for texts. */
  valuesOf(spec: ColumnSpec): Float64Array | undefined {
    const values = this.#values.get(spec.id)
    return values === undefined ? undefined : new Float64Array(this.#w.memory.buffer, values, spec.rows)
  }

  #assignLines(): void {
    this.rowStart = this.#w.scratchWords(this.#rows)
    this.rowEnd = this.#w.scratchWords(this.#rows)
    this.#rowLine = this.#w.scratchWords(this.#rows)
    this.#putLines()
  }

  #putLines(): void {
    const lists = this.#templateWords(({ columns }, out) => {
      const count = out.push(0) - 1
      for (const column of columns) if (this.#folded?.[column] !== 1) out.push(column)
      out[count] = out.length - 1 - count
    })
    this.#w.kernels.assignLines(this.lineTemplate, this.lines, lists, this.#cursors(), this.#rowLine)
  }

  /** A word list for each template that has lines, with a table of their addresses. */
  #templateWords(write: (template: TemplateSet['templates'][number], out: number[]) => void): number {
    const { memory } = this.#w
    const { templates } = this.templates
    const table = this.#w.scratchWords(templates.length)
    const words: number[] = []
    const offsets = new Int32Array(templates.length)
    for (const [id, template] of templates.entries()) {
      if (this.counts[id] === 0) continue
      offsets[id] = words.length * 4
      write(template, words)
    }
    const at = this.#w.scratchWords(words.length)
    memory.i32.set(words, at >> 2)
    for (let id = 0; id < offsets.length; id++) memory.i32[(table >> 2) + id] = at + (offsets[id] as number)
    return table
  }

  /** Programs of `renderLines`, with the static texts they point to. */
  #programs(): number {
    const { memory } = this.#w
    // Each of these templates has a line, so their texts are no longer than the chunk.
    let left = this.rawBytes
    return this.#templateWords(({ statics, columns }, out) => {
      let room = statics.reduce((sum, { length }) => sum + length, 0)
      for (const column of columns) room += (this.#foldedText(column)?.length ?? 1) - 1
      if ((left -= room) < 0) throw doesNotFit()
      let at = memory.reserve(room + 16)
      let start = at
      const { u8 } = memory
      const slots = out.push(0) - 1
      for (let k = 0; k <= columns.length; k++) {
        const text = statics[k] as string
        for (let i = 0; i < text.length; i++) u8[at++] = text.charCodeAt(i)
        const column = columns[k] as number
        const folded = k < columns.length ? this.#foldedText(column) : undefined
        if (folded !== undefined) {
          // Without its newline.
          for (let i = 0; i + 1 < folded.length; i++) u8[at++] = folded[i] as number
          continue
        }
        out.push(start, at - start)
        start = at
        if (k === columns.length) break
        out.push(column)
        out[slots] = (out[slots] as number) + 1
      }
    })
  }

  /** The one text of a folded column, with a newline. */
  #foldedText(column: number): Uint8Array | undefined {
    return this.#folded?.[column] === 1 ? this.#byColumn.get(column)?.own : undefined
  }

  #cursors(): number {
    const { memory } = this.#w
    const cursors = this.#w.words(this.templates.columns)
    for (const spec of this.specs) memory.i32[(cursors >> 2) + spec.id] = spec.first
    return cursors
  }

  #stops(): number {
    const { memory } = this.#w
    const stops = this.#w.words(this.templates.columns)
    for (const spec of this.specs) memory.i32[(stops >> 2) + spec.id] = spec.first + spec.rows
    return stops
  }

  #decode(spec: ColumnSpec): void {
    const context: SymbolContext = {
      column: spec.id,
      rows: spec.rows,
      left: this.#left[spec.id] ?? [],
      lines: this.#rowLine + spec.first * 4,
      isInner: this.#depth > 0,
    }
    if (spec.kind === KIND.const) {
      const { start, end } = this.#put(spec.own.subarray(0, -1))
      this.#w.kernels.fillWords(this.rowStart + spec.first * 4, spec.rows, start)
      this.#w.kernels.fillWords(this.rowEnd + spec.first * 4, spec.rows, end)
    } else if (spec.kind === KIND.dict || spec.kind === KIND.logDict) this.#decodeDict(spec, context)
    else if (spec.kind === KIND.raw || spec.kind === KIND.log) this.#decodeRaw(spec, context)
    else this.#decodeNumbers(spec, context)
  }

  #put(text: Uint8Array): { start: number; end: number } {
    const start = this.#w.memory.reserve(text.length + 16)
    this.#w.memory.u8.set(text, start)
    return { start, end: start + text.length }
  }

  #decodeDict(spec: ColumnSpec, context: SymbolContext): void {
    const { memory, kernels } = this.#w
    const known = this.#prior.texts(spec.id)
    const distinct = known.length + spec.texts
    const own = spec.nested === undefined ? this.textsOf(spec) : this.#decodeNested(spec, spec.nested, context)
    const texts = this.#w.scratchWords(distinct * 2)
    const earlier = this.#prior.joined(spec.id)
    const at = memory.reserve(earlier.length + own.length + 32)
    memory.u8.set(earlier, at)
    memory.u8.set(own, at + earlier.length)
    if (kernels.splitTexts(at, at + earlier.length + own.length, distinct, texts, texts + 4, 8) < 0) {
      throw new PithError('PITH_CORRUPT', 'a dictionary has fewer texts than it declares')
    }
    const ids = this.#w.scratchWords(spec.rows)
    const key = spec.other > MAX_LEFT ? this.#leftSpec(context, spec.other - MAX_LEFT) : undefined
    const other = spec.other > 0 && key === undefined ? this.#leftSpec(context, spec.other) : undefined
    const left = key ?? other
    const match = left === undefined ? 0 : this.#match(spec, left)
    this.#source.ids(context, ids, distinct + (left === undefined ? 0 : 1))
    if (key !== undefined) this.#resolveKeys(spec, ids, key, match)
    if (other === undefined) this.#textIds.set(spec.id, { ids, distinct })
    const base = other === undefined ? 0 : other.first * 4
    const found = kernels.lookupRows(
      this.#w.args(
        ids,
        spec.rows,
        texts,
        distinct,
        this.rowStart + spec.first * 4,
        this.rowEnd + spec.first * 4,
        other === undefined ? 0 : 1,
        this.rowStart + base,
        this.rowEnd + base,
        match,
      ),
    )
    if (found === 0) throw new PithError('PITH_CORRUPT', 'an id lies outside its dictionary')
  }

  #resolveKeys(spec: ColumnSpec, ids: number, key: ColumnSpec, match: number): void {
    const keys = this.#textIds.get(key.id)
    if (keys === undefined) throw new PithError('PITH_CORRUPT', 'the key of a column is no dictionary')
    resolveKeys(this.#w, ids, spec.rows, keys, match)
  }

  #decodeRaw(spec: ColumnSpec, context: SymbolContext): void {
    const { memory, kernels } = this.#w
    const starts = this.rowStart + spec.first * 4
    const ends = this.rowEnd + spec.first * 4
    if (spec.other === 0) {
      this.#ownTexts(spec, context, starts, ends)
      return
    }
    const other = this.#leftSpec(context, spec.other)
    const match = this.#match(spec, other)
    const flags = memory.reserve(spec.rows)
    this.#source.flags(context, flags)
    const restStarts = this.#w.scratchWords(spec.texts)
    const restEnds = this.#w.scratchWords(spec.texts)
    this.#ownTexts(spec, context, restStarts, restEnds)
    const at = other.first * 4
    const merged = kernels.mergeEqual(
      this.#w.args(
        flags,
        spec.rows,
        restStarts,
        restEnds,
        spec.texts,
        this.rowStart + at,
        this.rowEnd + at,
        match,
        starts,
        ends,
      ),
    )
    if (merged === 0) throw new PithError('PITH_CORRUPT', 'the flags of a column do not fit its texts')
  }

  /** Texts of a column that are coded apart. */
  #ownTexts(spec: ColumnSpec, context: SymbolContext, starts: number, ends: number): void {
    if (spec.nested === undefined) {
      this.#source.texts(context, starts, ends, spec.texts, spec.textClass)
      return
    }
    const texts = this.#decodeNested(spec, spec.nested, context)
    const at = this.#w.memory.reserve(texts.length + 32)
    this.#w.memory.u8.set(texts, at)
    if (this.#w.kernels.splitTexts(at, at + texts.length, spec.texts, starts, ends, 4) < 0) throw doesNotFit()
  }

  /** Texts that are coded as a log, each with its newline. */
  #decodeNested(spec: ColumnSpec, nested: NestedSpec, context: SymbolContext): Uint8Array {
    if (this.#depth >= MAX_DEPTH) throw new PithError('PITH_CORRUPT', `logs within logs, more than ${MAX_DEPTH} deep`)
    if (nested.rawBytes > this.#budget.bytes) throw doesNotFit()
    const streams = nestedStreams(nested, spec, this.#source, context)
    const { rows } = this.#budget
    const view = new ChunkView(this.#w, streams, Prior.empty(), rows, this.#depth + 1)
    return nestedTexts(view.render(), nested, this.#budget)
  }

  #decodeNumbers(spec: ColumnSpec, context: SymbolContext): void {
    const { memory, kernels } = this.#w
    const layout = this.layoutOf(spec)
    const kind = spec.kind === KIND.time ? 'time' : 'number'
    const values = this.#w.scratchDoubles(spec.rows)
    this.#values.set(spec.id, values)
    const residuals = this.#w.scratchDoubles(spec.rows)
    let otherValues = 0
    let match = 0
    let scale = 1
    if (spec.mode >= 2) {
      const other = this.#leftSpec(context, spec.other)
      otherValues = this.#values.get(other.id) ?? 0
      scale = scaleOf(
        { kind, layout },
        { kind: other.kind === KIND.time ? 'time' : 'number', layout: this.layoutOf(other) },
      )
      if (otherValues === 0 || scale === 0) throw new PithError('PITH_CORRUPT', 'a number refers to a column of texts')
      match = this.#match(spec, other)
    }
    this.#source.residuals(context, residuals, spec.bytes, kind, spec.mode)
    kernels.fromResiduals(spec.mode, residuals, spec.rows, spec.base, otherValues, match, scale, values)
    const starts = this.rowStart + spec.first * 4
    const ends = this.rowEnd + spec.first * 4
    if (kind === 'time') {
      const program = compileLayout(layout)
      if (program === undefined) throw new PithError('PITH_CORRUPT', 'a time has an unknown layout')
      const at = memory.put(program)
      const out = memory.reserve(spec.rows * (layout.length * 4 + 4) + 16)
      kernels.formatTimes(at, values, spec.rows, out, starts, ends)
    } else {
      const out = memory.reserve(spec.rows * Math.max(18, spec.width) + 16)
      kernels.formatNumbers(values, spec.rows, spec.width, spec.pad, out, starts, ends)
    }
    const spelled = new TextCursor(spec.own)
    for (const row of spec.exceptions) {
      const { start, end } = this.#put(spelled.next())
      memory.i32[(starts >> 2) + row] = start
      memory.i32[(ends >> 2) + row] = end
    }
  }

  /** Layout of a time column. */
  layoutOf(spec: ColumnSpec): string {
    if (spec.kind !== KIND.time) return ''
    const layout = this.#layouts[spec.id] as string
    return spec.pad === 0 ? layout : padDays(layout)
  }

  #leftSpec(context: SymbolContext, place: number): ColumnSpec {
    const column = context.left[place - 1]
    const spec = column === undefined ? undefined : this.#byColumn.get(column)
    if (spec === undefined || spec.id >= context.column) {
      throw new PithError('PITH_CORRUPT', 'a column refers to one that is not left of it')
    }
    return spec
  }

  #match(spec: ColumnSpec, other: ColumnSpec): number {
    const match = this.#w.scratchWords(spec.rows)
    const lines = this.#rowLine
    if (
      this.#w.kernels.matchRows(lines + spec.first * 4, spec.rows, lines + other.first * 4, other.rows, match) === 0
    ) {
      throw new PithError('PITH_CORRUPT', 'a column refers to one that its lines lack')
    }
    return match
  }
}
