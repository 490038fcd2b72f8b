/** Chunks of a stream, of which parts can be given back. */
import { concatBytes } from '@pith/core'

export class ByteFeed {
  readonly #chunks: AsyncIterator<Uint8Array>
  #held: Uint8Array[] = []
  #taken = 0

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  /** Bytes taken so far, less those given back. */
  get taken(): number {
    return this.#taken
  }

  /** The next chunk, never empty; undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      let chunk = this.#held.pop()
      if (chunk === undefined) {
        const step = await this.#chunks.next()
        if (step.done) return undefined
        chunk = step.value
      }
      if (chunk.length === 0) continue
      this.#taken += chunk.length
      return chunk
    }
  }

  /** Give bytes back: they come first with the next call. */
  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#held.push(bytes)
    this.#taken -= bytes.length
  }

  /** The next `length` bytes, fewer at the end. */
  async take(length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    let have = 0
    while (have < length) {
      const chunk = await this.next()
      if (chunk === undefined) break
      const part = chunk.subarray(0, length - have)
      this.unread(chunk.subarray(part.length))
      parts.push(part)
      have += part.length
    }
    return parts.length === 1 ? parts[0]! : concatBytes(parts)
  }

  /** Step over bytes up to and with the next 0. @returns whether there was one */
  async skipText(): Promise<boolean> {
    for (let chunk = await this.next(); chunk !== undefined; chunk = await this.next()) {
      const end = chunk.indexOf(0)
      if (end < 0) continue
      this.unread(chunk.subarray(end + 1))
      return true
    }
    return false
  }

  async close(): Promise<void> {
    await this.#chunks.return?.()
  }
}
