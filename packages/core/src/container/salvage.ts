import { throwIfAborted } from '../cancel.ts'
import { crc32c } from '../crc32c.ts'
import type { RandomAccess } from '../io.ts'
import type { ChunkHeader } from './layout.ts'
import { FRAME_BYTES, getU32, HEADER_BYTES, isSkippable, parseHeader, SYNC_BYTES, TYPES } from './layout.ts'

const WINDOW_BYTES = 2 ** 20
const KNOWN: ReadonlySet<number> = /* @__PURE__ */ new Set(Object.values(TYPES))

/** A chunk that a scan came upon. */
export interface FoundChunk {
  header: ChunkHeader
  offset: number
  crc: number
  intact: boolean
}

/**
 * Look through a range for chunks, by their sync markers. Chunks that don't match their CRC are given as not intact where
 * their header can be trusted, because another chunk or the end follows them.
 *
 * Linear: bytes that were read for nothing are counted, and above four times the range no more candidates are tried.
 */
export async function* scanChunks(
  access: RandomAccess,
  start: number,
  end: number,
  signal?: AbortSignal,
): AsyncGenerator<FoundChunk, void, undefined> {
  const view = new Window(access, end, signal)
  let budget = 4 * (end - start) + WINDOW_BYTES
  let at = start
  while (at + FRAME_BYTES <= end) {
    throwIfAborted(signal)
    const header = await view.header(at)
    if (header !== undefined && isPlausible(header, at, end) && budget > 0) {
      const size = FRAME_BYTES + header.length
      const { crc, stored } = await view.crc(at, size)
      const found = { header, offset: at, crc: stored, intact: crc === stored }
      if (found.intact) {
        yield found
        at += size
        continue
      }
      budget -= size
      if (at + size === end || (await view.header(at + size)) !== undefined) {
        yield found
        at += size
        continue
      }
    }
    at = await view.nextSync(at + 1)
  }
}

function isPlausible(header: ChunkHeader, at: number, end: number): boolean {
  return header.length <= end - at - FRAME_BYTES && (KNOWN.has(header.type) || isSkippable(header.type))
}

/** A window on the file that moves forward, and back by one chunk at most. */
class Window {
  readonly #access: RandomAccess
  readonly #end: number
  readonly #options: { signal?: AbortSignal }
  #bytes: Uint8Array = new Uint8Array(0)
  #start = 0

  constructor(access: RandomAccess, end: number, signal: AbortSignal | undefined) {
    this.#access = access
    this.#end = end
    this.#options = signal === undefined ? {} : { signal }
  }

  /** At least `length` bytes from `at`, fewer at the end; more where the window has them. */
  async #view(at: number, length: number): Promise<Uint8Array> {
    const need = Math.min(length, this.#end - at)
    if (at < this.#start || at + need > this.#start + this.#bytes.length) {
      this.#bytes = await this.#access.read(at, Math.min(WINDOW_BYTES, this.#end - at), this.#options)
      this.#start = at
    }
    return this.#bytes.subarray(at - this.#start)
  }

  async header(at: number): Promise<ChunkHeader | undefined> {
    return parseHeader(await this.#view(at, HEADER_BYTES), 0)
  }

  async crc(at: number, size: number): Promise<{ crc: number; stored: number }> {
    let crc = 0
    let place = at
    for (let left = size - 4; left > 0; ) {
      const bytes = await this.#view(place, 1)
      const length = Math.min(left, bytes.length)
      if (length === 0) return { crc: 0, stored: 1 }
      crc = crc32c(bytes, crc, 0, length)
      left -= length
      place += length
    }
    const last = await this.#view(place, 4)
    return { crc, stored: last.length < 4 ? ~crc : getU32(last, 0) }
  }

  async nextSync(from: number): Promise<number> {
    for (let at = from; at + FRAME_BYTES <= this.#end; ) {
      const bytes = await this.#view(at, FRAME_BYTES)
      let i = bytes.indexOf(SYNC_BYTES[0])
      while (i >= 0 && i + 4 <= bytes.length) {
        if (bytes[i + 1] === SYNC_BYTES[1] && bytes[i + 2] === SYNC_BYTES[2] && bytes[i + 3] === SYNC_BYTES[3])
          return at + i
        i = bytes.indexOf(SYNC_BYTES[0], i + 1)
      }
      at += Math.max(1, bytes.length - 3)
    }
    return this.#end
  }
}
