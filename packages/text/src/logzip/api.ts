/** Logs to bytes and back without the command: one entry in a container of its own. */
import { type ByteSource, PithError, type RandomAccess, type ReadRun, type Run, type Sink, toSource } from '@pith/core'
import { createContainer, openContainer } from '@pith/core/container'
import { type LogzipOptions, logzipCodec } from './logzip.ts'
import { LogReader } from './reader.ts'

/**
 * Compress a log.
 *
 * @returns the bytes of a .pith file, in pieces, while they come out; memory stays at a few chunks for each thread
 * @throws PithError `PITH_ARG` options out of range; the abort reason
 * @example
 * for await (const piece of compressLog(bytes, { level: 'fast' })) await file.write(piece)
 */
export async function* compressLog(
  source: ByteSource,
  options: LogzipOptions & Run = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const queue = new PieceQueue()
  const writing = writeLog(source, queue, options).catch((error: unknown) => queue.fail(error))
  try {
    yield* queue.pieces()
  } finally {
    queue.stop()
    await writing
  }
}

async function writeLog(source: ByteSource, sink: Sink, options: LogzipOptions & Run): Promise<void> {
  const container = createContainer(sink, options.signal === undefined ? {} : { signal: options.signal })
  try {
    const entry = await container.entry({ codec: logzipCodec.id, version: logzipCodec.version })
    await logzipCodec.encode(toSource(source), entry, options)
    await entry.finish()
    await container.finish()
  } catch (error) {
    await container.abort(error)
    throw error
  }
}

/**
 * Give back the bytes of a compressed log.
 *
 * @param run  with `onDamage`, what is damaged is left out and told, and the rest comes out
 * @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED`, `PITH_CHECKSUM` with the place · `PITH_LIMIT`
 */
export async function* decompressLog(
  source: RandomAccess | Uint8Array,
  run: ReadRun = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const container = await openContainer(source, run.limits === undefined ? {} : { limits: run.limits })
  try {
    for await (const entry of container.entries(run)) {
      if (entry.codec === logzipCodec.id) yield* logzipCodec.decode(entry, run)
    }
  } finally {
    await container.close()
  }
}

/**
 * Open a compressed log (the first of a file) to search and read it.
 *
 * @throws PithError `PITH_UNSUPPORTED` the file holds no log
 */
export async function openLog(source: RandomAccess | Uint8Array, run: ReadRun = {}): Promise<LogReader> {
  const container = await openContainer(source, run.limits === undefined ? {} : { limits: run.limits })
  for await (const entry of container.entries(run)) {
    if (entry.codec === logzipCodec.id) return await LogReader.open(entry, run)
  }
  throw new PithError('PITH_UNSUPPORTED', 'the file holds no log', { hint: 'See what it holds with: pith list FILE' })
}

/** A sink whose writes wait until somebody takes the piece. */
class PieceQueue implements Sink {
  #piece: Uint8Array | undefined
  #taken: (() => void) | undefined
  #wake: (() => void) | undefined
  #ended: boolean = false
  #stopped: boolean = false
  #error: { reason: unknown } | undefined

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#stopped) throw new PithError('PITH_IO', 'nobody takes the output any more')
    if (bytes.length === 0) return
    this.#piece = bytes.slice()
    this.#wake?.()
    await new Promise<void>((resolve) => {
      this.#taken = resolve
    })
  }

  async close(): Promise<void> {
    this.#ended = true
    this.#wake?.()
  }

  async abort(reason?: unknown): Promise<void> {
    // Not an end: whoever takes the pieces must not believe that they are all.
    this.fail(reason)
  }

  fail(reason: unknown): void {
    this.#error = { reason }
    this.#ended = true
    this.#wake?.()
  }

  stop(): void {
    this.#stopped = true
    this.#taken?.()
  }

  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      while (this.#piece === undefined && !this.#ended) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
      if (this.#error !== undefined) throw this.#error.reason
      if (this.#piece === undefined) return
      const piece = this.#piece
      this.#piece = undefined
      yield piece
      this.#taken?.()
    }
  }
}
