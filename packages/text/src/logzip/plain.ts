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
  readonly keepsReach: boolean = true
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

/** Where the symbols and texts that a source gives next stand. */
export interface Place {
  readonly group: number
  readonly at: number
  readonly end: number
  readonly textAt: number
}

/** Reads what {@link PlainSink} wrote, from groups that are put into the workspace when they are first needed. */
export class PlainSource implements ColumnSource {
  readonly #w: Workspace
  readonly #group: (index: number) => Uint8Array
  readonly #loadTexts: () => Uint8Array
  readonly #spent: (bytes: Uint8Array) => void
  #next: number = 0
  #at: number = 0
  #end: number = 0
  #textAt: number = -1
  #textEnd: number = 0
  #firstText: number = -1
  /** Groups that are in the workspace. */
  readonly #groups: { at: number; end: number }[] = []

  /**
   * @param group gives the bytes of a group
   * @param texts gives the bytes of the texts
   * @param spent takes back what either gave once it is in the workspace
   */
  constructor(
    workspace: Workspace,
    group: (index: number) => Uint8Array,
    texts: () => Uint8Array,
    spent: (bytes: Uint8Array) => void = () => {},
  ) {
    this.#w = workspace
    this.#group = group
    this.#loadTexts = texts
    this.#spent = spent
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

  /** Where it stands, to go back to. */
  place(): Place {
    return { group: this.#next, at: this.#at, end: this.#end, textAt: this.#textAt }
  }

  /** Go on from a place where it has stood. */
  goTo({ group, at, end, textAt }: Place): void {
    this.#next = group
    this.#at = at
    this.#end = end
    this.#textAt = textAt
  }

  /** Pass over symbols of so many bytes. */
  skip(bytes: number): void {
    this.#take(bytes)
  }

  /** Pass over so many varints. */
  skipVarints(count: number): void {
    this.#open()
    const { u8 } = this.#w.memory
    let at = this.#at
    for (let left = count; left > 0; at++) {
      if (at >= this.#end) throw tooShort()
      if ((u8[at] as number) < 128) left--
    }
    this.#at = at
  }

  /** Pass over so many texts. */
  skipTexts(count: number): void {
    this.#openTexts()
    const texts = this.#w.memory.u8.subarray(0, this.#textEnd)
    let at = this.#textAt
    for (let left = count; left > 0; left--) {
      at = texts.indexOf(10, at) + 1
      if (at === 0) throw tooShort()
    }
    this.#textAt = at
  }

  #openTexts(): void {
    if (this.#textAt >= 0) return
    if (this.#firstText < 0) {
      const bytes = this.#loadTexts()
      this.#firstText = this.#w.memory.alloc(bytes.length + 64)
      this.#w.memory.u8.set(bytes, this.#firstText)
      this.#textEnd = this.#firstText + bytes.length
      this.#spent(bytes)
    }
    this.#textAt = this.#firstText
  }

  texts(_context: SymbolContext, starts: number, ends: number, count: number): void {
    this.#openTexts()
    const end = this.#w.kernels.splitTexts(this.#textAt, this.#textEnd, count, starts, ends, 4)
    if (end < 0) throw tooShort()
    this.#textAt = end
  }

  #open(): void {
    if (this.#at < this.#end) return
    let group = this.#groups[this.#next]
    if (group === undefined) {
      const bytes = this.#group(this.#next)
      if (bytes.length === 0) throw tooShort()
      const at = this.#w.memory.alloc(bytes.length + 64)
      this.#w.memory.u8.set(bytes, at)
      group = { at, end: at + bytes.length }
      this.#groups.push(group)
      this.#spent(bytes)
    }
    this.#next++
    this.#at = group.at
    this.#end = group.end
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
