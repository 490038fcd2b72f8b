/** The streams in which the texts of a chunk stand: in one, or by class, then behind those of its dictionaries. */
import { type ByteReader, PithError } from '@pith/core'
import { KIND } from './streams.ts'
import type { ColumnSpec } from './tables.ts'
import { ANY_TEXTS, INNER_TEXTS, TEXT_CLASSES } from './text-classes.ts'

/** Which class the texts of each dictionary and column have, and where those of the classes stand, as a chunk tells it. */
export class TextClasses {
  readonly mask: number
  /** Which templates have lines, a bit each; empty where that is not told. */
  readonly usedTemplates: Uint8Array
  /** Texts of each class that stand in streams, of dictionaries and of columns. */
  readonly dictionaries: number[] = new Array(TEXT_CLASSES).fill(0)
  readonly rows: number[] = new Array(TEXT_CLASSES).fill(0)
  readonly #reader: ByteReader
  #taken: number = 0
  #byte: number = 0

  constructor(reader: ByteReader) {
    this.#reader = reader
    this.usedTemplates = reader.take(reader.varint())
    this.mask = reader.u8()
  }

  /** Give the next dictionary or column of texts its class. @returns whether its texts stand in the tables */
  take(spec: ColumnSpec): boolean {
    if (this.#taken++ % 4 === 0) this.#byte = this.#reader.u8()
    else this.#byte >>= 2
    const kind = this.#byte & 3
    spec.textClass = kind
    if (spec.kind === KIND.dict && this.areInTables(kind)) return true
    const counts = spec.kind === KIND.dict ? this.dictionaries : this.rows
    counts[kind] = (counts[kind] as number) + spec.texts
    return false
  }

  /** Whether dictionaries of a class stand in the tables. */
  areInTables(kind: number): boolean {
    return ((this.mask >> (kind + TEXT_CLASSES)) & 1) === 1
  }
}

/** A stream of texts: those of the dictionaries of its classes, then those of their columns. */
export interface TextStream {
  bytes: Uint8Array
  /** By class: where the texts of its dictionaries start. */
  dictionaries: number[]
  /** Where those of columns start. */
  rows: number
}

export class TextStreams {
  readonly #load: (stream: number) => Uint8Array
  readonly #classes: TextClasses | undefined
  readonly #open: Map<number, TextStream> = new Map()

  /**
   * @param load gives the bytes of a stream
   * @param classes where texts stand by class, once all columns have theirs
   */
  constructor(load: (stream: number) => Uint8Array, classes: TextClasses | undefined) {
    this.#load = load
    this.#classes = classes
  }

  /** Number of the stream in which texts of a class stand. */
  streamOf(kind: number): number {
    const mask = this.#classes?.mask ?? 0
    const own = kind < TEXT_CLASSES && ((mask >> kind) & 1) === 1 ? kind : ANY_TEXTS
    let stream = 0
    for (let k = 0; k < own; k++) stream += (mask >> k) & 1
    return stream
  }

  /** Whether texts stand by class. */
  get areSorted(): boolean {
    return this.#classes !== undefined
  }

  /** The stream of a class. */
  open(kind: number): TextStream {
    const index = this.streamOf(kind)
    let stream = this.#open.get(index)
    if (stream === undefined) {
      stream = this.#parts(index)
      this.#open.set(index, stream)
    }
    return stream
  }

  /** Texts of the columns of a class, and maybe of others. */
  rowsOf(kind: number): Uint8Array {
    const { bytes, rows } = this.open(kind)
    return bytes.subarray(rows)
  }

  /** By class of a stream: where the texts of its columns start. */
  rowsAt(kind: number): number[] {
    const { bytes, rows } = this.open(kind)
    const found: number[] = new Array(TEXT_CLASSES + 1).fill(rows)
    let at = rows
    for (const own of this.#classesOf(kind)) {
      found[own] = at
      at = behind(bytes, at, this.#classes?.rows[own] ?? 0)
    }
    found[INNER_TEXTS] = at
    return found
  }

  #parts(index: number): TextStream {
    const stream: TextStream = { bytes: this.#load(index), dictionaries: [], rows: 0 }
    for (let kind = 0; kind < TEXT_CLASSES; kind++) {
      if (this.streamOf(kind) !== index) continue
      stream.dictionaries[kind] = stream.rows
      stream.rows = behind(stream.bytes, stream.rows, this.#classes?.dictionaries[kind] ?? 0)
    }
    return stream
  }

  /** Classes that stand in the same stream. */
  #classesOf(kind: number): number[] {
    const index = this.streamOf(kind)
    return [...new Array(TEXT_CLASSES).keys()].filter((own) => this.streamOf(own) === index)
  }
}

/** Place behind so many texts. @throws PithError `PITH_CORRUPT` there are fewer */
export function behind(bytes: Uint8Array, from: number, count: number): number {
  let at = from
  for (let left = count; left > 0; left--) {
    at = bytes.indexOf(10, at) + 1
    if (at === 0) throw new PithError('PITH_CORRUPT', 'a chunk has fewer texts than it declares')
  }
  return at
}
