/** A few lines of a chunk, without the others. */
import { concatBytes, PithError } from '@pith/core'
import type { ChunkView } from './chunk-decode.ts'
import { doesNotFit } from './chunk-specs.ts'
import { KIND } from './streams.ts'
import type { ColumnSpec } from './tables.ts'
import { staticBytes, type Template } from './templates.ts'

/** Lines one behind the other. */
export interface SomeLines {
  /** The lines, each with a line feed. */
  bytes: Uint8Array
  /** Where each line starts, and the end of the last. */
  offsets: Uint32Array
}

/** Texts and columns of a template in turn: texts with those of constants, then a column. */
interface Program {
  texts: Uint8Array[]
  cursors: Cursor[]
}

/** Rows of a column, looked for from the front to the back. */
interface Cursor {
  row: number
  lines: Int32Array
  starts: Int32Array
  ends: Int32Array
}

/**
 * The lines of a chunk with the given numbers, ascending; only columns that they have are decoded.
 *
 * @throws PithError `PITH_CORRUPT` they are longer than the chunk says, or lack a value
 */
export function renderSome(view: ChunkView, lines: Int32Array): SomeLines {
  const templates = view.templatesOfLines()
  const used = new Map<number, Program | undefined>()
  for (const line of lines) used.set(templates[line] as number, undefined)
  const columns = new Set<number>()
  for (const id of used.keys())
    for (const column of (view.templates.templates[id] as Template).columns) columns.add(column)
  view.materializeSome(columns)
  const cursors = new Map<number, Cursor>()
  let memory: Uint8Array = new Uint8Array(0)
  for (const spec of view.specs) {
    if (!columns.has(spec.id) || spec.kind === KIND.const) continue
    const { bytes, starts, ends } = view.textsOfRows(spec)
    memory = bytes
    cursors.set(spec.id, { row: 0, lines: view.linesOf(spec), starts, ends })
  }
  for (const id of used.keys()) used.set(id, programOf(view, id, cursors))
  const ids = view.templatesOfLines()
  const eols = view.endsOfLines()
  const out = new LineBytes(view.rawBytes + 1)
  const offsets = new Uint32Array(lines.length + 1)
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as number
    const { texts, cursors: slots } = used.get(ids[line] as number) as Program
    for (let k = 0; k < slots.length; k++) {
      out.add(texts[k] as Uint8Array, 0, (texts[k] as Uint8Array).length)
      const cursor = slots[k] as Cursor
      const row = rowOf(cursor, line)
      out.add(memory, cursor.starts[row] as number, cursor.ends[row] as number)
      cursor.row = row + 1
    }
    const last = texts[slots.length] as Uint8Array
    out.add(last, 0, last.length)
    out.end(eols[line] === 1)
    offsets[i + 1] = out.length
  }
  return { bytes: out.finish(), offsets }
}

function programOf(view: ChunkView, id: number, known: ReadonlyMap<number, Cursor>): Program {
  const template = view.templates.templates[id] as Template
  const statics = staticBytes(template)
  const program: Program = { texts: [], cursors: [] }
  // A template may have very many constants in a row: they are joined once.
  let parts = [statics[0] as Uint8Array]
  for (const [k, column] of template.columns.entries()) {
    const cursor = known.get(column)
    if (cursor === undefined) parts.push((view.columnFacts(column) as ColumnSpec).own.subarray(0, -1))
    else {
      program.cursors.push(cursor)
      program.texts.push(joined(parts, view.rawBytes))
      parts = []
    }
    parts.push(statics[k + 1] as Uint8Array)
  }
  program.texts.push(joined(parts, view.rawBytes))
  return program
}

function joined(parts: readonly Uint8Array[], most: number): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array
  if (parts.reduce((sum, part) => sum + part.length, 0) > most) throw doesNotFit()
  return concatBytes(parts)
}

/** Row of a line, not before the cursor. */
function rowOf({ row, lines }: Cursor, line: number): number {
  let low = row
  let step = 1
  while (low + step < lines.length && (lines[low + step] as number) <= line) step *= 2
  let high = Math.min(lines.length, low + step)
  while (low < high) {
    const middle = (low + high) >> 1
    if ((lines[middle] as number) < line) low = middle + 1
    else high = middle
  }
  if (lines[low] !== line) throw new PithError('PITH_CORRUPT', 'a line lacks a value of its template')
  return low
}

/** Bytes of lines, no more than the chunk can have. */
class LineBytes {
  readonly #most: number
  #bytes: Uint8Array = new Uint8Array(65536)
  length: number = 0

  constructor(most: number) {
    this.#most = most
  }

  add(from: Uint8Array, start: number, end: number): void {
    const size = end - start
    this.#reserve(size)
    const to = this.#bytes
    let at = this.length
    this.length += size
    if (size > 48) to.set(from.subarray(start, end), at)
    else for (let i = start; i < end; i++) to[at++] = from[i] as number
  }

  /** End a line, which may have a carriage return. */
  end(hasReturn: boolean): void {
    this.#reserve(2)
    if (hasReturn) this.#bytes[this.length++] = 13
    this.#bytes[this.length++] = 10
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.length)
  }

  #reserve(size: number): void {
    const needed = this.length + size
    if (needed <= this.#bytes.length) return
    if (needed > this.#most + 2) throw doesNotFit()
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    larger.set(this.#bytes.subarray(0, this.length))
    this.#bytes = larger
  }
}
