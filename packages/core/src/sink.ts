import { untilAborted } from './cancel.ts'
import { PithError } from './errors.ts'
import type { FileSink, Sink } from './io.ts'

/** A sink in memory that can be read and changed in place. */
export class MemorySink implements FileSink {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1024)
  #size = 0
  #open = true
  readonly #maxBytes: number

  /** @param maxBytes  refuse to grow beyond this */
  constructor(maxBytes: number = Number.MAX_SAFE_INTEGER) {
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#size
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.writeAt(this.#size, bytes)
  }

  async readAt(offset: number, length: number): Promise<Uint8Array> {
    return this.#bytes.slice(Math.min(offset, this.#size), Math.min(offset + length, this.#size))
  }

  async writeAt(offset: number, bytes: Uint8Array): Promise<void> {
    this.#check()
    checkPlace(offset, this.#size)
    const end = offset + bytes.length
    if (end > this.#maxBytes) {
      throw new PithError('PITH_LIMIT', `the sink may hold ${this.#maxBytes} bytes, ${end} are needed`)
    }
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#bytes.length))
      grown.set(this.#bytes.subarray(0, this.#size))
      this.#bytes = grown
    }
    this.#bytes.set(bytes, offset)
    this.#size = Math.max(this.#size, end)
  }

  async truncate(size: number): Promise<void> {
    this.#check()
    checkPlace(size, this.#size)
    this.#size = size
  }

  async flush(): Promise<void> {
    this.#check()
  }

  async close(): Promise<void> {
    this.#open = false
  }

  async abort(_reason?: unknown): Promise<void> {
    this.#open = false
    this.#size = 0
  }

  /** A copy of what was written. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#size)
  }

  #check(): void {
    if (!this.#open) throw new PithError('PITH_IO', 'the sink is closed')
  }
}

/** Check a place to write at or cut at. @throws PithError `PITH_ARG` beyond the end */
export function checkPlace(offset: number, size: number): void {
  if (!(Number.isInteger(offset) && offset >= 0 && offset <= size)) {
    throw new PithError('PITH_ARG', `a place in 0..${size} is needed, got ${offset}`)
  }
}

/** A sink that counts what passes through it. */
export interface CountingSink extends Sink {
  readonly bytes: number
  readonly writes: number
}

/** Count the bytes and writes that go to `sink`. */
export function countSink(sink: Sink): CountingSink {
  let bytes = 0
  let writes = 0
  const counting = {
    get bytes(): number {
      return bytes
    },
    get writes(): number {
      return writes
    },
    async write(chunk: Uint8Array): Promise<void> {
      await sink.write(chunk)
      bytes += chunk.length
      writes++
    },
    close: (): Promise<void> => sink.close(),
    abort: (reason?: unknown): Promise<void> => sink.abort(reason),
  }
  const flush = sink.flush?.bind(sink)
  return flush === undefined ? counting : Object.assign(counting, { flush })
}

/** A sink over a `WritableStream`; it takes the stream's lock until `close` or `abort`. */
export function streamSink(stream: WritableStream<Uint8Array>): Sink {
  const writer = stream.getWriter()
  return {
    async write(bytes) {
      await writer.ready
      // The stream may keep the chunk beyond this call, the caller may reuse it.
      await writer.write(bytes.slice())
    },
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  }
}

/**
 * Write all chunks to the sink and close it; on a failure or an abort give the sink up and throw.
 *
 * @returns the number of bytes
 */
export async function pump(
  chunks: AsyncIterable<Uint8Array>,
  sink: Sink,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<number> {
  let bytes = 0
  try {
    for await (const chunk of untilAborted(chunks, options.signal)) {
      await sink.write(chunk)
      bytes += chunk.length
    }
    await sink.close()
  } catch (error) {
    await sink.abort(error).catch(() => {})
    throw error
  }
  return bytes
}
