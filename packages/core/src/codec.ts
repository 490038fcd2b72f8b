import type { PithError } from './errors.ts'
import type { Source } from './io.ts'
import type { Report } from './report.ts'
import type { Limits, Run } from './run.ts'

/** One block of an entry as the index of the container knows it. */
export interface BlockRow {
  /** Name of the section that holds the block. */
  readonly section: string
  /** Number of the block within its section, from 0. */
  readonly block: number
  /** Which of several codings of the same block this is (quality level), 0 unless there are several. */
  readonly variant: number
  /** Bytes in the file. */
  readonly storedBytes: number
  /** Bytes it stands for in the decoded entry (0 where that has no meaning). */
  readonly rawBytes: number
  /** Range of keys the block covers, in the codec's own unit (lines, tokens, documents); first inclusive, last exclusive. */
  readonly keys?: readonly [first: number, last: number]
  /** Version of the profile that the block needs; 0 means none. */
  readonly profile: number
}

/** What the container should know about a block. */
export interface BlockOptions {
  rawBytes: number
  keys?: readonly [first: number, last: number]
  variant?: number
  profile?: number
  /** Align the payload to 64 bytes in the file. */
  align?: boolean
}

/** What a codec writes one entry to; the container gives it. */
export interface EntryWriter {
  /** Write a profile (or a newer version of it) before the first block that needs it; resolves to its version, from 1. */
  profile(payload: Uint8Array): Promise<number>
  /** Add the next block of a section. The payload is not kept after the promise resolves. */
  block(section: string, payload: Uint8Array, options: BlockOptions): Promise<void>
  /** Replace the codec's own summary of the entry, kept beside the index and read with it at open (time ranges, bitmaps). */
  summary(payload: Uint8Array): Promise<void>
  /** Make what was written so far readable after a crash: index, tail, fsync. A sink that cannot, refuses with `PITH_UNSUPPORTED`. */
  commit(): Promise<void>
}

/** What a codec reads one entry from. */
export interface EntryReader {
  readonly id: number
  /** Path in the archive, where the entry has one. */
  readonly path?: string
  readonly codec: string
  readonly codecVersion: number
  /** Decoded length in bytes. */
  readonly rawBytes: number
  readonly limits: Limits
  /** Whether what it reads from is across a network. */
  readonly remote: boolean
  /** Rows of one section in block order. */
  blocks(section: string): Promise<readonly BlockRow[]>
  /** Names of the sections that the entry has. */
  sections(): Promise<readonly string[]>
  /** A block's payload with its CRC checked. @throws PithError `PITH_CHECKSUM`, `PITH_TRUNCATED` with the place */
  read(row: BlockRow, run?: Run): Promise<Uint8Array>
  /**
   * A profile by version; the newest without one. Undefined where the entry has none. `unchecked` also gives one that does
   * not match its checksum: to a caller that can tell right from wrong by what comes out.
   */
  profile(version?: number, run?: Run & { unchecked?: boolean }): Promise<Uint8Array | undefined>
  /** The codec's summary, undefined where it wrote none. */
  summary(): Promise<Uint8Array | undefined>
}

/** Something that answers from the compressed form. Each codec adds what it can. */
export interface Reader {
  close(): Promise<void>
}

/** What an entry holds already, where an encode goes on with it: all that a codec may build on. */
export interface PreviousEntry {
  /** Decoded bytes so far. */
  readonly rawBytes: number
  /** The newest profile and its version, where there is one. */
  readonly profile?: { readonly version: number; readonly payload: Uint8Array }
  /** The codec's own summary; the one it writes next must cover the whole entry. */
  readonly summary?: Uint8Array
  /** Of each section how many blocks it has, and where the keys of its last block end (0 where it has none). */
  readonly sections: Readonly<Record<string, { readonly blocks: number; readonly nextKey: number }>>
}

/** Given to an encode that goes on with an entry: appending, and flushing by time. */
export interface Continuation {
  previous?: PreviousEntry
}

/** A part of a damaged entry that {@link Codec.repair} had to leave out. */
export interface LeftOut {
  /** What it is and why, to be shown behind "lost". */
  readonly what: string
  /** Decoded bytes that are gone with it, as far as they are known. */
  readonly rawBytes: number
  /** Range of keys (lines, tokens, documents) in the damaged entry, where it is known; last exclusive. */
  readonly keys?: readonly [first: number, last: number]
}

/** A part of an entry that cannot be read, and is left out. */
export interface DamagedPart {
  /** Number of the part among those of the entry, from 0: a chunk of a log, a block of other bytes. */
  readonly part: number
  /** Where it starts in the decoded entry, and the bytes that it should have, as the index says. */
  readonly rawOffset: number
  readonly rawBytes: number
  /** Lines that it should have, from 0, where it is known; last exclusive. A first or last one may be cut. */
  readonly lines?: readonly [first: number, last: number]
  /** What is wrong with it, with its place in the file. */
  readonly error: PithError
}

/** As {@link Run}, for reading an entry. */
export interface ReadRun extends Run {
  /**
   * Called for each part that is damaged, in their order; reading then goes on behind it. Without it, the first damage
   * is an error.
   */
  onDamage?: (part: DamagedPart) => void
}

/** A format-aware coder of one kind of entry. */
export interface Codec<Options = object, R extends Reader = Reader> {
  readonly id: string
  readonly version: number
  /** Confidence in 0..1 that this codec fits an input which starts with `head`. */
  probe(head: Uint8Array, name?: string): number
  encode(source: Source, sink: EntryWriter, options: Options & Run & Continuation): Promise<Report>
  decode(entry: EntryReader, run?: ReadRun): ReadableStream<Uint8Array>
  open?(entry: EntryReader, run?: ReadRun): Promise<R>
  /**
   * Write to `sink` what still decodes of a damaged entry, and say what does not. Rows may lack: their numbers then have
   * gaps; `read` and `profile` reject where something is damaged, the summary is undefined where it is not to be trusted.
   * Without this method `repair` of the container copies all blocks that can be read.
   */
  repair?(entry: EntryReader, sink: EntryWriter, run?: Run): Promise<readonly LeftOut[]>
}
