/** What the templates of a chunk's lines say of its columns. */
import { type ByteReader, PithError } from '@pith/core'
import { MAX_ROWS } from './parse.ts'
import { type ColumnSpec, readColumnSpec, type TextCursor } from './tables.ts'
import type { TemplateSet } from './templates.ts'
import type { Workspace } from './workspace.ts'

/** Lines of each template. */
export function countTemplates(
  workspace: Workspace,
  lineTemplate: number,
  lines: number,
  templates: number,
): Int32Array {
  const counts = new Int32Array(templates)
  const ids = workspace.memory.i32.subarray(lineTemplate >> 2, (lineTemplate >> 2) + lines)
  for (const id of ids) {
    if (id < 0 || id >= templates) throw new PithError('PITH_CORRUPT', `a line has the template ${id} of ${templates}`)
    counts[id] = (counts[id] as number) + 1
  }
  return counts
}

/** Kinds and parameters of the columns that have rows, and how many rows they have together. */
export function readSpecs(
  meta: ByteReader,
  tables: TextCursor,
  set: TemplateSet,
  counts: Int32Array,
  rawBytes: number,
  mostRows: number,
): { specs: ColumnSpec[]; total: number } {
  const rows = new Float64Array(set.columns)
  let least = 0
  for (const [id, template] of set.templates.entries()) {
    const lines = counts[id] as number
    if (lines === 0) continue
    for (const column of template.columns) rows[column] = (rows[column] as number) + lines
    for (const text of template.statics) least += lines * text.length
  }
  if (least > rawBytes)
    throw new PithError('PITH_CORRUPT', 'the templates of a chunk alone have more bytes than it declares')
  const specs: ColumnSpec[] = []
  let total = 0
  for (let id = 0; id < set.columns; id++) {
    const own = rows[id] as number
    if (own === 0) continue
    if (total + own > mostRows) throw new PithError('PITH_CORRUPT', `a chunk has more than ${MAX_ROWS} rows`)
    specs.push(readColumnSpec(meta, tables, id, total, own))
    total += own
  }
  return { specs, total }
}

/** Columns whose left columns are asked for: 1 for each that refers to one. */
export function askedColumns(specs: readonly ColumnSpec[], columns: number): Uint8Array {
  const asked = new Uint8Array(columns)
  for (const { id, other } of specs) if (other > 0) asked[id] = 1
  return asked
}

/** Lines that are longer than their chunk. */
export function doesNotFit(): PithError {
  return new PithError('PITH_CORRUPT', 'the lines of a chunk do not fit its declared size')
}

/** Lines that are others than those that were coded. */
export function notWhatWasCoded(): PithError {
  return new PithError('PITH_CHECKSUM', 'a chunk does not decode to the bytes that were coded')
}
