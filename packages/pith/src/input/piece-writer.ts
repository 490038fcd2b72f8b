import {
  type BlockOptions,
  type Codec,
  concatBytes,
  type EntryWriter,
  type PreviousEntry,
  type Run,
  type Source,
  toSource,
} from '@pith/core'
import type { ContainerEntryWriter, EntryMark } from '@pith/core/container'
import { type EncodeChoices, encodeWith } from './encode-entry.ts'

/** How many pieces of a size are written before they become one of the next size. */
const FAN = 8
/** Pieces of this size stay as they are. */
const FULL_BYTES = 8 << 20
const LINE_END = 10

/** Bytes that were written by one encode, and how to go back behind them. */
interface Piece {
  readonly mark: EntryMark
  readonly before: PreviousEntry | undefined
  readonly bytes: Uint8Array
  /** 0 for what one flush wrote, n + 1 for what FAN pieces of size n became. */
  readonly size: number
}

/**
 * Writes an entry whose bytes come in over time. Each flush writes what is new as a piece of its own and commits; pieces are
 * written again together, eight by eight, so that many flushes cost little more room than none, and each byte is coded a few
 * times at most.
 */
export class PieceWriter {
  readonly #codec: Codec
  readonly #entry: ContainerEntryWriter
  readonly #choices: EncodeChoices
  readonly #run: Run
  #state: PreviousEntry | undefined
  #pieces: Piece[] = []
  #fresh: Uint8Array[] = []
  #freshBytes = 0
  bytesOut = 0

  constructor(
    codec: Codec,
    entry: ContainerEntryWriter,
    choices: EncodeChoices,
    run: Run,
    previous: PreviousEntry | undefined,
  ) {
    this.#codec = codec
    this.#entry = entry
    this.#choices = choices
    this.#run = run
    this.#state = previous
  }

  /** Write a source to its end, as one piece. @returns bytes taken from the source */
  async writeAll(source: Source): Promise<number> {
    return await this.#encode(source)
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#fresh.push(bytes.slice())
    this.#freshBytes += bytes.length
    if (this.#freshBytes < FULL_BYTES) return
    const [ready, rest] = cutAtLine(this.#takeFresh())
    await this.#flush(ready)
    this.#fresh = [rest]
    this.#freshBytes = rest.length
  }

  /** Make everything that was written durable. */
  async flush(): Promise<boolean> {
    await this.#flush(this.#takeFresh())
    return false
  }

  /** Write the last bytes; all pieces that are not full become one. */
  async close(): Promise<void> {
    const bytes = this.#takeFresh()
    if (this.#pieces.length > 0) await this.#merge(this.#pieces, bytes)
    else if (bytes.length > 0) await this.#write(bytes, 0)
  }

  #takeFresh(): Uint8Array {
    const bytes = concatBytes(this.#fresh)
    this.#fresh = []
    this.#freshBytes = 0
    return bytes
  }

  /** Write new bytes as a piece, merge pieces that became many, and make all of it durable. */
  async #flush(bytes: Uint8Array): Promise<void> {
    const held = this.#pieces.reduce((sum, piece) => sum + piece.bytes.length, bytes.length)
    if (this.#pieces.length > 0 && held >= FULL_BYTES) await this.#merge(this.#pieces, bytes)
    else await this.#write(bytes, 0)
    for (;;) {
      const size = this.#pieces.at(-1)?.size ?? 0
      const same = this.#pieces.filter((piece) => piece.size === size)
      if (same.length < FAN) break
      await this.#merge(same)
    }
    await this.#entry.commit()
  }

  async #merge(pieces: readonly Piece[], more: Uint8Array = new Uint8Array(0)): Promise<void> {
    const first = pieces[0]!
    this.#pieces = this.#pieces.slice(0, this.#pieces.indexOf(first))
    await this.#entry.supersede(first.mark)
    this.#state = first.before
    await this.#write(concatBytes([...pieces.map((piece) => piece.bytes), more]), first.size + 1)
  }

  async #write(bytes: Uint8Array, size: number): Promise<void> {
    const piece = { mark: this.#entry.mark(), before: this.#state, bytes, size }
    await this.#encode(toSource(bytes))
    // What is full is let go, and with it everything before: no merge reaches over it.
    if (bytes.length >= FULL_BYTES) this.#pieces = []
    else this.#pieces.push(piece)
  }

  async #encode(source: Source): Promise<number> {
    const remembering = new RememberingWriter(this.#entry, this.#state)
    const previous = this.#state === undefined ? {} : { previous: this.#state }
    const report = await encodeWith(this.#codec, source, remembering, this.#choices, { ...this.#run, ...previous })
    this.#state = remembering.state(report.bytesIn)
    this.bytesOut += report.bytesOut
    return report.bytesIn
  }
}

/** Passes everything on, and keeps what a later encode of the same entry goes on from. */
class RememberingWriter implements EntryWriter {
  readonly #entry: EntryWriter
  #state: PreviousEntry

  constructor(entry: EntryWriter, before: PreviousEntry | undefined) {
    this.#entry = entry
    this.#state = before ?? { rawBytes: 0, sections: {} }
  }

  state(bytes: number): PreviousEntry {
    return { ...this.#state, rawBytes: this.#state.rawBytes + bytes }
  }

  async profile(payload: Uint8Array): Promise<number> {
    const version = await this.#entry.profile(payload)
    this.#state = { ...this.#state, profile: { version, payload: payload.slice() } }
    return version
  }

  async summary(payload: Uint8Array): Promise<void> {
    this.#state = { ...this.#state, summary: payload.slice() }
    await this.#entry.summary(payload)
  }

  async block(section: string, payload: Uint8Array, options: BlockOptions): Promise<void> {
    await this.#entry.block(section, payload, options)
    const { sections } = this.#state
    const blocks = (sections[section]?.blocks ?? 0) + 1
    const nextKey = options.keys?.[1] ?? 0
    this.#state = { ...this.#state, sections: { ...sections, [section]: { blocks, nextKey } } }
  }

  commit(): Promise<void> {
    return this.#entry.commit()
  }
}

/** Bytes up to and with the last line end, and what is left; all of them where there is no line end. */
function cutAtLine(bytes: Uint8Array): [whole: Uint8Array, rest: Uint8Array] {
  const end = bytes.lastIndexOf(LINE_END) + 1
  return end === 0 ? [bytes, bytes.subarray(bytes.length)] : [bytes.subarray(0, end), bytes.subarray(end)]
}
