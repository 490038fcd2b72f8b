/** Prefixes in memory, as the thread of a server opens them. */
import { checkSameModel, type KvCache, type PrefixCache } from '../src/index.ts'

/** @param chunk tokens of a piece */
export function openMemory(chunk: number): PrefixCache {
  const pieces = new Map<string, KvCache>()
  const keyOf = (tokens: Int32Array, end: number): string => tokens.subarray(0, end).join()
  return {
    chunk,
    async *find(tokens, fp) {
      for (let end = chunk; end <= tokens.length; end += chunk) {
        const piece = pieces.get(keyOf(tokens, end))
        if (piece === undefined) return
        checkSameModel(fp, piece.fp)
        yield piece
      }
    },
    keep(tokens, kv) {
      for (let end = tokens.length - kv.length + chunk; end <= tokens.length; end += chunk) {
        const at = end - (tokens.length - kv.length)
        pieces.set(keyOf(tokens, end), kv.slice(at - chunk, at))
      }
    },
  }
}
