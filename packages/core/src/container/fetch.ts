import { throwIfAborted } from '../cancel.ts'
import { PithError } from '../errors.ts'
import type { RandomAccess } from '../io.ts'

/** Neighbours with at most this gap between them are read together. */
const GAP_BYTES = 16384
/** Reads are not joined beyond this. */
const JOINED_BYTES = 4 * 2 ** 20

/** What was asked of the source so far. */
export interface ReadStats {
  readonly requests: number
  readonly bytes: number
}

interface Wanted {
  offset: number
  length: number
  signal: AbortSignal | undefined
  resolve: (bytes: Uint8Array) => void
  reject: (reason: unknown) => void
}

/** Reads ranges of a source: ranges asked for in the same turn and near each other are joined, one range is kept in memory. */
export class Fetcher {
  readonly size: number
  readonly #source: RandomAccess
  #requests = 0
  #bytes = 0
  #queue: Wanted[] = []
  #window: Uint8Array = new Uint8Array(0)
  #windowStart = 0

  constructor(source: RandomAccess) {
    this.#source = source
    this.size = source.size
  }

  get stats(): ReadStats {
    return { requests: this.#requests, bytes: this.#bytes }
  }

  /** Keep a range, so that later reads within it cost nothing. */
  keep(offset: number, bytes: Uint8Array): void {
    this.#window = bytes
    this.#windowStart = offset
  }

  /**
   * Read exactly `length` bytes.
   *
   * @throws PithError `PITH_TRUNCATED` where the source ends before; what the source throws; the abort reason
   */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const at = offset - this.#windowStart
    if (at >= 0 && at + length <= this.#window.length) return Promise.resolve(this.#window.subarray(at, at + length))
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) {
      return Promise.reject(ended(offset, length, this.size))
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ offset, length, signal, resolve, reject })
      if (this.#queue.length === 1) queueMicrotask(() => this.#run())
    })
  }

  #run(): void {
    const queue = this.#queue.sort((a, b) => a.offset - b.offset)
    this.#queue = []
    for (let i = 0; i < queue.length; ) {
      const group = [queue[i]]
      let end = queue[i].offset + queue[i].length
      for (i++; i < queue.length; i++) {
        const next = queue[i]
        const joinedEnd = Math.max(end, next.offset + next.length)
        if (next.offset > end + GAP_BYTES || joinedEnd - group[0].offset > JOINED_BYTES) break
        if (next.signal !== group[0].signal) break
        group.push(next)
        end = joinedEnd
      }
      this.#readGroup(group, end)
    }
  }

  async #readGroup(group: readonly Wanted[], end: number): Promise<void> {
    const { offset, signal } = group[0]
    try {
      throwIfAborted(signal)
      this.#requests++
      const bytes = await this.#source.read(offset, end - offset, signal === undefined ? undefined : { signal })
      this.#bytes += bytes.length
      throwIfAborted(signal)
      for (const wanted of group) {
        const at = wanted.offset - offset
        if (at + wanted.length > bytes.length) wanted.reject(ended(wanted.offset, wanted.length, offset + bytes.length))
        else wanted.resolve(bytes.subarray(at, at + wanted.length))
      }
    } catch (error) {
      for (const wanted of group) wanted.reject(error)
    }
  }

  async close(): Promise<void> {
    await this.#source.close?.()
  }
}

function ended(offset: number, length: number, size: number): PithError {
  return new PithError('PITH_TRUNCATED', `${length} bytes are needed at ${offset}, the file ends at ${size}`, {
    hint: 'Get another copy of the file, or run pith repair on this one.',
    at: { offset },
  })
}
