/**
 * What is known of each chunk without reading it, kept beside the index of the container: varint number of chunks, then for
 * each varint lines * 2 + open, varint 0 (no times) or 1 + dated, zigzag milliseconds of the first time since that of the
 * chunk before, varint milliseconds to the last. Behind them may stand for each chunk a packed set of the runs of three token
 * bytes in its tables and texts (see `GRAM_BYTES`), or of the pairs in them, with its varint length before it (0 without one).
 * It may know fewer chunks than the log has: the first ones.
 */
import { ByteReader, ByteWriter, PithError } from '@pith/core'
import type { TimeRange } from './time-range.ts'

export interface ChunkSummary {
  lines: number
  /** Whether its last line goes on in the next chunk, or ends the log without a newline. */
  open: boolean
  times: TimeRange | undefined
  /** Packed set of the runs of three token bytes in its tables and texts; read back, also one of pairs. */
  grams?: Uint8Array | undefined
  /** Packed set of the pairs in them, for a log of one chunk or where there is no set of runs. */
  pairs?: Uint8Array | undefined
}

/** A bit for each three of 37 symbols: letters without case, digits, and one for all bytes above 127. */
export const GRAM_BYTES: number = 6332

export function writeSummary(chunks: readonly ChunkSummary[]): Uint8Array {
  const out = new ByteWriter(chunks.length * 12 + 8)
  out.varint(chunks.length)
  let before = 0
  for (const { lines, open, times } of chunks) {
    out.varint(lines * 2 + (open ? 1 : 0))
    out.varint(times === undefined ? 0 : times.dated ? 2 : 1)
    if (times === undefined) continue
    out.zigzag(times.first - before)
    out.varint(times.last - times.first)
    before = times.first
  }
  const sets = chunks.map((chunk) => (chunks.length > 1 ? (chunk.grams ?? chunk.pairs) : chunk.pairs))
  if (sets.some((set) => set !== undefined)) {
    for (const set of sets) {
      out.varint(set?.length ?? 0)
      if (set !== undefined) out.bytes(set)
    }
  }
  return out.finish()
}

/** @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED` */
export function readSummary(bytes: Uint8Array): ChunkSummary[] {
  const reader = new ByteReader(bytes)
  const count = reader.varint()
  if (count > reader.remaining)
    throw new PithError('PITH_CORRUPT', `a summary of ${bytes.length} bytes declares ${count} chunks`)
  const chunks: ChunkSummary[] = []
  let before = 0
  for (let i = 0; i < count; i++) {
    const lines = reader.varint()
    const kind = reader.varint()
    let times: TimeRange | undefined
    if (kind > 0) {
      const first = before + reader.zigzag()
      times = { first, last: first + reader.varint(), dated: kind === 2 }
      before = first
    }
    chunks.push({ lines: Math.floor(lines / 2), open: lines % 2 === 1, times })
  }
  if (reader.remaining > 0) {
    for (const chunk of chunks) {
      const length = reader.varint()
      if (length > 0) chunk.grams = reader.take(length)
    }
  }
  return chunks
}
