/** The symbols of columns as bytes, for the levels whose entropy coder is a general one. */
import { ByteWriter, concatBytes, PithError } from '@pith/core'
import { type ColumnSink, type ColumnSource, idWidth, type SymbolContext } from './streams.ts'
import { ANY_TEXTS, classOf, INNER_TEXTS, TEXT_CLASSES } from './text-classes.ts'
import type { TextStreams } from './text-streams.ts'
import type { Workspace } from './workspace.ts'

/** A group of columns is closed when it holds this many bytes; the unit of selective decoding. */
export const GROUP_BYTES: number = 262144

/** Texts that are longer on average are not joined in the workspace first: a line may be the whole chunk. */
const LONG_TEXT = 4096

/** Kinds of symbols, each in groups of its own: ids and flags, residuals of numbers, of times, all those of logs within columns. */
export const SYMBOL_KINDS: number = 4
const IDS = 0
const NUMBERS = 1
const TIMES = 2
const LOGS = 3

/** How symbols and texts are put together; another layout is for tests. */
export interface PlainLayout {
  /** A group of columns is closed when it holds this many bytes; the unit of selective decoding. */
  readonly groupBytes: number
  /** Texts of a column of fewer bytes than this count as any texts: most searches read these anyway. */
  readonly classedBytes: number
  /** Texts of a class of fewer bytes than this get no stream of their own. */
  readonly streamBytes: number
}

const LAYOUT: PlainLayout = { groupBytes: GROUP_BYTES, classedBytes: 256, streamBytes: 4096 }

/** Texts are not put to more than so many of another class. */
const MAX_JOINED = 2 ** 20

/** The streams of a chunk that is coded in parts. */
export interface SortedStreams {
  /** Groups of each kind of symbols. */
  groups: Uint8Array[][]
  /** Streams of texts, by class. */
  texts: Uint8Array[]
  /** Bit k: class k has a stream of its own, else its texts stand with those of any bytes. Bit k + 4: its dictionaries stand in the tables. */
  mask: number
  /** Class of each dictionary and column with texts of its own, in the order of columns. */
  classes: readonly number[]
  /** What is left of the tables. */
  tables: Uint8Array
}

/** Groups of one kind of symbols, the last of them still open. */
interface KindGroups {
  full: Uint8Array[]
  open: ByteWriter
}

/** Lays symbols out as byte planes and varints, in groups of neighbouring columns; texts apart. */
export class PlainSink implements ColumnSink {
  readonly keepsReach: boolean = true
  readonly #w: Workspace
  readonly #layout: PlainLayout
  readonly #kinds: KindGroups[]
  readonly #texts: ByteWriter[]
  /** Kinds, and classes, in the order of columns, each followed by its bytes. */
  readonly #symbolOrder: number[] = []
  readonly #textOrder: number[] = []
  /** Where they stand in the tables. */
  readonly #dictionaries: { kind: number; from: number; to: number }[] = []
  /** Of each dictionary, and of each column with texts of its own. */
  readonly #classes: number[] = []
  #bytes: number = 0

  constructor(workspace: Workspace, layout: Partial<PlainLayout> = {}) {
    this.#w = workspace
    this.#layout = { ...LAYOUT, ...layout }
    this.#kinds = Array.from({ length: SYMBOL_KINDS }, () => ({ full: [], open: new ByteWriter(16384) }))
    this.#texts = Array.from({ length: INNER_TEXTS + 1 }, () => new ByteWriter(1024))
  }

  /** Bytes of symbols and texts so far. */
  get bytes(): number {
    return this.#bytes
  }

  /** All symbols, and all texts, in the order of columns; for a chunk without full groups. */
  inOrder(): { symbols: Uint8Array; texts: Uint8Array } {
    const symbols = this.#kinds.map(({ full, open }) => concatParts([...full, open.view()]))
    const texts = this.#texts.map((own) => own.view())
    return { symbols: interleave(symbols, this.#symbolOrder), texts: interleave(texts, this.#textOrder) }
  }

  /** Symbols by kind, texts of dictionaries and columns by class; nothing may be added afterwards. */
  sorted(tables: Uint8Array): SortedStreams {
    const groups = this.#kinds.map(({ full, open }) => (open.length > 0 ? [...full, open.view()] : full))
    const sizes = new Array<number>(TEXT_CLASSES).fill(0)
    let rest = tables.length
    for (const { kind, from, to } of this.#dictionaries) {
      sizes[kind] = (sizes[kind] as number) + to - from
      rest -= to - from
    }
    // Dictionaries of any texts are like templates: where these are more, they stay together.
    const { streamBytes } = this.#layout
    const stay = sizes.map((bytes, kind) => bytes < streamBytes || (kind === ANY_TEXTS && bytes * 2 < rest))
    const dictionaries = sizes.map((): Uint8Array[] => [])
    const kept: Uint8Array[] = []
    let at = 0
    for (const { kind, from, to } of this.#dictionaries) {
      if (stay[kind] === true) continue
      kept.push(tables.subarray(at, from))
      dictionaries[kind]?.push(tables.subarray(from, to))
      at = to
    }
    kept.push(tables.subarray(at))
    const rows = this.#texts.map((own) => own.view())
    const bytesOf = (kind: number): number =>
      (rows[kind]?.length ?? 0) + (stay[kind] === true ? 0 : (sizes[kind] as number))
    const least = bytesOf(ANY_TEXTS) <= MAX_JOINED ? streamBytes : 1
    const joined = sizes.flatMap((_, kind) => (kind === ANY_TEXTS || bytesOf(kind) < least ? [kind] : []))
    const texts = sizes.map((_, kind) => {
      if (!joined.includes(kind)) return concatParts([...(dictionaries[kind] ?? []), rows[kind] ?? NOTHING])
      if (kind !== ANY_TEXTS) return NOTHING
      const both = [...joined.flatMap((own) => dictionaries[own] ?? []), ...joined.map((own) => rows[own] ?? NOTHING)]
      return concatParts([...both, rows[INNER_TEXTS] ?? NOTHING])
    })
    let mask = 0
    for (let kind = 0; kind < TEXT_CLASSES; kind++) {
      if (texts[kind] !== NOTHING) mask |= 1 << kind
      if (stay[kind] === true) mask |= 1 << (kind + TEXT_CLASSES)
    }
    const streams = texts.filter((own) => own !== NOTHING)
    return { groups, texts: streams, mask, classes: this.#classes, tables: concatParts(kept) }
  }

  ids({ rows, isInner }: SymbolContext, ids: number, limit: number): void {
    const { memory, kernels } = this.#w
    const mark = memory.mark()
    const width = idWidth(limit)
    const at = memory.reserve(rows * width)
    kernels.putPlanes(ids, rows, width, at)
    this.#add(kindOf(IDS, isInner), at, rows * width)
    memory.release(mark)
  }

  residuals({ rows, isInner }: SymbolContext, residuals: number, largest: number, kind: 'number' | 'time'): void {
    const own = kindOf(kind === 'time' ? TIMES : NUMBERS, isInner)
    const { memory, kernels } = this.#w
    const mark = memory.mark()
    const at = memory.reserve(rows * 8)
    if (largest < 256) {
      kernels.putBytes(residuals, rows, at)
      this.#add(own, at, rows)
    } else this.#add(own, at, kernels.putVarints(residuals, rows, at) - at)
    memory.release(mark)
  }

  flags({ rows, isInner }: SymbolContext, flags: number): void {
    this.#add(kindOf(IDS, isInner), flags, rows)
  }

  dictionary(tables: ByteWriter, from: number): void {
    const bytes = tables.view()
    const kind = bytes.length - from < this.#layout.classedBytes ? ANY_TEXTS : classOf(bytes, from, bytes.length)
    this.#dictionaries.push({ kind, from, to: bytes.length })
    this.#classes.push(kind)
  }

  texts({ isInner = false }: SymbolContext, starts: number, ends: number, count: number): void {
    const { memory, kernels } = this.#w
    const bytes = kernels.textBytes(starts, ends, count)
    let kind = isInner ? INNER_TEXTS : ANY_TEXTS
    if (bytes > count * LONG_TEXT) {
      const out = this.#roomFor(kind, bytes)
      for (let i = 0; i < count; i++) {
        out.bytes(memory.u8.subarray(this.#w.word(starts, i), this.#w.word(ends, i)))
        out.u8(10)
      }
    } else {
      const mark = memory.mark()
      const at = memory.reserve(bytes + 16)
      kernels.joinRows(starts, ends, count, at)
      if (!isInner && bytes >= this.#layout.classedBytes) kind = classOf(memory.u8, at, at + bytes)
      this.#texts[kind]?.bytes(memory.u8.subarray(at, at + bytes))
      memory.release(mark)
    }
    if (!isInner) this.#classes.push(kind)
    this.#textOrder.push(kind, bytes)
    this.#bytes += bytes
  }

  /** The texts of a class, of which so many bytes come next. */
  #roomFor(kind: number, bytes: number): ByteWriter {
    if (this.#texts[kind]?.length === 0) this.#texts[kind] = new ByteWriter(bytes)
    return this.#texts[kind] as ByteWriter
  }

  #add(kind: number, at: number, bytes: number): void {
    const group = this.#kinds[kind] as KindGroups
    group.open.bytes(this.#w.memory.u8.subarray(at, at + bytes))
    this.#symbolOrder.push(kind, bytes)
    this.#bytes += bytes
    if (group.open.length >= this.#layout.groupBytes) {
      group.full.push(group.open.view())
      group.open = new ByteWriter(65536)
    }
  }
}

const NOTHING: Uint8Array = /* @__PURE__ */ new Uint8Array(0)

function kindOf(kind: number, isInner: boolean | undefined): number {
  return isInner === true ? LOGS : kind
}

/** Parts one behind the other, {@link NOTHING} where they have no bytes. */
function concatParts(parts: readonly Uint8Array[]): Uint8Array {
  const some = parts.filter(({ length }) => length > 0)
  return some.length > 1 ? concatBytes(some) : (some[0] ?? NOTHING)
}

/** Pieces of streams in the order in which they were added: stream and bytes of each. */
function interleave(streams: readonly Uint8Array[], order: readonly number[]): Uint8Array {
  const out = new Uint8Array(streams.reduce((sum, { length }) => sum + length, 0))
  const done = streams.map(() => 0)
  let at = 0
  for (let i = 0; i < order.length; i += 2) {
    const [stream, bytes] = [order[i], order[i + 1]] as [number, number]
    const from = done[stream] as number
    out.set((streams[stream] as Uint8Array).subarray(from, from + bytes), at)
    done[stream] = from + bytes
    at += bytes
  }
  return out
}

/** Where the next of the symbols of a kind, or of the texts of a class, stand. */
export interface StreamPlace {
  readonly next: number
  readonly at: number
  readonly end: number
}

/** Where a source takes the bytes of symbols and texts from. */
export interface PlainStreams {
  /** How many groups there are of each kind of symbols; one number where all kinds share their groups. */
  readonly groups: readonly number[]
  readonly texts: TextStreams
  /** Gives the bytes of a group. */
  group(index: number): Uint8Array
  /** Takes back a group once it is in the workspace. */
  spent?(bytes: Uint8Array): void
}

/** Reads what {@link PlainSink} wrote, from groups that are put into the workspace when they are first needed. */
export class PlainSource implements ColumnSource {
  readonly #w: Workspace
  readonly #streams: PlainStreams
  /** By kind of symbols; the same one for all where they share their groups. */
  readonly #cursors: GroupCursor[]
  /** By class: where the next text stands, negative before its stream is there. */
  readonly #textAt: number[] = new Array(INNER_TEXTS + 1).fill(-1)
  readonly #firstText: number[] = new Array(INNER_TEXTS + 1).fill(-1)
  readonly #textEnd: number[] = new Array(INNER_TEXTS + 1).fill(0)

  constructor(workspace: Workspace, streams: PlainStreams) {
    this.#w = workspace
    this.#streams = streams
    let first = 0
    const cursors = streams.groups.map((count) => {
      const cursor = new GroupCursor(workspace, streams, first, first + count)
      first += count
      return cursor
    })
    this.#cursors = Array.from({ length: SYMBOL_KINDS }, (_, kind) => cursors[kind] ?? (cursors[0] as GroupCursor))
  }

  ids({ rows, isInner }: SymbolContext, ids: number, limit: number): void {
    const width = idWidth(limit)
    this.#w.kernels.getPlanes(this.#cursor(kindOf(IDS, isInner)).take(rows * width), rows, width, ids)
  }

  residuals({ rows, isInner }: SymbolContext, residuals: number, width: number, kind: 'number' | 'time'): void {
    const cursor = this.#cursor(kindOf(kind === 'time' ? TIMES : NUMBERS, isInner))
    if (width === 1) this.#w.kernels.getBytes(cursor.take(rows), rows, residuals)
    else cursor.takeVarints(rows, residuals)
  }

  flags({ rows, isInner }: SymbolContext, flags: number): void {
    const at = this.#cursor(kindOf(IDS, isInner)).take(rows)
    this.#w.memory.u8.copyWithin(flags, at, at + rows)
  }

  /** Whether logs within columns have streams of their own, so that other columns are read without them. */
  get keepsLogsApart(): boolean {
    return this.#streams.texts.areSorted
  }

  /** Numbers of streams, to ask for their places: of ids and flags, of residuals, of the texts of a class. */
  idStream(): number {
    return IDS
  }

  residualStream(kind: 'number' | 'time'): number {
    if (this.#cursors[IDS] === this.#cursors[NUMBERS]) return IDS
    return kind === 'time' ? TIMES : NUMBERS
  }

  textStream(kind: number): number {
    return LOGS + kind
  }

  /** Where all streams stand, but for those of logs within columns. */
  places(): StreamPlace[] {
    return Array.from({ length: LOGS + TEXT_CLASSES }, (_, stream) => this.place(stream))
  }

  place(stream: number): StreamPlace {
    if (stream < LOGS) return this.#cursor(stream).place()
    return { next: 0, at: this.#textAt[stream - LOGS] as number, end: 0 }
  }

  /** Go on from a place where a stream has stood. */
  goTo(stream: number, place: StreamPlace): void {
    if (stream < LOGS) this.#cursor(stream).goTo(place)
    else this.#textAt[stream - LOGS] = place.at
  }

  /** Pass over ids or flags of so many bytes. */
  skipIds(bytes: number): void {
    this.#cursor(IDS).take(bytes)
  }

  /** Pass over residuals of so many rows. */
  skipResiduals(rows: number, width: number, kind: 'number' | 'time'): void {
    const cursor = this.#cursor(kind === 'time' ? TIMES : NUMBERS)
    if (width === 1) cursor.take(rows)
    else cursor.skipVarints(rows)
  }

  /** Pass over so many texts of a class. */
  skipTexts(count: number, kind: number): void {
    this.#openTexts(kind)
    const texts = this.#w.memory.u8.subarray(0, this.#textEnd[kind])
    let at = this.#textAt[kind] as number
    for (let left = count; left > 0; left--) {
      at = texts.indexOf(10, at) + 1
      if (at === 0) throw tooShort()
    }
    this.#textAt[kind] = at
  }

  texts({ isInner }: SymbolContext, starts: number, ends: number, count: number, textClass: number): void {
    const kind = isInner === true && this.keepsLogsApart ? INNER_TEXTS : textClass
    this.#openTexts(kind)
    const from = this.#textAt[kind] as number
    const end = this.#w.kernels.splitTexts(from, this.#textEnd[kind] as number, count, starts, ends, 4)
    if (end < 0) throw tooShort()
    this.#textAt[kind] = end
  }

  #cursor(kind: number): GroupCursor {
    return this.#cursors[kind] as GroupCursor
  }

  #openTexts(kind: number): void {
    if ((this.#textAt[kind] as number) >= 0) return
    if ((this.#firstText[kind] as number) < 0) {
      const { texts } = this.#streams
      const { bytes } = texts.open(kind)
      const rows = texts.rowsAt(kind)
      const at = this.#w.memory.alloc(bytes.length + 64)
      this.#w.memory.u8.set(bytes, at)
      for (let own = 0; own <= INNER_TEXTS; own++) {
        if (texts.streamOf(own) !== texts.streamOf(kind)) continue
        this.#firstText[own] = at + (rows[own] as number)
        this.#textEnd[own] = at + bytes.length
      }
    }
    this.#textAt[kind] = this.#firstText[kind] as number
  }
}

/** Goes through the groups of a kind of symbols. */
class GroupCursor {
  readonly #w: Workspace
  readonly #streams: PlainStreams
  readonly #last: number
  #next: number
  #at: number = 0
  #end: number = 0
  /** Groups that are in the workspace. */
  readonly #groups: Map<number, { at: number; end: number }> = new Map()

  constructor(workspace: Workspace, streams: PlainStreams, first: number, last: number) {
    this.#w = workspace
    this.#streams = streams
    this.#next = first
    this.#last = last
  }

  place(): StreamPlace {
    return { next: this.#next, at: this.#at, end: this.#end }
  }

  goTo({ next, at, end }: StreamPlace): void {
    this.#next = next
    this.#at = at
    this.#end = end
  }

  take(bytes: number): number {
    this.#open()
    if (bytes > this.#end - this.#at) throw tooShort()
    const at = this.#at
    this.#at += bytes
    return at
  }

  takeVarints(rows: number, residuals: number): void {
    this.#open()
    const end = this.#w.kernels.getVarints(this.#at, this.#end, rows, residuals)
    if (end < 0) throw tooShort()
    this.#at = end
  }

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

  #open(): void {
    if (this.#at < this.#end) return
    let group = this.#groups.get(this.#next)
    if (group === undefined) {
      if (this.#next >= this.#last) {
        throw new PithError('PITH_CORRUPT', 'a chunk needs more groups of columns than it has')
      }
      const bytes = this.#streams.group(this.#next)
      if (bytes.length === 0) throw tooShort()
      const at = this.#w.memory.alloc(bytes.length + 64)
      this.#w.memory.u8.set(bytes, at)
      group = { at, end: at + bytes.length }
      this.#groups.set(this.#next, group)
      this.#streams.spent?.(bytes)
    }
    this.#next++
    this.#at = group.at
    this.#end = group.end
  }
}

function tooShort(): PithError {
  return new PithError('PITH_CORRUPT', 'the columns of a chunk end before all rows are read')
}
