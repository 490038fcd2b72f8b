/** Saving what still decodes of a damaged log: a chunk is kept as a whole, or left out and named. */
import {
  type BlockRow,
  type EntryReader,
  type EntryWriter,
  isPithError,
  type LeftOut,
  meterProgress,
  type Run,
} from '@pith/core'
import { loadBrotli } from '@pith/core/brotli'
import { mapOrdered, type Pool } from '@pith/core/workers'
import { unpackPrior } from './entry.ts'
import { ChunkLedger } from './ledger.ts'
import { type ChunkSummary, readSummary } from './summary.ts'
import type { CheckedChunk, DecodeCall, logTasks, PriorBytes } from './tasks.ts'

/** Sections in the order in which the blocks of a chunk stand in a file. */
const SECTIONS = ['chunk', 'ids', 'texts', 'columns'] as const

/** What was found of a chunk. */
interface FoundChunk {
  number: number
  /** Its row of section `chunk`, without which nothing of it can be read. */
  head: BlockRow | undefined
  rows: BlockRow[]
}

type Verdict = { chunk: CheckedChunk; blocks: DecodeCall['blocks'] } | { reason: string }

/** Chunks that stand next to each other and are lost. */
interface Gap {
  first: number
  last: number
  rawBytes: number
  reason: string
  /** Lines, as far as they are known. */
  from: number | undefined
  to: number | undefined
}

/**
 * Copy the chunks that decode to `sink`, numbered anew and with a new summary.
 *
 * Line numbers and times are those of the decoded chunks; of the old summary only the filters for searches are kept.
 *
 * @throws what the sink throws; the abort reason
 */
export async function repairLog(
  entry: EntryReader,
  sink: EntryWriter,
  run: Run,
  makePool: () => Pool<typeof logTasks>,
): Promise<LeftOut[]> {
  await loadBrotli()
  const chunks = await findChunks(entry)
  const leftOut: LeftOut[] = []
  const payload = await entry.profile(undefined, run).catch((error: unknown) => {
    leftOut.push({ what: `the profile, without which most chunks do not decode: ${damage(error)}`, rawBytes: 0 })
    return undefined
  })
  const prior = payload === undefined ? undefined : await unpackPrior(payload).catch(noPrior)
  const known = await oldSummary(entry)
  const meter = meterProgress(run, { stage: 'repair', unit: 'steps', total: chunks.length })
  const pool = makePool()
  const ledger = new ChunkLedger(sink)
  const judge = async (found: FoundChunk): Promise<Verdict> => await check(entry, found, pool, prior, run)
  const threads = run.threads ?? 1
  const concurrency = threads === 1 ? 1 : threads + 1
  const gaps = new GapList()
  try {
    let done = 0
    for await (const verdict of mapOrdered(chunks, judge, { concurrency, signal: run.signal })) {
      const found = chunks[done++] as FoundChunk
      if ('reason' in verdict) gaps.lose(found, verdict.reason)
      else {
        gaps.keep(found)
        if (ledger.chunks.length === 0 && payload !== undefined) await sink.profile(payload)
        const { chunk, blocks } = verdict
        await ledger.add({ ...chunk, blocks: blocks as Blocks, ...filterOf(known[found.number], chunk) })
      }
      meter.update(done)
    }
    await ledger.finish()
  } finally {
    await pool.close()
  }
  meter.finish()
  return [...leftOut, ...gaps.leftOut()]
}

type Blocks = Parameters<ChunkLedger['add']>[0]['blocks']

/** Rows of an entry by chunk, ascending. */
async function findChunks(entry: EntryReader): Promise<FoundChunk[]> {
  const chunks = new Map<number, FoundChunk>()
  for (const section of SECTIONS) {
    for (const row of await entry.blocks(section)) {
      const number = section === 'chunk' ? row.block : row.keys?.[0]
      if (number === undefined || row.variant !== 0) continue
      let found = chunks.get(number)
      if (found === undefined) chunks.set(number, (found = { number, head: undefined, rows: [] }))
      if (section === 'chunk') found.head = row
      found.rows.push(row)
    }
  }
  return [...chunks.values()].sort((a, b) => a.number - b.number)
}

async function check(
  entry: EntryReader,
  { head, rows }: FoundChunk,
  pool: Pool<typeof logTasks>,
  prior: PriorBytes | undefined,
  run: Run,
): Promise<Verdict> {
  if (head === undefined) return { reason: 'its first block is gone' }
  try {
    const blocks: DecodeCall['blocks'] = []
    for (const row of rows) blocks.push({ section: row.section, payload: await entry.read(row, run) })
    return { chunk: await pool.run('check', { blocks, prior }), blocks }
  } catch (error) {
    return { reason: damage(error) }
  }
}

/** What a damage is called; anything else goes on. */
function damage(error: unknown): string {
  if (
    isPithError(error, 'PITH_CORRUPT') ||
    isPithError(error, 'PITH_TRUNCATED') ||
    isPithError(error, 'PITH_CHECKSUM') ||
    isPithError(error, 'PITH_LIMIT')
  ) {
    return error.message
  }
  throw error
}

function noPrior(error: unknown): undefined {
  // The chunks that need it will say so.
  damage(error)
  return undefined
}

async function oldSummary(entry: EntryReader): Promise<readonly ChunkSummary[]> {
  const bytes = await entry.summary()
  try {
    return bytes === undefined ? [] : readSummary(bytes)
  } catch (error) {
    damage(error)
    return []
  }
}

/** The filter of a chunk, if the summary speaks of just this chunk; of whichever kind, it stays the only one. */
function filterOf(
  known: ChunkSummary | undefined,
  { lines, open, times }: CheckedChunk,
): Pick<ChunkSummary, 'grams' | 'pairs'> {
  if (known === undefined || known.lines !== lines || known.open !== open) return {}
  if (known.times?.first !== times?.first || known.times?.last !== times?.last) return {}
  return { grams: known.grams, pairs: known.grams }
}

/** What is lost between the chunks that are kept. */
class GapList {
  readonly #gaps: Gap[] = []
  #next: number = 0
  /** Where the lines of the chunk before end, if it is known. */
  #line: number | undefined = 0
  #open: boolean = false

  keep(found: FoundChunk): void {
    this.#reach(found)
    this.#open = false
    this.#pass(found)
  }

  lose(found: FoundChunk, reason: string): void {
    this.#reach(found)
    this.#extend(found.number, found.number, reason)
    const gap = this.#gaps.at(-1) as Gap
    gap.rawBytes += found.head?.rawBytes ?? 0
    this.#pass(found)
    gap.to = this.#line
  }

  /** Chunks of which nothing was found before this one. */
  #reach({ number, head }: FoundChunk): void {
    if (number > this.#next) {
      this.#extend(this.#next, number - 1, 'nothing of it was found')
      this.#line = undefined
    }
    if (head?.keys === undefined) return
    const gap = this.#open ? this.#gaps.at(-1) : undefined
    if (gap !== undefined) gap.to ??= head.keys[0]
    this.#line = head.keys[0]
  }

  #pass({ number, head }: FoundChunk): void {
    this.#next = number + 1
    this.#line = head?.keys?.[1]
  }

  #extend(first: number, last: number, reason: string): void {
    const gap = this.#open ? this.#gaps.at(-1) : undefined
    if (gap === undefined) {
      this.#gaps.push({ first, last, rawBytes: 0, reason, from: this.#line, to: undefined })
    } else {
      gap.last = last
      gap.to = undefined
    }
    this.#open = true
  }

  leftOut(): LeftOut[] {
    return this.#gaps.map(({ first, last, rawBytes, reason, from, to }) => {
      const chunks = first === last ? `chunk ${first}` : `chunks ${first} to ${last}`
      const isKnown = from !== undefined && to !== undefined && to > from
      const lines = isKnown ? `, lines ${from + 1} to ${to}` : ''
      const bytes = rawBytes > 0 ? `, ${rawBytes} bytes` : ''
      return {
        what: `${chunks}${lines}${bytes} (${reason})`,
        rawBytes,
        ...(isKnown ? { keys: [from, to] as const } : {}),
      }
    })
  }
}
