/** A log that grows: what is new is coded as a small chunk, and small chunks become larger ones from time to time. */
import { concatBytes, meterProgress, PithError, type Run, type Source, throwIfAborted } from '@pith/core'
import type { ContainerEntry, ContainerEntryWriter } from '@pith/core/container'
import { mapOrdered, type Pool } from '@pith/core/workers'
import type { EncodedChunk, Level } from './chunk-encode.ts'
import { cutPieces, pieceLength } from './cut.ts'
import { nextPriorKey, packPrior } from './entry.ts'
import { type HeldLog, type Piece, readHeld } from './held-log.ts'
import { ChunkLedger } from './ledger.ts'
import { codingBytes, poolOf } from './log-pool.ts'
import { checkOptions, type LogzipOptions } from './logzip.ts'
import { mergeFrom, worthMerging } from './merge-plan.ts'
import { writeSummary } from './summary.ts'
import type { logTasks, PriorBytes } from './tasks.ts'

/** A chunk has to be so many times as large as its set of runs, so that it is kept. */
const GRAMS_SHARE = 32
/** A log gets a new summary at its end once the old one does not speak of this share of its bytes. */
const UNTOLD_SHARE = 0.125

/**
 * Writes a log whose bytes come in over time to an entry of a container in a file.
 *
 * The bytes behind the last full chunk are the open chunk. A flush codes what came in since the one before as a small chunk
 * and commits. Small chunks are coded again together, so that each byte is coded a few times at most and the number of small
 * chunks stays below a few dozen. An open chunk that reaches `chunkBytes` is sealed and never touched again. Bytes that a
 * commit holds are in every later commit, whatever is written again; a crash loses what came in since the last one.
 *
 * Calls are carried out one after the other; after one that failed, all fail.
 *
 * @complexity each byte is coded O(log(chunk / flush)) times; memory O(chunkBytes)
 */
export class LogAppender {
  readonly #entry: ContainerEntryWriter
  readonly #pool: Pool<typeof logTasks>
  readonly #level: Level
  readonly #chunkBytes: number
  readonly #run: Run
  readonly #isNew: boolean
  #ledger: ChunkLedger
  #pieces: Piece[]
  #prior: PriorBytes | undefined
  /** Chunks that the entry's summary speaks of. */
  #covered: number
  /** Bytes that no chunk holds yet. */
  #fresh: Uint8Array[] = []
  #freshBytes: number = 0
  /** Whether a flush left an unfinished line behind and no line end has come since. */
  #waited: boolean = false
  #dirty: boolean = false
  #queue: Promise<unknown> = Promise.resolve()
  #failure: { reason: unknown } | undefined
  #closed: boolean = false
  #storedBytes: number = 0
  #rawBytes: number
  #bytesIn: number = 0

  private constructor(
    entry: ContainerEntryWriter,
    held: HeldLog,
    options: LogzipOptions & Run,
    pool: Pool<typeof logTasks>,
  ) {
    const { level, chunkBytes } = checkOptions(options)
    this.#entry = entry
    this.#pool = pool
    this.#level = level
    this.#chunkBytes = chunkBytes
    this.#run = options
    this.#isNew = held.chunks.length === 0
    this.#ledger = new ChunkLedger(entry, held.chunks)
    this.#pieces = held.pieces
    this.#prior = held.prior
    this.#covered = held.covered
    this.#rawBytes = held.rawBytes
  }

  /**
   * @param entry  new, or opened by `continueEntry`; who opened it finishes it behind {@link close}
   * @param held   the same entry as it stood when the file was opened, where it is not new
   * @throws PithError `PITH_ARG` options out of range · `PITH_CORRUPT`, `PITH_CHECKSUM` what the entry holds is damaged
   */
  static async open(
    entry: ContainerEntryWriter,
    options: LogzipOptions & Run = {},
    held?: ContainerEntry,
  ): Promise<LogAppender> {
    const { level, chunkBytes } = checkOptions(options)
    const pool = poolOf(options, { needed: codingBytes(level, chunkBytes) })
    try {
      const known =
        held === undefined
          ? { pieces: [], chunks: [], covered: 0, rawBytes: 0, prior: undefined }
          : await readHeld(held, chunkBytes, pool)
      return new LogAppender(entry, known, options, pool)
    } catch (error) {
      await pool.close()
      throw error
    }
  }

  /** Bytes taken by {@link write}. */
  get bytesIn(): number {
    return this.#bytesIn
  }

  /** Stored bytes of the blocks written, less those of the blocks that they replaced. */
  get bytesOut(): number {
    return this.#storedBytes
  }

  /** Take bytes; they are copied. Nothing is durable before the next {@link flush}. */
  write(bytes: Uint8Array): Promise<void> {
    const own = bytes.slice()
    return this.#enqueue(async () => {
      this.#bytesIn += own.length
      this.#rawBytes += own.length
      for (let at = 0; at < own.length; ) {
        // Never held: more than the open chunk has room for.
        const part = own.subarray(at, at + this.#chunkBytes)
        this.#fresh.push(part)
        this.#freshBytes += part.length
        if (part.includes(10)) this.#waited = false
        at += part.length
        while (this.#openBytes >= this.#chunkBytes) await this.#seal()
      }
    })
  }

  /** Take all bytes of a source, with as many threads as there are; the same bytes come out as by {@link write}. */
  writeAll(source: Source): Promise<void> {
    return this.#enqueue(async () => {
      const meter = meterProgress(this.#run, {
        stage: 'compress',
        unit: 'bytes',
        ...(source.size === undefined ? {} : { total: source.size }),
      })
      const from = this.#bytesIn
      const advance = (): void => meter.update(this.#bytesIn - from)
      const incoming = this.#counted(source.stream())
      for await (const bytes of untilLast(incoming)) {
        this.#fresh.push(bytes.slice())
        this.#freshBytes += bytes.length
        while (this.#openBytes >= this.#chunkBytes) await this.#seal()
        advance()
        // Once the chunk that stood open is closed and the prior is known, chunks are coded side by side.
        if (this.#pieces.length > 0 || this.#ledger.chunks.length === 0) continue
        await this.#sealAll(incoming, advance)
      }
      meter.finish()
    })
  }

  /**
   * Make the lines that came in durable. An unfinished line at the end waits for the next flush; if no line end has come by
   * then, it is written as it is.
   *
   * @returns whether an unfinished line waits
   */
  flush(): Promise<boolean> {
    return this.#enqueue(async () => {
      const bytes = this.#takeFresh()
      const lines = bytes.lastIndexOf(10) + 1
      const take = this.#waited ? bytes.length : lines
      if (take < bytes.length) this.#giveBack(bytes.subarray(take))
      this.#waited = take < bytes.length
      if (take > 0) await this.#put(bytes.subarray(0, take))
      if (this.#dirty) await this.#entry.commit()
      this.#dirty = false
      return this.#waited
    })
  }

  /**
   * Write everything that is left. Small chunks become one, unless they are few beside the one that they would join. The
   * commit is left to who finishes the entry.
   */
  close(): Promise<void> {
    return this.#enqueue(async () => {
      const bytes = this.#takeFresh()
      const sizes = this.#sizesWith(bytes.length)
      // A log that is opened again and again may not be coded again each time.
      const merge = sizes.length > 1 && (this.#isNew || worthMerging(sizes))
      if (merge || this.#ledger.chunks.length === 0) await this.#replace(0, bytes, true)
      else if (bytes.length > 0) await this.#put(bytes)
      if (this.#dirty) await this.#summariseLast()
      this.#closed = true
      await this.#pool.close()
    })
  }

  /** Give up without writing anything more. */
  async abort(): Promise<void> {
    this.#failure ??= { reason: new PithError('PITH_ARG', 'the log was given up') }
    await this.#queue
    await this.#pool.close()
  }

  #enqueue<T>(step: () => Promise<T>): Promise<T> {
    const run = this.#queue.then(async () => {
      if (this.#failure !== undefined) throw this.#failure.reason
      if (this.#closed) throw new PithError('PITH_ARG', 'the log is closed')
      try {
        throwIfAborted(this.#run.signal)
        return await step()
      } catch (reason) {
        this.#failure = { reason }
        throw reason
      }
    })
    this.#queue = run.catch(() => {})
    return run
  }

  get #openBytes(): number {
    return this.#pieces.reduce((sum, piece) => sum + piece.rawBytes, this.#freshBytes)
  }

  #sizesWith(more: number): number[] {
    const sizes = this.#pieces.map((piece) => piece.rawBytes)
    if (more > 0) sizes.push(more)
    return sizes
  }

  #takeFresh(): Uint8Array {
    const bytes = concatBytes(this.#fresh)
    this.#fresh = []
    this.#freshBytes = 0
    return bytes
  }

  #giveBack(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#fresh = [bytes]
    this.#freshBytes = bytes.length
  }

  /** Add bytes behind the last chunk, with as many pieces before them as have become too many. */
  async #put(bytes: Uint8Array): Promise<void> {
    await this.#replace(mergeFrom(this.#sizesWith(bytes.length)), bytes, false)
  }

  /** Code the pieces from `from` on and `more` behind them as one piece. `last`: nothing is expected to follow. */
  async #replace(from: number, more: Uint8Array, last: boolean): Promise<void> {
    const bytes = await this.#takePieces(from, more)
    if (bytes.length === 0) return
    const chunk = this.#ledger.chunks.length
    const mark = this.#entry.mark()
    const storedBytes = await this.#code(bytes, last)
    this.#pieces.push({ chunk, mark, rawBytes: bytes.length, storedBytes, bytes: async () => bytes })
  }

  /** Close the open chunk at the last line end that fits; what is behind it starts the next. */
  async #seal(): Promise<void> {
    const before = this.#openBytes - this.#freshBytes
    const bytes = await this.#takePieces(0, this.#takeFresh())
    const length = pieceLength(bytes, this.#chunkBytes)
    await this.#code(bytes.slice(0, length), false)
    if (this.#ledger.chunks.length >= 2 * this.#covered) await this.#summarise(this.#ledger.chunks.length)
    // What was in a commit must be in the next one too.
    if (before > length) await this.#replace(this.#pieces.length, bytes.slice(length, before), false)
    this.#giveBack(bytes.slice(Math.max(before, length)))
  }

  /** Close all chunks that fresh and incoming bytes fill; what is left becomes the fresh bytes. */
  async #sealAll(incoming: AsyncGenerator<Uint8Array>, advance: () => void): Promise<void> {
    const [level, prior, { threads }] = [this.#level, this.#prior, this.#pool]
    const pieces = cutPieces(withFirst(this.#takeFresh(), incoming), this.#chunkBytes)
    let rest: Uint8Array = new Uint8Array(0)
    const full = async function* (): AsyncGenerator<Uint8Array<ArrayBuffer>> {
      rest = yield* pieces
    }
    const call = (bytes: Uint8Array<ArrayBuffer>): Promise<EncodedChunk[]> =>
      this.#pool.run('encode', { bytes, level, prior, spent: true }, { transfer: [bytes.buffer] })
    const order = { concurrency: threads === 1 ? 1 : threads + 1, signal: this.#run.signal }
    for await (const chunks of mapOrdered(full(), call, order)) {
      await this.#keep(chunks)
      if (this.#ledger.chunks.length >= 2 * this.#covered) await this.#summarise(this.#ledger.chunks.length)
      advance()
    }
    this.#giveBack(rest)
  }

  /** Incoming bytes, counted when they are taken. */
  async *#counted(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const bytes of stream) {
      this.#bytesIn += bytes.length
      this.#rawBytes += bytes.length
      if (bytes.includes(10)) this.#waited = false
      yield bytes
    }
  }

  /** The bytes of the pieces from `from` on, which are given up, with `more` behind them. */
  async #takePieces(from: number, more: Uint8Array): Promise<Uint8Array> {
    const taken = this.#pieces.slice(from)
    const [first] = taken
    if (first === undefined) return more
    const parts: Uint8Array[] = []
    for (const piece of taken) parts.push(await piece.bytes())
    this.#pieces.length = from
    await this.#entry.supersede(first.mark)
    this.#dirty = true
    for (const piece of taken) this.#storedBytes -= piece.storedBytes
    this.#ledger = new ChunkLedger(this.#entry, this.#ledger.chunks.slice(0, first.chunk))
    if (first.chunk === 0) {
      this.#prior = undefined
    }
    // A summary that speaks of replaced chunks would hide new lines from a search by time.
    if (this.#covered > first.chunk) await this.#summarise(first.chunk)
    return concatBytes([...parts, more])
  }

  /** Code bytes behind the last chunk; the first of a log that goes on gives the prior of all. @returns stored bytes */
  async #code(bytes: Uint8Array, last: boolean): Promise<number> {
    const level = this.#level
    let chunks: EncodedChunk[]
    let stored = 0
    if (this.#ledger.chunks.length === 0 && !last) {
      const learned = await this.#pool.run('encodeFirst', { bytes, level, prior: undefined })
      const profile = packPrior(learned.prior, level)
      await this.#entry.profile(profile)
      stored += profile.length
      this.#storedBytes += stored
      this.#prior = { key: nextPriorKey(), bytes: learned.prior, signatures: learned.signatures }
      chunks = learned.chunks
    } else {
      chunks = await this.#pool.run('encode', { bytes, level, prior: this.#prior })
    }
    return stored + (await this.#keep(chunks))
  }

  /** Write coded chunks behind the last one. @returns stored bytes */
  async #keep(chunks: readonly EncodedChunk[]): Promise<number> {
    let stored = 0
    for (const chunk of chunks) {
      const bytes = chunk.blocks.reduce((sum, { payload }) => sum + payload.length, 0)
      stored += bytes
      const pays = chunk.grams.length * GRAMS_SHARE <= bytes
      await this.#ledger.add(pays ? chunk : { ...chunk, grams: undefined })
    }
    this.#dirty = true
    this.#storedBytes += stored
    return stored
  }

  async #summarise(chunks: number): Promise<void> {
    await this.#entry.summary(writeSummary(this.#ledger.chunks.slice(0, chunks)))
    this.#covered = chunks
  }

  /** At the end: only where it has much to tell that the last one did not, as it may be large. */
  async #summariseLast(): Promise<void> {
    const { chunks } = this.#ledger
    const [only] = chunks
    if (chunks.length < 2 && only?.times === undefined && only?.open !== true && only?.pairs === undefined) return
    const first = this.#pieces[0]?.chunk ?? chunks.length
    let untold = Math.max(0, first - this.#covered) * this.#chunkBytes
    for (const piece of this.#pieces) if (piece.chunk >= this.#covered) untold += piece.rawBytes
    if (untold >= this.#rawBytes * UNTOLD_SHARE) await this.#summarise(chunks.length)
  }
}

/** All of a stream that others may take on from in between. */
async function* untilLast(stream: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (let step = await stream.next(); step.done !== true; step = await stream.next()) yield step.value
}

async function* withFirst(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first
  yield* rest
}
