/**
 * Level `max`: the streams of a chunk through two context-mixing engines, one for texts and one for symbols.
 *
 *     tables    sizes, then meta and tables: engine of texts
 *     ids       templates of the lines: engine of symbols
 *     columns   ids, residuals and flags of the columns: engine of symbols goes on
 *     texts     raw rows: engine of texts goes on
 *
 * docs/format-max.md is the normative text.
 */
import { ByteReader, ByteWriter, PithError } from '@pith/core'
import {
  type LineTemplates,
  MAX_LOG,
  MIN_LOG,
  SymbolCoder,
  TEXT_KIND,
  TextCoder,
  tableLog,
  truncated,
} from './max-coders.ts'
import type { ColumnSink, ColumnSource, SymbolContext } from './streams.ts'
import type { Workspace } from './workspace.ts'

export type { LineTemplates } from './max-coders.ts'

/** A chunk coded at level `max`. */
export interface MaxParts {
  tables: Uint8Array
  ids: Uint8Array
  columns: Uint8Array
  texts: Uint8Array
}

/** Codes the streams of one chunk: construct, hand to `writeColumns`, `finish`. */
export class MaxSink implements ColumnSink {
  readonly keepsReach: boolean = false
  readonly #workspace: Workspace
  readonly #symbols: SymbolCoder
  readonly #symbolLog: number
  readonly #ids: Uint8Array<ArrayBuffer>
  readonly #columns: number
  readonly #columnsEnd: number
  readonly #texts: { column: number; bytes: Uint8Array; count: number }[] = []

  /** @param symbols rows of all columns of the chunk together, which the room for them follows */
  constructor(workspace: Workspace, templates: LineTemplates, symbols: number) {
    const { memory, kernels } = workspace
    this.#workspace = workspace
    this.#symbolLog = tableLog(templates.lines + symbols)
    this.#symbols = new SymbolCoder(workspace, templates, this.#symbolLog, false)
    const room = templates.lines * 4 + symbols * 10 + 1024
    this.#columns = memory.alloc(room)
    this.#columnsEnd = this.#columns + room
    kernels.maxWriteTo(this.#symbols.engine, this.#columns, this.#columnsEnd)
    kernels.maxTemplates(this.#symbols.engine, templates.ids, templates.lines, templates.count)
    this.#ids = this.#finish(this.#symbols.engine, this.#columns)
    kernels.maxWriteTo(this.#symbols.engine, this.#columns, this.#columnsEnd)
  }

  ids(context: SymbolContext, ids: number, limit: number): void {
    this.#symbols.ids(context, ids, limit)
  }

  residuals(context: SymbolContext, residuals: number, largest: number, kind: 'number' | 'time', mode: number): void {
    this.#symbols.residuals(context, residuals, largest < 256, kind, mode)
  }

  flags(context: SymbolContext, flags: number): void {
    this.#symbols.flags(context, flags)
  }

  texts(context: SymbolContext, starts: number, ends: number, count: number): void {
    const { memory, kernels } = this.#workspace
    let bytes = count
    for (let i = 0; i < count; i++) bytes += this.#workspace.word(ends, i) - this.#workspace.word(starts, i)
    const mark = memory.mark()
    const at = memory.alloc(bytes + 16)
    kernels.joinRows(starts, ends, count, at)
    this.#texts.push({ column: context.column, bytes: memory.take(at, bytes), count })
    memory.release(mark)
  }

  /** Code meta, tables and texts, and end all codes. */
  finish(meta: Uint8Array, tables: Uint8Array): MaxParts {
    const { memory, kernels } = this.#workspace
    const columns = this.#finish(this.#symbols.engine, this.#columns)
    let rawBytes = 0
    for (const { bytes } of this.#texts) rawBytes += bytes.length
    const total = meta.length + tables.length + rawBytes
    const log = tableLog(total * 4)
    const head = new ByteWriter(16)
    head.u8(log)
    head.u8(this.#symbolLog)
    head.varint(meta.length)
    head.varint(tables.length)
    head.varint(rawBytes)
    const mark = memory.mark()
    const coder = new TextCoder(this.#workspace, log, total)
    const room = total * 2 + 1024
    const out = memory.alloc(room)
    kernels.maxWriteTo(coder.engine, out, out + room)
    coder.put(TEXT_KIND.meta, meta)
    coder.put(TEXT_KIND.tables, tables)
    head.bytes(this.#finish(coder.engine, out))
    let texts = new Uint8Array(0)
    if (rawBytes > 0) {
      kernels.maxWriteTo(coder.engine, out, out + room)
      for (const { column, bytes } of this.#texts) coder.put(TEXT_KIND.raw + column, bytes)
      texts = this.#finish(coder.engine, out)
    }
    memory.release(mark)
    return { tables: head.finish(), ids: this.#ids, columns, texts }
  }

  #finish(engine: number, from: number): Uint8Array<ArrayBuffer> {
    const end = this.#workspace.kernels.maxFinish(engine)
    if (end < 0) throw new PithError('PITH_INTERNAL', 'the code of a chunk is longer than its streams')
    return this.#workspace.memory.take(from, end - from)
  }
}

/** More bytes than this cannot lie behind one byte of code: a bit costs at least 2^-16 of one. */
const MOST_PER_BYTE = 65536

/**
 * Decodes what {@link MaxSink} made: meta and tables when constructed, then `templates`, then the columns in their order.
 * Its memory in the workspace must not be released before the last column.
 */
export class MaxSource implements ColumnSource {
  readonly meta: Uint8Array<ArrayBuffer>
  readonly tables: Uint8Array<ArrayBuffer>
  readonly #workspace: Workspace
  readonly #ids: Place
  readonly #columns: Place
  readonly #texts: TextCoder
  readonly #symbolLog: number
  #symbols: SymbolCoder | undefined

  /**
   * @param maxBytes most bytes that meta, tables and texts may have together
   * @throws PithError `PITH_CORRUPT` parts that no coder made · `PITH_LIMIT` more than `maxBytes`
   */
  constructor(workspace: Workspace, parts: MaxParts, maxBytes: number) {
    const { memory, kernels } = workspace
    this.#workspace = workspace
    const reader = new ByteReader(parts.tables)
    const log = reader.u8()
    this.#symbolLog = reader.u8()
    for (const value of [log, this.#symbolLog]) {
      if (value < MIN_LOG || value > MAX_LOG) {
        throw new PithError('PITH_CORRUPT', `a context table has 2^${value} bytes, expected 2^${MIN_LOG}..2^${MAX_LOG}`)
      }
    }
    const meta = reader.varint()
    const tables = reader.varint()
    // Texts that were not loaded are not asked for.
    const textBytes = reader.varint()
    const loaded = parts.texts.length > 0 ? textBytes : 0
    const total = meta + tables + loaded
    if (total > maxBytes)
      throw new PithError('PITH_LIMIT', `the texts of a chunk have ${total} bytes, more than ${maxBytes}`)
    if (meta + tables > reader.remaining * MOST_PER_BYTE) throw truncated('tables')
    if (loaded > parts.texts.length * MOST_PER_BYTE) throw truncated('texts')
    this.#texts = new TextCoder(workspace, log, total)
    this.#ids = place(memory, parts.ids)
    this.#columns = place(memory, parts.columns)
    const texts = place(memory, parts.texts)
    const code = place(memory, reader.take(reader.remaining))
    const { engine } = this.#texts
    kernels.maxReadFrom(engine, code.start, code.end)
    this.meta = this.#texts.take(TEXT_KIND.meta, meta)
    this.tables = this.#texts.take(TEXT_KIND.tables, tables)
    kernels.maxReadFrom(engine, texts.start, texts.end)
  }

  /** Fill the template of each line; those not below `count` are the caller's to refuse. */
  templates(templates: LineTemplates): void {
    const { kernels } = this.#workspace
    this.#symbols = new SymbolCoder(this.#workspace, templates, this.#symbolLog, true)
    const { engine } = this.#symbols
    kernels.maxReadFrom(engine, this.#ids.start, this.#ids.end)
    kernels.maxTemplates(engine, templates.ids, templates.lines, templates.count)
    this.#check(engine, 'ids')
    kernels.maxReadFrom(engine, this.#columns.start, this.#columns.end)
  }

  ids(context: SymbolContext, ids: number, limit: number): void {
    const coder = this.#coder()
    coder.ids(context, ids, limit)
    this.#check(coder.engine, 'columns')
  }

  residuals(context: SymbolContext, residuals: number, width: number, kind: 'number' | 'time', mode: number): void {
    const coder = this.#coder()
    coder.residuals(context, residuals, width === 1, kind, mode)
    this.#check(coder.engine, 'columns')
  }

  flags(context: SymbolContext, flags: number): void {
    const coder = this.#coder()
    coder.flags(context, flags)
    this.#check(coder.engine, 'columns')
  }

  texts(context: SymbolContext, starts: number, ends: number, count: number): void {
    this.#texts.lines(TEXT_KIND.raw + context.column, count, starts, ends)
  }

  #coder(): SymbolCoder {
    if (this.#symbols === undefined) throw new PithError('PITH_INTERNAL', 'templates must be decoded before columns')
    return this.#symbols
  }

  #check(engine: number, section: string): void {
    if (this.#workspace.kernels.maxOverrun(engine) > 4) throw truncated(section)
  }
}

interface Place {
  start: number
  end: number
}

function place(memory: Workspace['memory'], bytes: Uint8Array): Place {
  const start = memory.put(bytes)
  return { start, end: start + bytes.length }
}
