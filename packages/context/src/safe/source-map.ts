import { ByteReader, ByteWriter, PithError } from '@pith/core'
import type { SourceMap } from '../types.ts'

/** A map over triples (start in the text, start in the original, length) that ascend in both. */
export function sourceMapOf(triples: Uint32Array): SourceMap {
  const find = (offset: number, column: 0 | 1): number => {
    let [low, high] = [0, triples.length / 3]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((triples[3 * middle + column] as number) <= offset) low = middle + 1
      else high = middle
    }
    return low - 1
  }
  const move = (offset: number, from: 0 | 1): number | undefined => {
    const at = 3 * find(offset, from)
    if (at < 0) return undefined
    const inside = offset - (triples[at + from] as number)
    return inside < (triples[at + 2] as number) ? (triples[at + 1 - from] as number) + inside : undefined
  }
  return { triples, toSource: (offset) => move(offset, 0), fromSource: (offset) => move(offset, 1) }
}

/** The map as bytes: a varint count, then of each triple the gaps before it in the text and the original, and the length, as varints. */
export function writeSourceMap({ triples }: SourceMap): Uint8Array {
  const writer = new ByteWriter(4 + 2 * triples.length)
  writer.varint(triples.length / 3)
  let [text, source] = [0, 0]
  for (let i = 0; i < triples.length; i += 3) {
    const [at, from, length] = [triples[i] as number, triples[i + 1] as number, triples[i + 2] as number]
    for (const value of [at - text, from - source, length]) writer.varint(value)
    text = at + length
    source = from + length
  }
  return writer.finish()
}

/** @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED` */
export function readSourceMap(bytes: Uint8Array): SourceMap {
  const reader = new ByteReader(bytes)
  const count = reader.varint()
  if (3 * count > bytes.length)
    throw new PithError('PITH_CORRUPT', `a map of ${bytes.length} bytes cannot hold ${count} slices`)
  const triples = new Uint32Array(3 * count)
  let [text, source] = [0, 0]
  for (let i = 0; i < triples.length; i += 3) {
    text += reader.varint()
    source += reader.varint()
    const length = reader.varint()
    if (Math.max(text, source) + length > 0xffffffff) throw new PithError('PITH_CORRUPT', 'a slice lies beyond 2^32')
    triples.set([text, source, length], i)
    text += length
    source += length
  }
  reader.finish()
  return sourceMapOf(triples)
}
