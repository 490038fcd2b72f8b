/** The input cut into pieces that are coded apart. */
import type { Source } from '@pith/core'

const NEWLINE = 10

/** Length of the first piece of bytes of which there are at least `size`. */
export function pieceLength(bytes: Uint8Array, size: number): number {
  const end = bytes.lastIndexOf(NEWLINE, size - 1) + 1
  return end === 0 ? size : end
}

/** The pieces of a source, as {@link cutPieces} cuts them; a file is read piece by piece, without copies. */
export function piecesOf(source: Source, size: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { size: end } = source
  const read = source.readOwn?.bind(source)
  return read === undefined || end === undefined ? allPieces(source.stream(), size) : readPieces(read, end, size)
}

async function* allPieces(stream: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const rest = yield* cutPieces(stream, size)
  if (rest.length > 0) yield rest
}

async function* readPieces(
  read: NonNullable<Source['readOwn']>,
  end: number,
  size: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < end; ) {
    const bytes = await read(at, Math.min(size, end - at))
    if (bytes.length === 0) return
    const length = bytes.length < size ? bytes.length : pieceLength(bytes, size)
    at += length
    yield length === bytes.length ? bytes : bytes.subarray(0, length)
  }
}

/**
 * Cut a stream into pieces of at most `size` bytes that end with a newline; a line that is longer is cut where the piece is
 * full. The pieces do not depend on how the stream was cut, and own their memory.
 *
 * @returns the bytes behind the last full piece
 */
export async function* cutPieces(
  stream: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let held = new Uint8Array(0)
  let used = 0
  for await (const bytes of stream) {
    let at = 0
    while (at < bytes.length) {
      if (held.length < size) held = grown(held, size)
      const take = Math.min(size - used, bytes.length - at)
      held.set(bytes.subarray(at, at + take), used)
      used += take
      at += take
      if (used < size) break
      const length = pieceLength(held, size)
      // While the piece is in work, no more than the rest is held.
      const rest = held.slice(length)
      yield length === size ? held : held.subarray(0, length)
      held = rest
      used = size - length
    }
  }
  return held.subarray(0, used)
}

function grown(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(size)
  larger.set(bytes)
  return larger
}

/** Place of the `count`-th line of bytes. */
export function offsetOfLine(bytes: Uint8Array, count: number): number {
  let at = 0
  for (let i = 0; i < count; i++) {
    const end = bytes.indexOf(10, at)
    if (end < 0) return bytes.length
    at = end + 1
  }
  return at
}
