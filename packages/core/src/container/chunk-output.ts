import { crc32c } from '../crc32c.ts'
import type { Sink } from '../io.ts'
import type { ChunkRef } from './catalog.ts'
import { ALIGNMENT, FRAME_BYTES, HEADER_BYTES, putHeader, putU32, TYPES } from './layout.ts'

/** Chunks up to this size are gathered into one write. */
const GATHER_BYTES = 65536
/** A payload of at least this size is passed on as it is, without a copy. */
const PASS_BYTES = 65536

const EMPTY = /* @__PURE__ */ new Uint8Array(0)

/** Frames chunks, keeps count of the place in the file, and gathers small ones. */
export class ChunkOutput {
  /** Where the next chunk will stand. */
  position: number
  readonly #sink: Sink
  #gathered: Uint8Array<ArrayBuffer> = new Uint8Array(1024)
  #used = 0

  constructor(sink: Sink, position: number) {
    this.#sink = sink
    this.position = position
  }

  /** Write bytes that are no chunk. */
  async raw(bytes: Uint8Array): Promise<void> {
    this.position += bytes.length
    if (bytes.length >= PASS_BYTES) {
      await this.drain()
      await this.#sink.write(bytes)
    } else {
      this.#gather(bytes)
      if (this.#used >= GATHER_BYTES) await this.drain()
    }
  }

  /**
   * Write a chunk whose payload is `prefix` and `payload` one after the other.
   *
   * @param align  let `payload` start at a multiple of 64 in the file
   */
  async chunk(
    type: number,
    entry: number,
    section: number,
    payload: Uint8Array,
    prefix: Uint8Array = EMPTY,
    align = false,
  ): Promise<ChunkRef> {
    if (align) await this.#pad(HEADER_BYTES + prefix.length)
    const length = prefix.length + payload.length
    const front = new Uint8Array(HEADER_BYTES + prefix.length)
    putHeader(front, 0, { type, entry, section, length })
    front.set(prefix, HEADER_BYTES)
    const crc = crc32c(payload, crc32c(front))
    const end = new Uint8Array(4)
    putU32(end, 0, crc)
    const offset = this.position
    await this.raw(front)
    if (payload.length > 0) await this.raw(payload)
    await this.raw(end)
    return { offset, length, crc }
  }

  async #pad(front: number): Promise<void> {
    if ((this.position + front) % ALIGNMENT === 0) return
    const zeros = (2 * ALIGNMENT - ((this.position + FRAME_BYTES + front) % ALIGNMENT)) % ALIGNMENT
    await this.chunk(TYPES.pad, 0, 0, new Uint8Array(zeros))
  }

  /** Hand everything gathered to the sink. */
  async drain(): Promise<void> {
    if (this.#used === 0) return
    const bytes = this.#gathered.subarray(0, this.#used)
    // The sink may be slow: what comes meanwhile must not overwrite these bytes.
    this.#gathered = new Uint8Array(Math.min(GATHER_BYTES, this.#gathered.length))
    this.#used = 0
    await this.#sink.write(bytes)
  }

  #gather(bytes: Uint8Array): void {
    const end = this.#used + bytes.length
    if (end > this.#gathered.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#gathered.length))
      grown.set(this.#gathered.subarray(0, this.#used))
      this.#gathered = grown
    }
    this.#gathered.set(bytes, this.#used)
    this.#used = end
  }
}
