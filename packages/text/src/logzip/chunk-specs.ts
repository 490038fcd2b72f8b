/** What the templates of a chunk's lines say of its columns. */
import { type ByteReader, PithError } from '@pith/core'
import { MAX_LINES, MAX_ROWS } from './parse.ts'
import { type ColumnSpec, readColumnSpec, type TextCursor } from './tables.ts'
import type { TemplateSet } from './templates.ts'
import type { TextClasses } from './text-streams.ts'
import type { Workspace } from './workspace.ts'

/** Most bytes of a chunk. */
export const MAX_CHUNK_BYTES: number = 2 ** 26

/** Refuse bytes and lines that no chunk has. */
export function checkSize(rawBytes: number, lines: number): void {
  if (rawBytes > MAX_CHUNK_BYTES || lines > Math.min(rawBytes, MAX_LINES)) {
    throw new PithError('PITH_CORRUPT', `a chunk declares ${rawBytes} bytes in ${lines} lines`)
  }
}

/** Room for so many bytes of output is taken on the word of the file; larger chunks are measured first. */
export const TRUSTED_BYTES: number = 2 ** 24

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

/** What the headers of columns are held to, and where texts stand. */
interface SpecLimits {
  rawBytes: number
  mostRows: number
  classes: TextClasses | undefined
  /** Whether lines are counted; else it is only known which templates have some. */
  areCounted: boolean
}

/** Templates that have lines, 1 each, as a chunk tells it without its ids. */
export function templatesInUse(used: Uint8Array, templates: number): Int32Array {
  if (used.length !== (templates + 7) >> 3) {
    throw new PithError('PITH_CORRUPT', 'a chunk tells of more or fewer templates than it has')
  }
  return Int32Array.from({ length: templates }, (_, id) => ((used[id >> 3] as number) >> (id & 7)) & 1)
}

/** Kinds and parameters of the columns that have rows, and how many rows they have together. */
export function readSpecs(
  meta: ByteReader,
  tables: TextCursor,
  set: TemplateSet,
  counts: Int32Array,
  { rawBytes, mostRows, classes, areCounted }: SpecLimits,
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
    if (!areCounted) {
      specs.push(readColumnSpec(meta, tables, { id, first: 0, rows: Number.POSITIVE_INFINITY }, classes))
      continue
    }
    if (total + own > mostRows) throw new PithError('PITH_CORRUPT', `a chunk has more than ${MAX_ROWS} rows`)
    specs.push(readColumnSpec(meta, tables, { id, first: total, rows: own }, classes))
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
