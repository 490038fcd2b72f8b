/**
 * The streams of a chunk and how they are laid out before entropy coding; docs/format.md, part logzip.
 *
 *     tables    layouts, templates and dictionaries that the chunk adds to the prior
 *     ids       template of each line, line endings
 *     columns   ids, residuals and flags, column by column
 *     texts     rows that are coded as they are
 */
import { ByteWriter } from '@pith/core'
import type { ColumnPlan, DictPlan, NumberPlan, RawPlan } from './columns.ts'
import { fromLatin1 } from './latin1.ts'
import type { ParsedChunk } from './parse.ts'
import type { Template } from './templates.ts'
import type { Workspace } from './workspace.ts'

export interface ChunkStreams {
  /** Kinds and parameters of the columns that have rows. */
  meta: Uint8Array
  /** Templates and texts that the chunk adds, lines closed by newlines. */
  tables: Uint8Array
  ids: Uint8Array
  /** Groups of neighbouring columns. */
  columns: Uint8Array[]
  texts: Uint8Array
}

/** A group is closed when it holds this many bytes. */
export const GROUP_BYTES: number = 262144

/** Kinds of a column in the file. */
export const KIND: { readonly const: 0; readonly dict: 1; readonly number: 2; readonly time: 3; readonly raw: 4 } = {
  const: 0,
  dict: 1,
  number: 2,
  time: 3,
  raw: 4,
}

/** Bytes of a residual or id: 1, 2, or 0 for a varint. */
export function widthOf(largest: number): number {
  return largest < 256 ? 1 : 0
}

/** Lay out a planned chunk. */
export function writeStreams(
  workspace: Workspace,
  chunk: ParsedChunk,
  plans: readonly ColumnPlan[],
  priorTemplates: number,
): ChunkStreams {
  const meta = new ByteWriter(4096)
  const tables = new ByteWriter(65536)
  writeTemplates(tables, meta, chunk.templates.templates.slice(priorTemplates))
  const texts = new ByteWriter(4096)
  const groups: Uint8Array[] = []
  let group = new ByteWriter(65536)
  for (const plan of plans) {
    writeColumn(workspace, chunk, plan, { meta, tables, columns: group, texts })
    if (group.length >= GROUP_BYTES) {
      groups.push(group.view())
      group = new ByteWriter(65536)
    }
  }
  if (group.length > 0 || groups.length === 0) groups.push(group.view())
  return { meta: meta.view(), tables: tables.view(), ids: writeIds(workspace, chunk), columns: groups, texts: texts.view() }
}

interface Outputs {
  meta: ByteWriter
  tables: ByteWriter
  columns: ByteWriter
  texts: ByteWriter
}

/** Slot marks in a template's text; a byte 0, 1 or 2 of the text itself follows a 2. */
function writeTemplates(tables: ByteWriter, meta: ByteWriter, templates: readonly Template[]): void {
  const layouts: string[] = []
  for (const template of templates) {
    for (const layout of template.layouts) if (layout !== '' && !layouts.includes(layout)) layouts.push(layout)
  }
  meta.varint(layouts.length)
  for (const layout of layouts) tables.bytes(fromLatin1(`${layout}\n`))
  meta.varint(templates.length)
  for (const { statics, layouts: own } of templates) {
    let line = ''
    for (const [k, text] of statics.entries()) {
      line += text.replace(/[\0\x01\x02]/g, '\x02$&')
      if (k < own.length) line += own[k] === '' ? '\0' : `\x01${String.fromCharCode(48 + layouts.indexOf(own[k] as string))}`
    }
    tables.bytes(fromLatin1(`${line}\n`))
  }
}

function writeColumn(workspace: Workspace, chunk: ParsedChunk, plan: ColumnPlan, out: Outputs): void {
  const starts = chunk.rowStart + plan.first * 4
  const ends = chunk.rowEnd + plan.first * 4
  if (plan.kind === 'const') {
    out.meta.varint(KIND.const)
    putTexts(workspace, out.tables, starts, ends, 1)
  } else if (plan.kind === 'dict') writeDict(workspace, plan, out)
  else if (plan.kind === 'raw') writeRaw(workspace, plan, out)
  else writeNumbers(workspace, plan, starts, ends, out)
}

function writeDict(workspace: Workspace, plan: DictPlan, { meta, tables, columns }: Outputs): void {
  const { memory, kernels } = workspace
  meta.varint(KIND.dict | (plan.reference << 3))
  meta.varint(plan.distinct - plan.known)
  const mark = memory.mark()
  const fresh = plan.distinct - plan.known
  const starts = workspace.words(fresh)
  const ends = workspace.words(fresh)
  for (let i = 0; i < fresh; i++) {
    memory.i32[(starts >> 2) + i] = workspace.word(plan.texts, 2 * (plan.known + i))
    memory.i32[(ends >> 2) + i] = workspace.word(plan.texts, 2 * (plan.known + i) + 1)
  }
  putTexts(workspace, tables, starts, ends, fresh)
  const width = plan.idLimit <= 256 ? 1 : 2
  if (plan.idLimit <= 65536) {
    const out = memory.alloc(plan.rows * width)
    kernels.putPlanes(plan.ids, plan.rows, width, out)
    columns.bytes(memory.u8.subarray(out, out + plan.rows * width))
  } else {
    const out = memory.alloc(plan.rows * 3)
    kernels.putPlanes(plan.ids, plan.rows, 3, out)
    columns.bytes(memory.u8.subarray(out, out + plan.rows * 3))
  }
  memory.release(mark)
}

function writeNumbers(workspace: Workspace, plan: NumberPlan, starts: number, ends: number, out: Outputs): void {
  const { memory, kernels } = workspace
  const { meta, tables, columns } = out
  const spelling = plan.pad === 48 ? 1 : plan.pad === 32 ? 2 : 0
  const bytes = widthOf(plan.largest)
  meta.varint(KIND[plan.kind] | (plan.mode << 3) | (spelling << 5))
  if (spelling !== 0) meta.varint(plan.width)
  if (plan.mode >= 2) meta.varint(plan.other)
  meta.varint(bytes)
  // Wider than the zigzag of core: times in microseconds use 52 bits.
  meta.varint(plan.base < 0 ? 1 : 0)
  meta.varint(Math.abs(plan.base))
  meta.varint(plan.exceptions.length)
  let last = 0
  for (const row of plan.exceptions) {
    meta.varint(row - last)
    last = row
    const at = workspace.word(starts, row)
    tables.bytes(memory.u8.subarray(at, workspace.word(ends, row)))
    tables.u8(10)
  }
  const mark = memory.mark()
  const to = memory.alloc(plan.rows * 8)
  const end = kernels.putVarints(plan.residuals, plan.rows, to)
  if (bytes === 1) {
    const low = new Uint8Array(plan.rows)
    const values = new Float64Array(memory.buffer, plan.residuals, plan.rows)
    for (let i = 0; i < low.length; i++) low[i] = values[i] as number
    columns.bytes(low)
  } else columns.bytes(memory.u8.subarray(to, end))
  memory.release(mark)
}

function writeRaw(workspace: Workspace, plan: RawPlan, { meta, columns, texts }: Outputs): void {
  meta.varint(KIND.raw | (plan.reference << 3))
  if (plan.reference > 0) {
    meta.varint(plan.restRows)
    columns.bytes(workspace.memory.u8.subarray(plan.flags, plan.flags + plan.rows))
  }
  putTexts(workspace, texts, plan.restStart, plan.restEnd, plan.restRows)
}

/** Append texts, each closed by a newline. */
function putTexts(workspace: Workspace, out: ByteWriter, starts: number, ends: number, n: number): void {
  const { memory, kernels } = workspace
  let bytes = n
  for (let i = 0; i < n; i++) bytes += workspace.word(ends, i) - workspace.word(starts, i)
  const mark = memory.mark()
  const at = memory.alloc(bytes + 16)
  kernels.joinRows(starts, ends, n, at)
  out.bytes(memory.u8.subarray(at, at + bytes))
  memory.release(mark)
}

/** Template of each line as the fewest bytes that hold all, then the line endings as runs. */
function writeIds(workspace: Workspace, chunk: ParsedChunk): Uint8Array {
  const { memory, kernels } = workspace
  const out = new ByteWriter(chunk.lines + 64)
  const eols = memory.u8.subarray(chunk.eols, chunk.eols + chunk.lines)
  let runs = 0
  for (let i = 0; i < eols.length; i++) if (i === 0 || eols[i] !== eols[i - 1]) runs++
  out.varint(runs)
  for (let i = 0; i < eols.length; ) {
    let j = i
    while (j < eols.length && eols[j] === eols[i]) j++
    out.varint(((j - i) * 4 + (eols[i] as number)))
    i = j
  }
  const width = chunk.templates.templates.length <= 256 ? 1 : 2
  const mark = memory.mark()
  const at = memory.alloc(chunk.lines * 3)
  const bytes = chunk.templates.templates.length <= 65536 ? width : 3
  kernels.putPlanes(chunk.lineTemplate, chunk.lines, bytes, at)
  out.bytes(memory.u8.subarray(at, at + chunk.lines * bytes))
  memory.release(mark)
  return out.view()
}
