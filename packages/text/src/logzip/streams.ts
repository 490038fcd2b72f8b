/**
 * The streams of a chunk and how they are laid out before entropy coding; docs/format.md, part logzip.
 *
 *     tables    layouts, templates and dictionaries that the chunk adds to the prior
 *     ids       template of each line, line endings
 *     columns   ids, residuals and flags, column by column
 *     texts     rows that are coded as they are
 */
import { ByteWriter } from '@pith/core'
import type { ColumnPlan, NestedLog, NumberPlan } from './columns.ts'
import { fromLatin1 } from './latin1.ts'
import type { ParsedChunk } from './parse.ts'
import type { Template } from './templates.ts'
import type { Workspace } from './workspace.ts'

/** Kinds of a column in the file. */
export const KIND: {
  readonly const: 0
  readonly dict: 1
  readonly number: 2
  readonly time: 3
  readonly raw: 4
  /** Texts as they are, and texts of a dictionary, that are coded as a log. */
  readonly log: 5
  readonly logDict: 6
} = { const: 0, dict: 1, number: 2, time: 3, raw: 4, log: 5, logDict: 6 }

/** Bytes of a residual or id: 1, 2, or 0 for a varint. */
export function widthOf(largest: number): number {
  return largest < 256 ? 1 : 0
}

/** What is known of a column's symbols before they are coded, the same to coder and decoder. */
export interface SymbolContext {
  column: number
  rows: number
  /** Columns left of it, the nearest first; all have been coded before. */
  left: readonly number[]
  /** i32 a row: its line. */
  lines: number
  /** Whether the symbols are those of a log within a column. */
  isInner?: boolean
}

/** Takes the symbols of the columns of one chunk, in ascending order of columns. Addresses are in the workspace. */
export interface ColumnSink {
  /** Whether columns of numbers say how far their values reach, for searches. */
  readonly keepsReach: boolean
  /** Ids below `limit`, i32 a row. */
  ids(context: SymbolContext, ids: number, limit: number): void
  /** Residuals of numbers, f64 a row, none above `largest`. `kind` and `mode` say how they came about. */
  residuals(context: SymbolContext, residuals: number, largest: number, kind: 'number' | 'time', mode: number): void
  /** One byte a row: 1 where the row is as the left column. */
  flags(context: SymbolContext, flags: number): void
  /** Texts without newlines: i32 start and end each. */
  texts(context: SymbolContext, starts: number, ends: number, count: number): void
  /** Told of each dictionary that was put at the end of the tables, from `from` on. */
  dictionary?(tables: ByteWriter, from: number): void
}

/** Gives back what a {@link ColumnSink} took, asked in the same order. */
export interface ColumnSource {
  ids(context: SymbolContext, ids: number, limit: number): void
  residuals(context: SymbolContext, residuals: number, width: number, kind: 'number' | 'time', mode: number): void
  flags(context: SymbolContext, flags: number): void
  /** Fills starts and ends with the places of `count` texts of a class in the workspace. */
  texts(context: SymbolContext, starts: number, ends: number, count: number, kind: number): void
}

/** Planes of an id below `limit`. */
export function idWidth(limit: number): number {
  return limit <= 256 ? 1 : limit <= 65536 ? 2 : 3
}

/** Lay out kinds, parameters, templates and dictionaries; hand the symbols of the columns to `sink`. */
export function writeColumns(
  workspace: Workspace,
  chunk: ParsedChunk,
  plans: readonly ColumnPlan[],
  priorTemplates: number,
  sink: ColumnSink,
  isInner: boolean = false,
): { meta: Uint8Array; tables: Uint8Array } {
  const out: Outputs = { meta: new ByteWriter(4096), tables: new ByteWriter(65536), sink }
  writeTemplates(out.tables, out.meta, chunk.templates.templates.slice(priorTemplates))
  for (const plan of plans) {
    const lines = chunk.rowLine + plan.first * 4
    writeColumn(workspace, chunk, plan, { column: plan.id, rows: plan.rows, left: plan.left, lines, isInner }, out)
  }
  return { meta: out.meta.view(), tables: out.tables.view() }
}

interface Outputs {
  meta: ByteWriter
  tables: ByteWriter
  sink: ColumnSink
}

/** Slot marks in a template's text; a byte 0, 1 or 2 of the text itself follows a 2. */
export function writeTemplates(tables: ByteWriter, meta: ByteWriter, templates: readonly Template[]): void {
  const layouts: string[] = []
  for (const template of templates) {
    for (const layout of template.layouts) if (layout !== '' && !layouts.includes(layout)) layouts.push(layout)
  }
  meta.varint(layouts.length)
  for (const layout of layouts) tables.bytes(fromLatin1(`${layout}\n`))
  meta.varint(templates.length)
  for (const { statics, layouts: own } of templates) {
    let line = ''
    for (let k = 0; k < statics.length; k++) {
      const text = statics[k] as string
      line += escapeMarks(text)
      if (k < own.length) {
        line += own[k] === '' ? '\0' : `\x01${layoutNumber(layouts.indexOf(own[k] as string))}`
      }
    }
    tables.bytes(fromLatin1(`${line}\n`))
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what marks are made of
const MARKS = /[\0-\x02]/

function escapeMarks(text: string): string {
  if (!MARKS.test(text)) return text
  let escaped = ''
  for (let i = 0; i < text.length; i++) escaped += text.charCodeAt(i) <= 2 ? `\x02${text[i]}` : text[i]
  return escaped
}

/** One character for the first 150 layouts, three for those behind them; never a newline. */
function layoutNumber(index: number): string {
  if (index < 150) return String.fromCharCode(48 + index)
  return String.fromCharCode(255, 48 + (index >> 6), 48 + (index & 63))
}

function writeColumn(
  workspace: Workspace,
  chunk: ParsedChunk,
  plan: ColumnPlan,
  context: SymbolContext,
  { meta, tables, sink }: Outputs,
): void {
  const starts = chunk.rowStart + plan.first * 4
  const ends = chunk.rowEnd + plan.first * 4
  if (plan.kind === 'const') {
    meta.varint(KIND.const)
    putTexts(workspace, tables, starts, ends, 1)
  } else if (plan.kind === 'dict') {
    const fresh = plan.distinct - plan.known
    // A prior may have learned the texts since.
    const nested = fresh > 0 ? plan.nested : undefined
    meta.varint((nested === undefined ? KIND.dict : KIND.logDict) | (plan.reference << 3))
    meta.varint(fresh)
    if (nested === undefined) {
      const from = tables.length
      putPairs(workspace, tables, plan.texts + plan.known * 8, fresh)
      if (context.isInner !== true) sink.dictionary?.(tables, from)
    } else writeNested(workspace, nested, context, { meta, tables, sink })
    sink.ids(context, plan.ids, plan.idLimit)
  } else if (plan.kind === 'raw') {
    meta.varint((plan.nested === undefined ? KIND.raw : KIND.log) | (plan.reference << 3))
    if (plan.reference > 0) {
      meta.varint(plan.restRows)
      sink.flags(context, plan.flags)
    }
    if (plan.nested === undefined) sink.texts(context, plan.restStart, plan.restEnd, plan.restRows)
    else writeNested(workspace, plan.nested, context, { meta, tables, sink })
  } else {
    writeNumberMeta(workspace, meta, plan, sink.keepsReach)
    let last = 0
    for (const row of plan.exceptions) {
      meta.varint(row - last)
      last = row
      putTexts(workspace, tables, starts + row * 4, ends + row * 4, 1)
    }
    sink.residuals(context, plan.residuals, plan.largest, plan.kind, plan.mode)
  }
}

/** Parameters and tables of a log within a column, each as one piece; its ids and columns go where those of others go. */
function writeNested(
  workspace: Workspace,
  { parsed, plans, isEscaped }: NestedLog,
  context: SymbolContext,
  { meta, tables, sink }: Outputs,
): void {
  sink.ids({ ...context, rows: parsed.lines, isInner: true }, parsed.lineTemplate, parsed.templates.templates.length)
  const own = writeColumns(workspace, parsed, plans, 1, sink, true)
  meta.varint(parsed.rawBytes * 2 + (isEscaped ? 1 : 0))
  meta.varint(own.meta.length)
  meta.bytes(own.meta)
  meta.varint(own.tables.length)
  tables.bytes(own.tables)
}

function writeNumberMeta(workspace: Workspace, meta: ByteWriter, plan: NumberPlan, keepsReach: boolean): void {
  const spelling = plan.pad === 48 ? 1 : plan.pad === 32 ? 2 : 0
  meta.varint(KIND[plan.kind] | (plan.mode << 3) | (spelling << 5))
  if (spelling !== 0 && plan.kind === 'number') meta.varint(plan.width)
  if (plan.mode >= 2) meta.varint(plan.other)
  const reach = keepsReach ? reachOf(workspace, plan) : undefined
  // Bit 0: negative base; bit 1: residuals of one byte; bit 2: a reach. A zigzag would not hold the 53 bits of a time.
  meta.varint((plan.base < 0 ? 1 : 0) | (widthOf(plan.largest) << 1) | (reach === undefined ? 0 : 4))
  meta.varint(Math.abs(plan.base))
  if (reach !== undefined) meta.varint(reach)
  meta.varint(plan.exceptions.length)
}

/** Columns of fewer rows are read rather than asked about. */
const MIN_REACH_ROWS = 2

/**
 * How far the values are from the base (modes 0, 1) or from 0: twice the bits of the largest distance, and 1 where values
 * are below; undefined where the width of the residuals says as much.
 */
function reachOf({ kernels }: Workspace, { mode, values, rows, base, largest }: NumberPlan): number | undefined {
  if (rows < MIN_REACH_ROWS || (mode === 0 && widthOf(largest) === 1)) return undefined
  const from = mode < 2 ? base : 0
  const below = from - kernels.minValue(values, rows)
  const above = kernels.maxValue(values, rows) - from
  let bits = 0
  for (let far = Math.max(below, above); far >= 1 && bits < 53; far /= 2) bits++
  return bits * 2 + (below > 0 ? 1 : 0)
}

/** Append texts, each closed by a newline. */
function putTexts(workspace: Workspace, out: ByteWriter, starts: number, ends: number, n: number): void {
  const { memory, kernels } = workspace
  const bytes = kernels.textBytes(starts, ends, n)
  const mark = memory.mark()
  const at = memory.alloc(bytes + 16)
  kernels.joinRows(starts, ends, n, at)
  out.bytes(memory.u8.subarray(at, at + bytes))
  memory.release(mark)
}

/** The same for (start, end) pairs. */
function putPairs(workspace: Workspace, out: ByteWriter, pairs: number, n: number): void {
  const { memory } = workspace
  for (let i = 0; i < n; i++) {
    out.bytes(memory.u8.subarray(workspace.word(pairs, 2 * i), workspace.word(pairs, 2 * i + 1)))
    out.u8(10)
  }
}

/** Line endings as runs: number of runs, then 4 * length + code of each. */
export function writeEols(workspace: Workspace, chunk: ParsedChunk, meta: ByteWriter): void {
  const eols = workspace.memory.u8.subarray(chunk.eols, chunk.eols + chunk.lines)
  let runs = 0
  for (let i = 0; i < eols.length; i++) if (i === 0 || eols[i] !== eols[i - 1]) runs++
  meta.varint(runs)
  for (let i = 0; i < eols.length; ) {
    let j = i
    while (j < eols.length && eols[j] === eols[i]) j++
    meta.varint((j - i) * 4 + (eols[i] as number))
    i = j
  }
}
