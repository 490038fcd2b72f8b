/** The symbols of columns as bytes, for the levels whose entropy coder is a general one. */
import { ByteWriter, PithError } from '@pith/core'
import { type ColumnSink, type ColumnSource, idWidth, type SymbolContext } from './streams.ts'
import type { Workspace } from './workspace.ts'

/** A group of columns is closed when it holds this many bytes; the unit of selective decoding. */
export const GROUP_BYTES: number = 262144

/** Texts that are longer on average are not joined in the workspace first: a line may be the whole chunk. */
const LONG_TEXT = 4096

/** Lays symbols out as byte planes and varints, in groups of neighbouring columns; texts apart. */
export class PlainSink implements ColumnSink {
  readonly #w: Workspace
  readonly #groups: Uint8Array[] = []
  readonly #groupBytes: number
  #texts: ByteWriter = new ByteWriter(4096)
  #group: ByteWriter = new ByteWriter(65536)

  constructor(workspace: Workspace, groupBytes: number = GROUP_BYTES) {
    this.#w = workspace
    this.#groupBytes = groupBytes
  }

  /** The groups and the texts; nothing may be added afterwards. */
  finish(): { groups: Uint8Array[]; texts: Uint8Array } {
    if (this.#group.length > 0) this.#groups.push(this.#group.view())
    return { groups: this.#groups, texts: this.#texts.view() }
  }

  ids({ rows }: SymbolContext, ids: number, limit: number): void {
    const { memory, kernels } = this.#w
    const mark = memory.mark()
    const width = idWidth(limit)
    const at = memory.reserve(rows * width)
    kernels.putPlanes(ids, rows, width, at)
    this.#add(at, rows * width)
    memory.release(mark)
  }

  residuals({ rows }: SymbolContext, residuals: number, largest: number): void {
    const { memory, kernels } = this.#w
    const mark = memory.mark()
    const at = memory.reserve(rows * 8)
    if (largest < 256) {
      kernels.putBytes(residuals, rows, at)
      this.#add(at, rows)
    } else this.#add(at, kernels.putVarints(residuals, rows, at) - at)
    memory.release(mark)
  }

  flags({ rows }: SymbolContext, flags: number): void {
    this.#add(flags, rows)
  }

  texts(_context: SymbolContext, starts: number, ends: number, count: number): void {
    const { memory, kernels } = this.#w
    const bytes = kernels.textBytes(starts, ends, count)
    if (bytes > count * LONG_TEXT) {
      if (this.#texts.length === 0) this.#texts = new ByteWriter(bytes)
      for (let i = 0; i < count; i++) {
        this.#texts.bytes(memory.u8.subarray(this.#w.word(starts, i), this.#w.word(ends, i)))
        this.#texts.u8(10)
      }
      return
    }
    const mark = memory.mark()
    const at = memory.reserve(bytes + 16)
    kernels.joinRows(starts, ends, count, at)
    this.#texts.bytes(memory.u8.subarray(at, at + bytes))
    memory.release(mark)
  }

  #add(at: number, bytes: number): void {
    this.#group.bytes(this.#w.memory.u8.subarray(at, at + bytes))
    if (this.#group.length >= this.#groupBytes) {
      this.#groups.push(this.#group.view())
      this.#group = new ByteWriter(65536)
    }
  }
}

/** Reads what {@link PlainSink} wrote, from groups that are put into the workspace when they are first needed. */
export class PlainSource implements ColumnSource {
  readonly #w: Workspace
  readonly #group: (index: number) => Uint8Array
  readonly #loadTexts: () => Uint8Array
  #next: number = 0
  #at: number = 0
  #end: number = 0
  #textAt: number = -1
  #textEnd: number = 0

  /**
   * @param group gives the bytes of a group
   * @param texts gives the bytes of the texts
   */
  constructor(workspace: Workspace, group: (index: number) => Uint8Array, texts: () => Uint8Array) {
    this.#w = workspace
    this.#group = group
    this.#loadTexts = texts
  }

  ids({ rows }: SymbolContext, ids: number, limit: number): void {
    const width = idWidth(limit)
    this.#w.kernels.getPlanes(this.#take(rows * width), rows, width, ids)
  }

  residuals({ rows }: SymbolContext, residuals: number, width: number): void {
    if (width === 1) {
      this.#w.kernels.getBytes(this.#take(rows), rows, residuals)
      return
    }
    this.#open()
    const end = this.#w.kernels.getVarints(this.#at, this.#end, rows, residuals)
    if (end < 0) throw tooShort()
    this.#at = end
  }

  flags({ rows }: SymbolContext, flags: number): void {
    this.#w.memory.u8.copyWithin(flags, this.#take(rows), this.#at)
  }

  texts(_context: SymbolContext, starts: number, ends: number, count: number): void {
    if (this.#textAt < 0) {
      const bytes = this.#loadTexts()
      this.#textAt = this.#w.memory.alloc(bytes.length + 64)
      this.#w.memory.u8.set(bytes, this.#textAt)
      this.#textEnd = this.#textAt + bytes.length
    }
    const end = this.#w.kernels.splitTexts(this.#textAt, this.#textEnd, count, starts, ends, 4)
    if (end < 0) throw tooShort()
    this.#textAt = end
  }

  #open(): void {
    while (this.#at >= this.#end) {
      const bytes = this.#group(this.#next++)
      if (bytes.length === 0) throw tooShort()
      this.#at = this.#w.memory.alloc(bytes.length + 64)
      this.#w.memory.u8.set(bytes, this.#at)
      this.#end = this.#at + bytes.length
    }
  }

  #take(bytes: number): number {
    this.#open()
    if (bytes > this.#end - this.#at) throw tooShort()
    const at = this.#at
    this.#at += bytes
    return at
  }
}

function tooShort(): PithError {
  return new PithError('PITH_CORRUPT', 'the columns of a chunk end before all rows are read')
}
