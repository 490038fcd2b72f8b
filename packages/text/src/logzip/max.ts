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
import type { ColumnSink, ColumnSource, SymbolContext } from './streams.ts'
import type { Workspace } from './workspace.ts'

/** A chunk coded at level `max`. */
export interface MaxParts {
  tables: Uint8Array<ArrayBuffer>
  ids: Uint8Array<ArrayBuffer>
  columns: Uint8Array<ArrayBuffer>
  texts: Uint8Array<ArrayBuffer>
}

/** What the template ids of a chunk are coded with. */
export interface LineTemplates {
  /** i32 a line. */
  ids: number
  lines: number
  /** Templates that there are. */
  count: number
}

/** Left columns whose symbols are looked at. */
const LEFTS = 5
const MIN_LOG = 16
const MAX_LOG = 22
const GUESS_LOG = 16
/** Kinds of text in the engine: meta, tables, and raw rows of column c as 2 + c. */
const META = 0
const TABLES = 1
const RAW = 2
/** Zeroed bytes before the texts, which the model looks back into. */
const LOOK_BACK = 32

/** log2 of a context table for so many coded bytes or symbols. */
function tableLog(symbols: number): number {
  return Math.min(MAX_LOG, Math.max(MIN_LOG, 32 - Math.clz32(symbols) + 8))
}

interface Known {
  lines: Int32Array
  symbols: Int32Array
}

/** Symbols of the columns that stand already, aligned with the rows of the column at hand. */
class LeftColumns {
  readonly #workspace: Workspace
  readonly #known: Map<number, Known> = new Map()

  constructor(workspace: Workspace) {
    this.#workspace = workspace
  }

  /** Addresses of the symbols of the nearest left columns, i32 a row each. */
  align(context: SymbolContext): { list: number; count: number } {
    const { memory } = this.#workspace
    const list = this.#workspace.words(LEFTS)
    let count = 0
    for (const id of context.left) {
      if (count === LEFTS) break
      const known = this.#known.get(id)
      if (known === undefined) continue
      const at = this.#workspace.words(context.rows)
      memory.i32[(list >> 2) + count++] = at
      const view = memory.i32
      const { lines, symbols } = known
      let j = 0
      for (let i = 0; i < context.rows; i++) {
        const line = view[(context.lines >> 2) + i] as number
        while (j < lines.length && (lines[j] as number) < line) j++
        view[(at >> 2) + i] = j < lines.length && lines[j] === line ? (symbols[j] as number) + 1 : 0
      }
    }
    return { list, count }
  }

  remember(context: SymbolContext, at: number): void {
    const { memory } = this.#workspace
    this.#known.set(context.column, {
      lines: memory.i32.slice(context.lines >> 2, (context.lines >> 2) + context.rows),
      symbols: memory.i32.slice(at >> 2, (at >> 2) + context.rows),
    })
  }
}

/** The engine of symbols, in either direction. */
class SymbolCoder {
  readonly engine: number
  readonly #workspace: Workspace
  readonly #left: LeftColumns
  readonly #templates: LineTemplates
  readonly #args: number

  constructor(workspace: Workspace, templates: LineTemplates, log: number) {
    this.#workspace = workspace
    this.#templates = templates
    this.#left = new LeftColumns(workspace)
    this.#args = workspace.words(16)
    this.engine = workspace.memory.alloc(workspace.kernels.maxEngineBytes(log, GUESS_LOG), 64)
    workspace.kernels.maxEngineInit(this.engine, log, GUESS_LOG)
  }

  ids(context: SymbolContext, ids: number, limit: number): void {
    const { memory, kernels } = this.#workspace
    const mark = memory.mark()
    this.#column(context, ids, context.rows, limit)
    kernels.maxIds(this.#args)
    this.#left.remember(context, ids)
    memory.release(mark)
  }

  residuals(context: SymbolContext, residuals: number, small: boolean, kind: 'number' | 'time', mode: number): void {
    const { memory, kernels } = this.#workspace
    const mark = memory.mark()
    const symbols = this.#workspace.words(context.rows)
    const hashes = this.#workspace.words(24)
    this.#column(context, residuals, context.rows, small ? 1 : 0, kind === 'time' ? 1 : 0, mode, hashes, symbols)
    kernels.maxNumbers(this.#args)
    this.#left.remember(context, symbols)
    memory.release(mark)
  }

  flags(context: SymbolContext, flags: number): void {
    const { memory } = this.#workspace
    const mark = memory.mark()
    const ids = this.#workspace.words(context.rows)
    const { i32, u8 } = memory
    for (let i = 0; i < context.rows; i++) i32[(ids >> 2) + i] = u8[flags + i] as number
    this.ids(context, ids, 2)
    for (let i = 0; i < context.rows; i++) memory.u8[flags + i] = memory.i32[(ids >> 2) + i] as number
    memory.release(mark)
  }

  #column(context: SymbolContext, ...rest: number[]): void {
    const { list, count } = this.#left.align(context)
    const { ids, lines } = this.#templates
    const head = [this.engine, context.column, list, count, context.lines, ids, lines]
    this.#workspace.memory.i32.set([...head, ...rest], this.#args >> 2)
  }
}

/** Codes the streams of one chunk: construct, hand to `writeColumns`, `finish`. */
export class MaxSink implements ColumnSink {
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
    this.#symbols = new SymbolCoder(workspace, templates, this.#symbolLog)
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
    coder.put(META, meta)
    coder.put(TABLES, tables)
    head.bytes(this.#finish(coder.engine, out))
    let texts = new Uint8Array(0)
    if (rawBytes > 0) {
      kernels.maxWriteTo(coder.engine, out, out + room)
      for (const { column, bytes } of this.#texts) coder.put(RAW + column, bytes)
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

/** The engine of texts with its texts, in either direction. */
class TextCoder {
  readonly engine: number
  readonly buffer: number
  readonly #workspace: Workspace

  constructor(workspace: Workspace, log: number, bytes: number) {
    const { memory, kernels } = workspace
    this.#workspace = workspace
    this.engine = memory.alloc(kernels.maxEngineBytes(log, 0), 64)
    const matchLog = Math.min(18, log - 4)
    const matches = memory.alloc(8 << matchLog)
    this.buffer = memory.alloc(LOOK_BACK + bytes + 16) + LOOK_BACK
    kernels.maxEngineInit(this.engine, log, 0)
    kernels.maxTextInit(this.engine, this.buffer, this.buffer + bytes, matches, matchLog)
  }

  put(kind: number, bytes: Uint8Array): void {
    const { memory, kernels } = this.#workspace
    memory.u8.set(bytes, kernels.maxTextAt())
    kernels.maxTextBytes(kind, Math.min(kind, RAW), bytes.length)
  }

  /** Decode `n` bytes. */
  take(kind: number, n: number): Uint8Array<ArrayBuffer> {
    const { memory, kernels } = this.#workspace
    const at = kernels.maxTextAt()
    if (kernels.maxTextBytes(kind, Math.min(kind, RAW), n) === 0) throw truncated('tables')
    return memory.take(at, n)
  }

  /** Decode `n` lines and give their places. */
  lines(kind: number, n: number, starts: number, ends: number): void {
    const { kernels } = this.#workspace
    const at = kernels.maxTextAt()
    const whole = kernels.maxTextLines(kind, Math.min(kind, RAW), n) === 1
    if (!whole || kernels.splitTexts(at, kernels.maxTextAt(), n, starts, ends, 4) < 0) throw truncated('texts')
  }
}

function truncated(section: string): PithError {
  return new PithError('PITH_CORRUPT', 'the code of a chunk ends before its streams', { at: { section } })
}

/**
 * Decodes what {@link MaxSink} made: meta and tables when constructed, then `templates`, then the columns in their order.
 * Its memory in the workspace must not be released before the last column.
 */
export class MaxSource implements ColumnSource {
  readonly meta: Uint8Array<ArrayBuffer>
  readonly tables: Uint8Array<ArrayBuffer>
  readonly #workspace: Workspace
  readonly #parts: MaxParts
  readonly #texts: TextCoder
  readonly #symbolLog: number
  #symbols: SymbolCoder | undefined
  #reading: boolean = false

  /**
   * @param maxBytes most bytes that meta, tables and texts may have together
   * @throws PithError `PITH_CORRUPT` parts that no coder made · `PITH_LIMIT` more than `maxBytes`
   */
  constructor(workspace: Workspace, parts: MaxParts, maxBytes: number) {
    const { memory, kernels } = workspace
    this.#workspace = workspace
    this.#parts = parts
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
    const total = meta + tables + reader.varint()
    if (total > maxBytes)
      throw new PithError('PITH_LIMIT', `the texts of a chunk have ${total} bytes, more than ${maxBytes}`)
    this.#texts = new TextCoder(workspace, log, total)
    const code = reader.take(reader.remaining)
    const at = memory.put(code)
    kernels.maxReadFrom(this.#texts.engine, at, at + code.length)
    this.meta = this.#texts.take(META, meta)
    this.tables = this.#texts.take(TABLES, tables)
  }

  /** Fill the template of each line; those not below `count` are the caller's to refuse. */
  templates(templates: LineTemplates): void {
    const { memory, kernels } = this.#workspace
    this.#symbols = new SymbolCoder(this.#workspace, templates, this.#symbolLog)
    const { engine } = this.#symbols
    const at = memory.put(this.#parts.ids)
    kernels.maxReadFrom(engine, at, at + this.#parts.ids.length)
    kernels.maxTemplates(engine, templates.ids, templates.lines, templates.count)
    this.#check(engine, 'ids')
    const columns = memory.put(this.#parts.columns)
    kernels.maxReadFrom(engine, columns, columns + this.#parts.columns.length)
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
    const { memory, kernels } = this.#workspace
    if (!this.#reading) {
      const at = memory.put(this.#parts.texts)
      kernels.maxReadFrom(this.#texts.engine, at, at + this.#parts.texts.length)
      this.#reading = true
    }
    this.#texts.lines(RAW + context.column, count, starts, ends)
  }

  #coder(): SymbolCoder {
    if (this.#symbols === undefined) throw new PithError('PITH_INTERNAL', 'templates must be decoded before columns')
    return this.#symbols
  }

  #check(engine: number, section: string): void {
    if (this.#workspace.kernels.maxOverrun(engine) > 4) throw truncated(section)
  }
}
