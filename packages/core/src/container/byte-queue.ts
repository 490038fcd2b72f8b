import { concatBytes } from '../bytes.ts'
import { throwIfAborted } from '../cancel.ts'

const EMPTY = /* @__PURE__ */ new Uint8Array(0)

/** Bytes of a stream, taken in pieces of any length. Holds no more than the piece that was asked for and one chunk. */
export class ByteQueue {
  /** Bytes taken so far. */
  offset = 0
  readonly #iterator: AsyncIterator<Uint8Array>
  readonly #signal: AbortSignal | undefined
  #held: Uint8Array = EMPTY
  #ended = false

  constructor(input: AsyncIterable<Uint8Array>, signal?: AbortSignal) {
    this.#iterator = input[Symbol.asyncIterator]()
    this.#signal = signal
  }

  /** The next `length` bytes, or fewer at the end of the stream; they are not taken yet. */
  async peek(length: number): Promise<Uint8Array> {
    if (this.#held.length < length && !this.#ended) {
      const parts = [this.#held]
      let have = this.#held.length
      // Grows with what arrives, whatever length was announced.
      while (have < length) {
        const chunk = await this.#next()
        if (chunk === undefined) break
        parts.push(chunk)
        have += chunk.length
      }
      this.#held = joined(parts)
    }
    return this.#held.subarray(0, Math.min(length, this.#held.length))
  }

  /** Take bytes that were peeked at. */
  take(length: number): Uint8Array {
    const bytes = this.#held.subarray(0, length)
    this.#held = this.#held.subarray(length)
    this.offset += length
    return bytes
  }

  /** Take up to `length` bytes in pieces, as they come. */
  async *pieces(length: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let left = length; left > 0; ) {
      if (this.#held.length === 0) {
        this.#held = (await this.#next()) ?? EMPTY
        if (this.#held.length === 0) return
      }
      const piece = this.take(Math.min(left, this.#held.length))
      left -= piece.length
      yield piece
    }
  }

  async #next(): Promise<Uint8Array | undefined> {
    while (!this.#ended) {
      throwIfAborted(this.#signal)
      const step = await this.#iterator.next()
      if (step.done === true) this.#ended = true
      else if (step.value.length > 0) return step.value
    }
    return undefined
  }

  /** Let go of the stream. */
  async close(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    await this.#iterator.return?.()
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 2 && parts[0]!.length === 0 ? parts[1]! : concatBytes(parts)
}
