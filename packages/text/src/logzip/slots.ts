/** The slots of templates as typed columns: what they hold, and their values line by line. */
import { PithError } from '@pith/core'
import type { ChunkView } from './chunk-decode.ts'
import { templateText } from './facts.ts'
import { REST } from './groups.ts'
import { readableText } from './latin1.ts'
import type { Prior } from './prior.ts'
import { KIND } from './streams.ts'
import { type ColumnSpec, TextCursor } from './tables.ts'
import { toMilliseconds } from './time-range.ts'
import { compileLayout, padDays } from './timestamps.ts'
import type { Workspace } from './workspace.ts'

/** A slot of a template. */
export interface SlotName {
  /** Text of the template as `templates` gives it. */
  template: string
  /** Number of the slot, from 0 at the left. */
  slot: number
}

/** What a slot holds. */
export type SlotKind = 'number' | 'time' | 'text'

/** A slot with what is known of it without decoding its rows. */
export interface SlotInfo extends SlotName {
  kind: SlotKind
  /** Lines of the template. */
  count: number
}

/** Values of a slot in the lines of one chunk, by ascending line; just one of `numbers`, `times` and `texts` is there. */
export interface ColumnBatch {
  /** Numbers of the lines, from 0. */
  lines: Float64Array
  /** Integers. */
  numbers?: Float64Array
  /** Milliseconds since 1970 (in the year 2000 where the log has no years), without a time zone. */
  times?: Float64Array
  /** Texts as they stand in the log: text `i` is `bytes[offsets[i], offsets[i + 1])`. */
  texts?: { bytes: Uint8Array; offsets: Uint32Array }
}

/** The same for all spellings of a template: whether a slot shows as `<num>` or `<str>` is up to its values in a chunk. */
export function templateKey(text: string): string {
  return text.replaceAll('<num>', '<str>')
}

/** Slots of a chunk, template by template; no rows are decoded. */
export function readSlots(view: ChunkView, workspace: Workspace, prior: Prior): SlotInfo[] {
  const kinds = kindsOf(view)
  const slots: SlotInfo[] = []
  for (const [id, template] of view.templates.templates.entries()) {
    const count = view.counts[id] as number
    if (count === 0) continue
    const text = textOf(view, id, kinds)
    for (const [slot, column] of template.columns.entries()) {
      const spec = view.columnFacts(column) as ColumnSpec
      const kind = kindOf(view, workspace, prior, spec, template.layouts[slot] as string)
      slots.push({ template: text, slot, kind, count })
    }
  }
  return slots
}

/**
 * Values of a slot in a chunk; undefined where no line has the template.
 *
 * @throws PithError `PITH_ARG` the template has no such slot
 */
export function readSlot(view: ChunkView, workspace: Workspace, { template, slot }: SlotName): ColumnBatch | undefined {
  const sources = sourcesOf(view, templateKey(template), slot)
  if (sources.length === 0) return undefined
  view.materialize(Math.max(...sources.map(({ spec }) => view.specs.indexOf(spec))) + 1)
  const cells = sources.flatMap((source) => cellsOf(view, source))
  if (sources.length > 1) cells.sort((a, b) => a.line - b.line)
  const lines = Float64Array.from(cells, ({ line }) => line)
  const times = timesOf(view, workspace, cells)
  if (times !== undefined) return { lines, times }
  const texts = gatherTexts(view, workspace, cells)
  const numbers = numbersOf(view, cells, texts)
  return numbers === undefined ? { lines, texts } : { lines, numbers }
}

type Kinds = ReadonlyMap<number, number>

function kindsOf(view: ChunkView): Kinds {
  return new Map(view.specs.map(({ id, kind }) => [id, kind]))
}

function textOf(view: ChunkView, id: number, kinds: Kinds): string {
  const template = view.templates.templates[id] as ChunkView['templates']['templates'][number]
  return id === 0 ? '<rest>' : readableText(templateText(template, kinds))
}

function isTime(layout: string): boolean {
  return layout !== '' && layout !== REST
}

/** What the values of a column are, as far as its kind and its texts tell. */
function kindOf(view: ChunkView, workspace: Workspace, prior: Prior, spec: ColumnSpec, layout: string): SlotKind {
  const wanted = isTime(layout) ? 'time' : 'number'
  if (spec.kind === KIND.raw || spec.nested !== undefined) return 'text'
  const texts = spec.kind === KIND.dict ? [...prior.texts(spec.id)] : []
  const own = new TextCursor(view.textsOf(spec))
  const count = spec.kind === KIND.const ? 1 : spec.kind === KIND.dict ? spec.texts : spec.exceptions.length
  for (let i = 0; i < count; i++) texts.push(own.next())
  const are = wanted === 'time' ? areTimes(workspace, texts, layout) : areNumbers(texts)
  return are ? wanted : 'text'
}

function areTimes(workspace: Workspace, texts: readonly Uint8Array[], layout: string): boolean {
  if (texts.length === 0) return true
  const { memory } = workspace
  const mark = memory.mark()
  const starts = workspace.scratchWords(texts.length)
  const ends = workspace.scratchWords(texts.length)
  for (const [i, text] of texts.entries()) {
    const at = memory.reserve(text.length + 16)
    memory.u8.set(text, at)
    workspace.putWord(starts, i, at)
    workspace.putWord(ends, i, at + text.length)
  }
  const times = parseTimes(workspace, starts, ends, texts.length, layout)
  memory.release(mark)
  return times !== undefined
}

/** Milliseconds of texts in a layout, however it pads; undefined where one of them is no such time. */
function parseTimes(
  workspace: Workspace,
  starts: number,
  ends: number,
  count: number,
  layout: string,
): Float64Array | undefined {
  const { memory, kernels } = workspace
  const mark = memory.mark()
  const values = workspace.scratchDoubles(count)
  const list = workspace.scratchWords(1)
  let times: Float64Array | undefined
  for (const spelling of new Set([layout, padDays(layout)])) {
    const program = compileLayout(spelling)
    if (program === undefined || times !== undefined) continue
    if (kernels.parseTimes(memory.put(program), starts, ends, count, values, list, 0) !== 0) continue
    times = Float64Array.from(new Float64Array(memory.buffer, values, count), (t) => toMilliseconds(t, spelling))
  }
  memory.release(mark)
  return times
}

/** A column with the templates whose slot it is. */
interface SlotSource {
  spec: ColumnSpec
  layout: string
  /** Of each template how many of its slots further left have the same column. */
  templates: Map<number, number>
}

function sourcesOf(view: ChunkView, key: string, slot: number): SlotSource[] {
  const kinds = kindsOf(view)
  const sources = new Map<string, SlotSource>()
  for (const [id, { columns, layouts }] of view.templates.templates.entries()) {
    if (view.counts[id] === 0 || templateKey(textOf(view, id, kinds)) !== key) continue
    const column = columns[slot]
    if (column === undefined) {
      throw new PithError('PITH_ARG', `the template has the slots 0..${columns.length - 1}, not ${slot}`)
    }
    const layout = layouts[slot] as string
    const name = `${column} ${layout}`
    let source = sources.get(name)
    if (source === undefined) {
      source = { spec: view.columnFacts(column) as ColumnSpec, layout, templates: new Map() }
      sources.set(name, source)
    }
    source.templates.set(id, columns.slice(0, slot).filter((one) => one === column).length)
  }
  return [...sources.values()]
}

/** A value of the slot. */
interface Cell {
  line: number
  row: number
  source: SlotSource
  isException: boolean
}

function cellsOf(view: ChunkView, source: SlotSource): Cell[] {
  const { spec, templates } = source
  const lines = view.linesOf(spec)
  const ids = view.templatesOfLines()
  const exceptions = new Set(spec.exceptions)
  const cells: Cell[] = []
  let nth = 0
  for (let row = 0; row < lines.length; row++) {
    const line = lines[row] as number
    nth = row > 0 && lines[row - 1] === line ? nth + 1 : 0
    if (templates.get(ids[line] as number) === nth) cells.push({ line, row, source, isException: exceptions.has(row) })
  }
  return cells
}

function timesOf(view: ChunkView, workspace: Workspace, cells: readonly Cell[]): Float64Array | undefined {
  const times = new Float64Array(cells.length)
  /** Cells that stand as texts, by layout. */
  const spelled = new Map<string, number[]>()
  for (const [i, { source, row, isException }] of cells.entries()) {
    const { spec, layout } = source
    if (!isTime(layout)) return undefined
    const ticks = spec.kind === KIND.time && !isException ? view.valuesOf(spec)?.[row] : undefined
    if (ticks !== undefined) times[i] = toMilliseconds(ticks, view.layoutOf(spec))
    else {
      const own = spelled.get(layout)
      if (own === undefined) spelled.set(layout, [i])
      else own.push(i)
    }
  }
  const { memory } = workspace
  const mark = memory.mark()
  let isAll = true
  for (const [layout, own] of spelled) {
    const starts = workspace.scratchWords(own.length)
    const ends = workspace.scratchWords(own.length)
    for (const [k, i] of own.entries()) {
      const { start, end } = placeOf(view, workspace, cells[i] as Cell)
      workspace.putWord(starts, k, start)
      workspace.putWord(ends, k, end)
    }
    const parsed = parseTimes(workspace, starts, ends, own.length, layout)
    if (parsed === undefined) isAll = false
    else for (const [k, i] of own.entries()) times[i] = parsed[k] as number
  }
  memory.release(mark)
  return isAll ? times : undefined
}

function placeOf(view: ChunkView, workspace: Workspace, { source, row }: Cell): { start: number; end: number } {
  const at = source.spec.first + row
  return { start: workspace.word(view.rowStart, at), end: workspace.word(view.rowEnd, at) }
}

type Texts = NonNullable<ColumnBatch['texts']>

function gatherTexts(view: ChunkView, workspace: Workspace, cells: readonly Cell[]): Texts {
  const offsets = new Uint32Array(cells.length + 1)
  for (const [i, cell] of cells.entries()) {
    const { start, end } = placeOf(view, workspace, cell)
    offsets[i + 1] = (offsets[i] as number) + end - start
  }
  const bytes = new Uint8Array(offsets[cells.length] as number)
  const { u8 } = workspace.memory
  for (const [i, cell] of cells.entries()) {
    const { start, end } = placeOf(view, workspace, cell)
    bytes.set(u8.subarray(start, end), offsets[i])
  }
  return { bytes, offsets }
}

function numbersOf(view: ChunkView, cells: readonly Cell[], { bytes, offsets }: Texts): Float64Array | undefined {
  const numbers = new Float64Array(cells.length)
  const spelled: Uint8Array[] = []
  for (const [i, { source, row, isException }] of cells.entries()) {
    const { spec, layout } = source
    if (layout !== '') return undefined
    const value = spec.kind === KIND.number && !isException ? view.valuesOf(spec)?.[row] : undefined
    if (value !== undefined) numbers[i] = value
    else {
      const text = bytes.subarray(offsets[i], offsets[i + 1])
      spelled.push(text)
      numbers[i] = numberOf(text)
    }
  }
  return areNumbers(spelled) ? numbers : undefined
}

/** Whether texts are integers that their values spell again: without leading zeros, or digits of one length. */
function areNumbers(texts: readonly Uint8Array[]): boolean {
  if (texts.some((text) => Number.isNaN(numberOf(text)))) return false
  if (texts.every(isCanonical)) return true
  return texts.every((text) => text.length === texts[0]?.length && text[0] !== MINUS)
}

const MINUS = 45
const ZERO = 48

function isCanonical(text: Uint8Array): boolean {
  const digits = text[0] === MINUS ? text.subarray(1) : text
  return digits[0] !== ZERO || (digits.length === 1 && text.length === 1)
}

/** Value of an integer of at most 15 digits, else NaN. */
function numberOf(text: Uint8Array): number {
  const from = text[0] === MINUS ? 1 : 0
  if (text.length === from || text.length - from > 15) return Number.NaN
  let value = 0
  for (let i = from; i < text.length; i++) {
    const digit = (text[i] as number) - ZERO
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
  }
  return from === 1 ? -value : value
}
