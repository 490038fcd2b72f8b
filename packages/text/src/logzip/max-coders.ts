/** The two engines of level `max` on the host's side, each for both directions: symbols, and texts. */
import { PithError } from '@pith/core'
import { LeftColumns, MIN_REFERRING, REFERENCES, SAMPLE } from './max-left.ts'
import { vocabulary } from './max-vocabulary.ts'
import type { SymbolContext } from './streams.ts'
import type { Workspace } from './workspace.ts'

/** What the template ids of a chunk are coded with. */
export interface LineTemplates {
  /** i32 a line. */
  ids: number
  lines: number
  /** Templates that there are. */
  count: number
}

/** Logarithms of the bytes of a context table. */
export const MIN_LOG: number = 16
export const MAX_LOG: number = 22
/** log2 of the values that the engine of symbols remembers. */
const GUESS_LOG = 16
/** Kinds of text: meta, tables, and raw rows of column c as 2 + c. */
export const TEXT_KIND: { readonly meta: 0; readonly tables: 1; readonly raw: 2 } = { meta: 0, tables: 1, raw: 2 }
/** Zeroed bytes before the texts, which the model looks back into. */
const LOOK_BACK = 32

/** log2 of a context table for so many coded bytes or symbols. */
export function tableLog(symbols: number): number {
  return Math.min(MAX_LOG, Math.max(MIN_LOG, 32 - Math.clz32(symbols) + 8))
}

/** A code that ends before what it should hold. */
export function truncated(section: string): PithError {
  return new PithError('PITH_CORRUPT', 'the code of a chunk ends before its streams', { at: { section } })
}

/** The engine of symbols, in either direction. */
export class SymbolCoder {
  readonly engine: number
  readonly #workspace: Workspace
  readonly #left: LeftColumns
  readonly #templates: LineTemplates
  readonly #decoding: boolean
  readonly #args: number

  constructor(workspace: Workspace, templates: LineTemplates, log: number, decoding: boolean) {
    this.#workspace = workspace
    this.#decoding = decoding
    this.#templates = templates
    this.#left = new LeftColumns(workspace)
    this.#args = workspace.words(16)
    this.engine = workspace.memory.alloc(workspace.kernels.maxEngineBytes(log, GUESS_LOG), 64)
    workspace.kernels.maxEngineInit(this.engine, log, GUESS_LOG)
  }

  ids(context: SymbolContext, ids: number, limit: number): void {
    const { memory, kernels } = this.#workspace
    const mark = memory.mark()
    this.#column(
      context,
      this.#decoding ? undefined : () => this.#take(ids, Math.min(SAMPLE, context.rows)),
      ids,
      context.rows,
      limit,
    )
    kernels.maxIds(this.#args)
    this.#left.remember(context, ids)
    memory.release(mark)
  }

  residuals(context: SymbolContext, residuals: number, small: boolean, kind: 'number' | 'time', mode: number): void {
    const { memory, kernels } = this.#workspace
    const mark = memory.mark()
    const symbols = this.#workspace.words(context.rows)
    const hashes = this.#workspace.words(24)
    const low = (): Int32Array =>
      Int32Array.from(new Float64Array(memory.buffer, residuals, Math.min(SAMPLE, context.rows)), (v) => v | 0)
    const rest = [residuals, context.rows, small ? 1 : 0, kind === 'time' ? 1 : 0, mode, hashes, symbols]
    this.#column(context, this.#decoding ? undefined : low, ...rest)
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

  #take(at: number, count: number): Int32Array {
    return this.#workspace.memory.i32.slice(at >> 2, (at >> 2) + count)
  }

  /** Set the arguments of a column; `symbols` are known to the coder only. */
  #column(context: SymbolContext, symbols: (() => Int32Array) | undefined, ...rest: number[]): void {
    const { memory, kernels } = this.#workspace
    let references: number[] = []
    if (context.rows >= MIN_REFERRING) {
      const at = this.#workspace.words(REFERENCES)
      if (symbols !== undefined) memory.i32.set(this.#left.choose(context, symbols()), at >> 2)
      kernels.maxReferences(this.engine, at, REFERENCES)
      references = [...this.#take(at, REFERENCES)]
    }
    const { list, count } = this.#left.align(context, references)
    const { ids, lines } = this.#templates
    const head = [this.engine, context.column, list, count, context.lines, ids, lines]
    memory.i32.set([...head, ...rest], this.#args >> 2)
  }
}

/** The engine of texts with its texts, in either direction. */
export class TextCoder {
  readonly engine: number
  readonly buffer: number
  readonly #workspace: Workspace

  constructor(workspace: Workspace, log: number, bytes: number) {
    const { memory, kernels } = workspace
    this.#workspace = workspace
    this.engine = memory.alloc(kernels.maxEngineBytes(log, 0), 64)
    const matchLog = Math.min(18, log - 4)
    const matches = memory.alloc(8 << matchLog)
    const words = vocabulary()
    this.buffer = memory.alloc(LOOK_BACK + words.length + bytes + 16) + LOOK_BACK
    kernels.maxEngineInit(this.engine, log, 0)
    kernels.maxTextInit(this.engine, this.buffer, this.buffer + words.length + bytes, matches, matchLog)
    // Learn the vocabulary; its code is dropped.
    kernels.maxWriteTo(this.engine, this.buffer, this.buffer)
    this.put(TEXT_KIND.tables, words)
  }

  put(kind: number, bytes: Uint8Array): void {
    const { memory, kernels } = this.#workspace
    memory.u8.set(bytes, kernels.maxTextAt(this.engine))
    kernels.maxTextBytes(this.engine, kind, Math.min(kind, TEXT_KIND.raw), bytes.length)
  }

  /** Decode `n` bytes. */
  take(kind: number, n: number): Uint8Array<ArrayBuffer> {
    const { memory, kernels } = this.#workspace
    const at = kernels.maxTextAt(this.engine)
    if (kernels.maxTextBytes(this.engine, kind, Math.min(kind, TEXT_KIND.raw), n) === 0) throw truncated('tables')
    return memory.take(at, n)
  }

  /** Decode `n` lines and give their places. */
  lines(kind: number, n: number, starts: number, ends: number): void {
    const { kernels } = this.#workspace
    const at = kernels.maxTextAt(this.engine)
    const whole = kernels.maxTextLines(this.engine, kind, Math.min(kind, TEXT_KIND.raw), n) === 1
    if (!whole || kernels.splitTexts(at, kernels.maxTextAt(this.engine), n, starts, ends, 4) < 0)
      throw truncated('texts')
  }
}
