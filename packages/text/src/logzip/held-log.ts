/** What a log holds when it is opened to go on with. */
import { type BlockRow, PithError } from '@pith/core'
import type { ContainerEntry, EntryMark } from '@pith/core/container'
import type { Pool } from '@pith/core/workers'
import { chunkRows, readPrior } from './entry.ts'
import { type ChunkSummary, readSummary } from './summary.ts'
import type { DecodeCall, logTasks, PriorBytes } from './tasks.ts'

/** Bytes at the end of the log that were coded at once and may be coded again together with others. */
export interface Piece {
  /** Number of its first chunk. */
  readonly chunk: number
  /** The place before it. */
  readonly mark: EntryMark
  readonly rawBytes: number
  readonly storedBytes: number
  readonly bytes: () => Promise<Uint8Array>
}

export interface HeldLog {
  pieces: Piece[]
  chunks: ChunkSummary[]
  /** Chunks that the summary speaks of: the first ones. */
  covered: number
  rawBytes: number
  prior: PriorBytes | undefined
}

/** The chunks of an entry; those at its end that are not full together are the open chunk. */
export async function readHeld(
  entry: ContainerEntry,
  chunkBytes: number,
  pool: Pool<typeof logTasks>,
): Promise<HeldLog> {
  const rows = (await chunkRows(entry)) as [BlockRow, ...BlockRow[]][]
  const prior = await readPrior(entry)
  const decode = async (own: readonly BlockRow[]): Promise<Uint8Array> => {
    const blocks: DecodeCall['blocks'] = []
    for (const row of own) blocks.push({ section: row.section, payload: await entry.read(row) })
    return await pool.run('decode', { blocks, prior })
  }
  const summary = await entry.summary()
  const known = summary === undefined ? [] : readSummary(summary)
  const covered = known.length > rows.length ? 0 : known.length
  const chunks: ChunkSummary[] = []
  for (const [i, own] of rows.entries()) {
    const [first, last] = linesOf(own[0])
    const next = rows[i + 1]?.[0]
    const before = i < covered ? known[i] : undefined
    let open = before?.open ?? false
    if (next !== undefined) open = linesOf(next)[0] < last
    else if (before === undefined) open = (await decode(own)).at(-1) !== 10
    chunks.push({ lines: last - first, open, times: before?.times })
  }
  let from = rows.length
  for (let open = 0; from > 0; from--) {
    open += (rows[from - 1] as [BlockRow])[0].rawBytes
    if (open > chunkBytes) break
  }
  const pieces: Piece[] = []
  const blocks: Record<string, readonly number[]> = {}
  for (const [chunk, own] of rows.entries()) {
    if (chunk >= from) {
      pieces.push({
        chunk,
        mark: { blocks: { ...blocks }, profiles: chunk === 0 ? 0 : entry.profileVersion },
        rawBytes: own[0].rawBytes,
        storedBytes: own.reduce((sum, row) => sum + row.storedBytes, 0),
        bytes: () => decode(own),
      })
    }
    for (const row of own) blocks[row.section] = [(blocks[row.section]?.[0] ?? 0) + 1]
  }
  return { pieces, chunks, covered, rawBytes: entry.rawBytes, prior }
}

function linesOf({ keys, block }: BlockRow): readonly [first: number, last: number] {
  if (keys !== undefined) return keys
  throw new PithError('PITH_CORRUPT', 'a chunk does not say which lines it holds', {
    at: { section: `chunk ${block}` },
  })
}
