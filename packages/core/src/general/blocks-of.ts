import { concatBytes } from '../bytes.ts'

/**
 * Cut a stream of arrays of any length into blocks of `size` bytes; the last may be shorter, none is empty.
 * The blocks do not depend on how the input was cut, and are not views of it.
 */
export async function* blocksOf(stream: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = []
  let held = 0
  for await (const chunk of stream) {
    let at = 0
    while (held + chunk.length - at >= size) {
      const end = at + size - held
      parts.push(chunk.subarray(at, end))
      yield concatBytes(parts)
      parts = []
      held = 0
      at = end
    }
    if (at < chunk.length) {
      // A copy, because the caller may fill the same array again.
      parts.push(chunk.slice(at))
      held += chunk.length - at
    }
  }
  if (held > 0) yield concatBytes(parts)
}
