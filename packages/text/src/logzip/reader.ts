/** Using a compressed log: lines, searches, templates and columns without unpacking more than the question needs. */
import {
  type BlockRow,
  type DamagedPart,
  type EntryReader,
  isDamage,
  meterProgress,
  PithError,
  type Reader,
  type ReadRun,
  throwIfAborted,
} from '@pith/core'
import { mapOrdered, type Pool } from '@pith/core/workers'
import { offsetOfLine } from './cut.ts'
import { atChunk, chunkRows, damagedChunk, outcomeOf, readAnyPrior, unpackPrior } from './entry.ts'
import type { ChunkFacts } from './facts.ts'
import { asksForTime, filterOf, type GrepHits, type GrepQuery, inTime, needsTimeBefore, noHits } from './grep.ts'
import { decodingBytes, poolOf } from './log-pool.ts'
import { unpackBytes } from './pack.ts'
import { SlotTable } from './slot-table.ts'
import type { ColumnBatch, SlotInfo, SlotName } from './slots.ts'
import { type ChunkSummary, GRAM_BYTES, readSummary } from './summary.ts'
import type { logTasks, PriorBytes, SearchCall } from './tasks.ts'
import type { TimeRange } from './time-range.ts'

/** Selected lines of one chunk. */
export interface GrepBatch {
  /** Numbers of the lines, from 0, ascending. */
  lines: Float64Array
  /** The lines one behind the other, each with a line feed. */
  bytes: Uint8Array
  /** Where each line starts in `bytes`, and the end of the last. */
  offsets: Uint32Array
}

/** A template over a whole log. */
export interface TemplateInfo {
  id: number
  /** Text with `<num>`, `<ts>`, `<str>` and `<rest>` for the slots. */
  text: string
  count: number
  /** Earliest and latest time in ms since 1970 where its lines say it (in the year 2000 where the log has no years). */
  first?: number
  last?: number
}

/** Where the bytes of a log are. */
export interface LogStats {
  chunks: number
  lines: number
  rawBytes: number
  /** Stored bytes by section. */
  stored: Record<string, number>
  /** Stored bytes of what speaks of all chunks: the summary, and the profile once it has been read. */
  sharedBytes: number
  /** Stored bytes that this reader has read so far. */
  decodedBytes: number
}

/** A search reads a part of a log only: a worker of its own pays for larger ones. */
const READING = 4

interface Chunk {
  /** Its number. */
  part: number
  rows: readonly BlockRow[]
  /** Where it starts in the decoded log. */
  rawOffset: number
  firstLine: number
  lines: number
  /** Whether its lines do not fit between those of the chunks around it. */
  isDoubtful: boolean
  rawBytes: number
  /** Whether its last line goes on in the next chunk. */
  open: boolean
  times: TimeRange | undefined
  /** Packed filter of its texts. */
  grams: Uint8Array | undefined
}

/** What a search found in chunks that stand side by side. */
interface Found {
  unit: readonly Chunk[]
  hits: GrepHits
}

/**
 * A compressed log that answers by lines: read, searched, summed up. Close it to let its workers go.
 *
 * Every method that takes a run goes on behind damaged chunks if the run has `onDamage`, which is told of each that the
 * question needs.
 */
export class LogReader implements Reader {
  readonly lines: number
  readonly rawBytes: number
  readonly #entry: EntryReader
  readonly #chunks: readonly Chunk[]
  readonly #stored: Record<string, number>
  #prior: Promise<PriorBytes | undefined> | undefined
  #pool: Pool<typeof logTasks> | undefined
  /** Whether the prior does not match its checksum: what is decoded with it is checked. */
  #unsure: boolean = false
  #decoded: number
  #shared: number

  private constructor(
    entry: EntryReader,
    chunks: readonly Chunk[],
    stored: Record<string, number>,
    summaryBytes: number,
  ) {
    this.#entry = entry
    this.#shared = summaryBytes
    this.#decoded = summaryBytes
    this.#chunks = chunks
    this.#stored = stored
    const last = chunks.at(-1)
    this.lines = last === undefined ? 0 : last.firstLine + last.lines
    this.rawBytes = chunks.reduce((sum, chunk) => sum + chunk.rawBytes, 0)
  }

  /** @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED`, `PITH_CHECKSUM` with the place */
  static async open(entry: EntryReader, run: ReadRun = {}): Promise<LogReader> {
    throwIfAborted(run.signal)
    const rows = await chunkRows(entry, run.onDamage)
    const { chunks: summaries, storedBytes } = await summariesOf(entry, run)
    const stored: Record<string, number> = {}
    let rawOffset = 0
    let end = 0
    const chunks = rows.map((own, i): Chunk => {
      const [head] = own as [BlockRow]
      rawOffset += head.rawBytes
      for (const row of own) stored[row.section] = (stored[row.section] ?? 0) + row.storedBytes
      const next = rows[i + 1]?.[0]?.keys?.[0]
      // The fields of a damaged block may be gone; then it has the lines between its neighbours.
      const [first, last] = head.keys ?? [end, Math.max(end, next ?? end)]
      const isDoubtful = !(isNextTo(end, first) && (next === undefined || isNextTo(last, next)))
      end = last
      return {
        part: i,
        rows: own,
        rawOffset: rawOffset - head.rawBytes,
        firstLine: first,
        isDoubtful,
        lines: last - first,
        rawBytes: head.rawBytes,
        open: next !== undefined && next < last,
        times: summaries.length <= rows.length ? summaries[i]?.times : undefined,
        grams: summaries.length <= rows.length ? summaries[i]?.grams : undefined,
      }
    })
    return new LogReader(entry, chunks, stored, storedBytes)
  }

  async close(): Promise<void> {
    await this.#pool?.close()
    this.#pool = undefined
  }

  /** Where the bytes are. */
  get stats(): LogStats {
    return {
      chunks: this.#chunks.length,
      lines: this.lines,
      rawBytes: this.rawBytes,
      stored: { ...this.#stored },
      sharedBytes: this.#shared,
      decodedBytes: this.#decoded,
    }
  }

  /** Earliest and latest time of the log, where its chunks say it. */
  get times(): TimeRange | undefined {
    let all: TimeRange | undefined
    for (const { times } of this.#chunks) {
      if (times === undefined) continue
      if (all !== undefined && all.dated !== times.dated) return undefined
      all = {
        first: Math.min(all?.first ?? times.first, times.first),
        last: Math.max(all?.last ?? times.last, times.last),
        dated: times.dated,
      }
    }
    return all
  }

  /**
   * Bytes of the lines `from`..`to` (from 0, `to` not included), in pieces, with their line endings.
   *
   * @throws PithError `PITH_ARG` a range that is none
   */
  async *read(from: number, to: number, run: ReadRun = {}): AsyncGenerator<Uint8Array, void, undefined> {
    if (!(from >= 0 && to >= from)) throw new PithError('PITH_ARG', `lines must be a range, got ${from}..${to}`)
    const wanted = this.#chunks.filter(
      (chunk) => chunk.isDoubtful || (chunk.firstLine < to && chunk.firstLine + chunk.lines > from),
    )
    const meter = meterProgress(run, { stage: 'read', unit: 'bytes', total: sum(wanted) })
    let done = 0
    for await (const [chunk, bytes] of this.#mapChunks(wanted, run, (c) => this.#render(c, run))) {
      const start = from > chunk.firstLine ? offsetOfLine(bytes, from - chunk.firstLine) : 0
      const end = to < chunk.firstLine + chunk.lines ? offsetOfLine(bytes, to - chunk.firstLine) : bytes.length
      if (end > start) yield bytes.subarray(start, end)
      done += bytes.length
      meter.update(done)
    }
    meter.finish()
  }

  /**
   * The selected lines in order, one batch for each chunk that has some; GNU grep's semantics.
   *
   * Chunks are left out by their times, their templates and their dictionaries before any column is decoded.
   *
   * @throws PithError `PITH_ARG` for a pattern that is none
   */
  async *grep(query: GrepQuery, run: ReadRun = {}): AsyncGenerator<GrepBatch, void, undefined> {
    const meter = meterProgress(run, { stage: 'search', unit: 'bytes', total: this.rawBytes })
    let done = 0
    const all = joinOpen(this.#chunks)
    const times = new UnitTimes(all, (unit) => this.#times(unit, run), run.onDamage)
    const mayHold = all.map((unit) => unit.some((chunk) => mayBeIn(chunk, query)))
    // Lines without a time at the start of a unit count as the last line of the one before.
    const units = all.filter((_, i) => mayHold[i] || (asksForTime(query) && mayHold[i - 1]))
    const call = (unit: readonly Chunk[]): Promise<{ found: Found[]; lost: DamagedPart[] }> =>
      this.#searchUnit(unit, query, run, times)
    let next = 0
    for await (const { found, lost } of mapOrdered(units, call, this.#order(run))) {
      for (const part of lost) run.onDamage?.(part)
      for (const { unit, hits } of found) {
        if (hits.lines.length === 0) continue
        const first = (unit[0] as Chunk).firstLine
        yield { lines: Float64Array.from(hits.lines, (line) => line + first), bytes: hits.bytes, offsets: hits.offsets }
      }
      done += sum(units[next++] as Chunk[])
      meter.update(done)
    }
    meter.finish()
  }

  /** Number of selected lines. */
  async count(query: GrepQuery, run: ReadRun = {}): Promise<number> {
    let total = 0
    for await (const batch of this.grep(query, run)) total += batch.lines.length
    return total
  }

  /** Templates by how many lines they have, most first, over the whole log. */
  async templates(run: ReadRun = {}): Promise<TemplateInfo[]> {
    const all = new Map<string, TemplateInfo>()
    for await (const facts of this.facts(run)) {
      for (const { text, count, first, last } of facts.templates) {
        const known = all.get(text)
        if (known === undefined) {
          all.set(text, {
            id: all.size,
            text,
            count,
            ...(first === undefined ? {} : { first }),
            ...(last === undefined ? {} : { last }),
          })
        } else {
          known.count += count
          if (first !== undefined) known.first = Math.min(known.first ?? first, first)
          if (last !== undefined) known.last = Math.max(known.last ?? last, last)
        }
      }
    }
    return [...all.values()].sort((a, b) => b.count - a.count || a.id - b.id)
  }

  /**
   * Templates, columns and times of each chunk in order; what `inspect` and `templates` are drawn from.
   *
   * @param options `stored`: also what the bytes in the file are for, for which all columns are decoded
   */
  async *facts(options: ReadRun & { stored?: boolean } = {}): AsyncGenerator<ChunkFacts, void, undefined> {
    const { stored = false, ...run } = options
    const ask = async (chunk: Chunk): Promise<ChunkFacts> => {
      const call = { blocks: await this.#load(chunk, run), prior: await this.#priorBytes(run), stored }
      return await this.#tasks(run).run('facts', call)
    }
    for await (const [, facts] of this.#mapChunks(this.#chunks, run, ask)) yield facts
  }

  /**
   * Slots of all templates, those of the template with most lines first; no rows are decoded.
   *
   * The kind is what the batches of {@link column} will hold, as far as that can be told from how the chunks code the slot:
   * `text` where they differ, or where a chunk keeps its values as plain texts.
   */
  async columns(run: ReadRun = {}): Promise<SlotInfo[]> {
    const all = new SlotTable()
    const ask = async (chunk: Chunk): Promise<SlotInfo[]> => {
      const call = { blocks: await this.#load(chunk, run), prior: await this.#priorBytes(run) }
      return await this.#tasks(run).run('slots', call)
    }
    for await (const [, slots] of this.#mapChunks(this.#chunks, run, ask)) all.add(slots)
    return all.list()
  }

  /**
   * Values of a slot of a template, one batch for each chunk that has such lines.
   *
   * Each batch holds `numbers` if all its values are integers of at most 15 digits that their values spell again (without
   * leading zeros, or all padded to one length), `times` if all are times in a known layout, and else `texts`, however the
   * file codes them. A line that goes on in the next chunk counts as two, each with its own template.
   *
   * @param wanted `template` is a text as {@link templates} gives it; `<num>` and `<str>` count as the same slot, as what a
   * slot shows as is up to the chunk
   * @throws PithError `PITH_ARG` no template has this text, or it has no such slot
   * @example
   * for await (const { lines, numbers } of log.column({ template: 'took <num> ms', slot: 0 })) {
   *   numbers?.forEach((ms, i) => ms > 1000 && console.log(lines[i], ms))
   * }
   */
  async *column(wanted: SlotName, run: ReadRun = {}): AsyncGenerator<ColumnBatch, void, undefined> {
    const { template, slot } = wanted
    if (!(Number.isInteger(slot) && slot >= 0)) throw new PithError('PITH_ARG', `slots count from 0, got ${slot}`)
    const meter = meterProgress(run, { stage: 'read', unit: 'bytes', total: this.rawBytes })
    const ask = async (chunk: Chunk): Promise<ColumnBatch | undefined> => {
      const call = { blocks: await this.#load(chunk, run), prior: await this.#priorBytes(run), template, slot }
      return await this.#tasks(run).run('slot', call)
    }
    let isKnown = false
    let done = 0
    for await (const [chunk, batch] of this.#mapChunks(this.#chunks, run, ask)) {
      done += chunk.rawBytes
      if (batch !== undefined) {
        isKnown = true
        yield { ...batch, lines: batch.lines.map((line) => line + chunk.firstLine) }
      }
      meter.update(done)
    }
    meter.finish()
    if (!isKnown) {
      throw new PithError('PITH_ARG', `no template is called ${JSON.stringify(template.slice(0, 80))}`, {
        hint: 'Take the text from templates() or columns().',
      })
    }
  }

  async #render(chunk: Chunk, run: ReadRun): Promise<Uint8Array> {
    const blocks = await this.#load(chunk, run)
    return await this.#tasks(run).run('decode', { blocks, prior: await this.#priorBytes(run) })
  }

  /** Search chunks whose lines go on in the next one; where one of them is damaged, those around it apart. */
  async #searchUnit(
    unit: readonly Chunk[],
    query: GrepQuery,
    run: ReadRun,
    times: UnitTimes,
  ): Promise<{ found: Found[]; lost: DamagedPart[] }> {
    try {
      for (const chunk of unit) await this.#checkUnsure(chunk, run)
      return { found: [{ unit, hits: await this.#search(unit, query, run, times) }], lost: [] }
    } catch (error) {
      const [first] = unit as [Chunk]
      const named = atChunk(error, this.#entry, first.part)
      if (run.onDamage === undefined || !isDamage(error)) throw named
      if (unit.length === 1) return { found: [], lost: [lostChunk(first, named)] }
    }
    const found: Found[] = []
    const lost: DamagedPart[] = []
    let whole: Chunk[] = []
    const search = async (): Promise<void> => {
      if (whole.length > 0) found.push({ unit: whole, hits: await this.#search(whole, query, run, times) })
      whole = []
    }
    for (const chunk of unit) {
      const outcome = await outcomeOf(this.#render(chunk, run), run.onDamage)
      if ('value' in outcome) whole.push(chunk)
      else {
        lost.push(lostChunk(chunk, atChunk(outcome.error, this.#entry, chunk.part)))
        await search()
      }
    }
    await search()
    return { found, lost }
  }

  async #search(unit: readonly Chunk[], query: GrepQuery, run: ReadRun, times: UnitTimes): Promise<GrepHits> {
    const hits = await this.#hits(unit, query, run)
    if (!asksForTime(query) || hits.lines.length === 0) return hits
    const own = await times.of(unit)
    return inTime(hits, own, query, needsTimeBefore(hits, own) ? await times.before(unit) : undefined)
  }

  async #hits(unit: readonly Chunk[], query: GrepQuery, run: ReadRun): Promise<GrepHits> {
    const pool = this.#tasks(run)
    if (unit.length > 1) {
      const parts: Uint8Array[] = []
      for (const chunk of unit) parts.push(await this.#render(chunk, run))
      return await pool.run('grepBytes', { parts, query })
    }
    const [chunk] = unit as [Chunk]
    const prior = await this.#priorBytes(run)
    if (chunk.grams !== undefined) {
      const set = unpackBytes(chunk.grams, GRAM_BYTES)
      if (!filterOf(query).mayHit(set, prior?.bytes)) return noHits()
    }
    return await this.#searchChunk(chunk, query, prior, run)
  }

  /** Across a network only what the search turns out to need is fetched. */
  async #searchChunk(chunk: Chunk, query: GrepQuery, prior: PriorBytes | undefined, run: ReadRun): Promise<GrepHits> {
    const { rows } = chunk
    const { remote } = this.#entry
    const blocks: SearchCall['blocks'] = rows.map(({ section }) => ({ section, payload: undefined }))
    let wanted = [...rows.keys()].filter((i) => !remote || (rows[i] as BlockRow).section === 'chunk')
    for (;;) {
      const payloads = await Promise.all(wanted.map((i) => this.#entry.read(rows[i] as BlockRow, run)))
      for (const [k, i] of wanted.entries()) (blocks[i] as SearchCall['blocks'][number]).payload = payloads[k]
      const { hits, used, missing } = await this.#tasks(run).run('search', { prior, query, blocks })
      for (const i of remote ? wanted : used) this.#decoded += (rows[i] as BlockRow).storedBytes
      if (missing.length === 0) return hits
      wanted = [...missing]
    }
  }

  /** Times of the lines of chunks whose last lines go on in the next one. */
  async #times(unit: readonly Chunk[], run: ReadRun): Promise<Float64Array> {
    const lines = unit.reduce((sum, chunk) => sum + chunk.lines - (chunk.open ? 1 : 0), 1)
    const times = new Float64Array(lines).fill(Number.NaN)
    let at = 0
    for (const [i, chunk] of unit.entries()) {
      const call = { blocks: await this.#load(chunk, run), prior: await this.#priorBytes(run) }
      const own = await this.#tasks(run).run('times', call)
      // The rest of a line that was cut says nothing of the line.
      for (let line = i > 0 && unit[i - 1]?.open ? 1 : 0; line < own.length; line++) {
        times[at + line] = own[line] as number
      }
      at += own.length - (chunk.open ? 1 : 0)
    }
    return times
  }

  async #load(chunk: Chunk, run: ReadRun): Promise<{ section: string; payload: Uint8Array }[]> {
    const payloads = await Promise.all(chunk.rows.map((row) => this.#entry.read(row, run)))
    for (const { storedBytes } of chunk.rows) this.#decoded += storedBytes
    return chunk.rows.map(({ section }, i) => ({ section, payload: payloads[i] as Uint8Array }))
  }

  #priorBytes(run: ReadRun): Promise<PriorBytes | undefined> {
    this.#prior ??= run.onDamage === undefined ? this.#surePrior(run) : this.#anyPrior(run)
    return this.#prior
  }

  async #surePrior(run: ReadRun): Promise<PriorBytes | undefined> {
    const payload = await this.#entry.profile(undefined, run)
    this.#tellShared(payload?.length ?? 0)
    return payload === undefined ? undefined : await unpackPrior(payload)
  }

  async #anyPrior(run: ReadRun): Promise<PriorBytes | undefined> {
    const { prior, unsure, storedBytes } = await readAnyPrior(this.#entry, run)
    this.#unsure = unsure
    this.#tellShared(storedBytes)
    return prior
  }

  #tellShared(bytes: number): void {
    this.#shared += bytes
    this.#decoded += bytes
  }

  /** With a prior that may be wrong, only a chunk that decodes to its checksum says anything. */
  async #checkUnsure(chunk: Chunk, run: ReadRun): Promise<void> {
    if (run.onDamage === undefined) return
    const prior = await this.#priorBytes(run)
    if (this.#unsure) await this.#tasks(run).run('check', { blocks: await this.#load(chunk, run), prior })
  }

  #tasks(run: ReadRun): Pool<typeof logTasks> {
    if (this.#pool !== undefined) return this.#pool
    // The pool outlives the call, and so what cancels it.
    const { signal: _, ...kept } = run
    const largest = this.#chunks.reduce((most, { rawBytes }) => Math.max(most, rawBytes), 0)
    const limits = run.limits ?? this.#entry.limits
    this.#pool = poolOf({ ...kept, limits }, { needed: decodingBytes(largest), total: this.rawBytes / READING })
    return this.#pool
  }

  /** As many in work as there are threads. */
  #order({ threads = 1, signal }: ReadRun): { concurrency: number; signal: AbortSignal | undefined } {
    return { concurrency: threads === 1 ? 1 : threads * 2, signal }
  }

  /** Results for chunks in order, without those that are damaged where that is allowed. */
  async *#mapChunks<R>(
    chunks: readonly Chunk[],
    run: ReadRun,
    map: (chunk: Chunk) => Promise<R>,
  ): AsyncGenerator<readonly [Chunk, R], void, undefined> {
    const call = async (chunk: Chunk): Promise<R> => {
      try {
        await this.#checkUnsure(chunk, run)
        return await map(chunk)
      } catch (error) {
        throw atChunk(error, this.#entry, chunk.part)
      }
    }
    let next = 0
    for await (const outcome of mapOrdered(chunks, (c) => outcomeOf(call(c), run.onDamage), this.#order(run))) {
      const chunk = chunks[next++] as Chunk
      if ('value' in outcome) yield [chunk, outcome.value]
      else run.onDamage?.(lostChunk(chunk, outcome.error))
    }
  }
}

/** Whether lines that end before `end` go on at `first`, which may be the rest of the last one. */
function isNextTo(end: number, first: number): boolean {
  return first === end || first === end - 1
}

function lostChunk({ part, rawOffset, rows }: Chunk, error: unknown): DamagedPart {
  return damagedChunk(error, { part, rawOffset, head: rows[0] as BlockRow })
}

/** What the summary says of the first chunks; nothing where it is damaged and that is allowed: it only makes answers quicker. */
async function summariesOf(
  entry: EntryReader,
  { onDamage }: ReadRun,
): Promise<{ chunks: readonly ChunkSummary[]; storedBytes: number }> {
  try {
    const bytes = await entry.summary()
    return { chunks: bytes === undefined ? [] : readSummary(bytes), storedBytes: bytes?.length ?? 0 }
  } catch (error) {
    if (onDamage === undefined || !isDamage(error)) throw error
    return { chunks: [], storedBytes: 0 }
  }
}

/** Times of the lines of units, each asked for once. */
class UnitTimes {
  readonly #units: readonly (readonly Chunk[])[]
  readonly #ask: (unit: readonly Chunk[]) => Promise<Float64Array>
  readonly #onDamage: ReadRun['onDamage']
  readonly #times: Map<readonly Chunk[], Promise<Float64Array>> = new Map()

  constructor(
    units: readonly (readonly Chunk[])[],
    ask: (unit: readonly Chunk[]) => Promise<Float64Array>,
    onDamage: ReadRun['onDamage'],
  ) {
    this.#units = units
    this.#ask = ask
    this.#onDamage = onDamage
  }

  of(unit: readonly Chunk[]): Promise<Float64Array> {
    let times = this.#times.get(unit)
    if (times === undefined) this.#times.set(unit, (times = this.#ask(unit)))
    return times
  }

  /** The last time that is said before a unit. */
  async before(unit: readonly Chunk[]): Promise<number | undefined> {
    for (let i = this.#units.indexOf(unit) - 1; i >= 0; i--) {
      const unit = this.#units[i] as readonly Chunk[]
      // A damaged chunk says no times; where that is no error, those before it are asked.
      const times = await outcomeOf(this.of(unit), this.#onDamage)
      if ('error' in times && !isDamage(times.error)) throw times.error
      const last = 'value' in times ? times.value.findLast((time) => !Number.isNaN(time)) : undefined
      if (last !== undefined) return last
    }
    return undefined
  }
}

function sum(chunks: readonly Chunk[]): number {
  return chunks.reduce((total, chunk) => total + chunk.rawBytes, 0)
}

/** Chunks whose lines go on in the next one are searched together. */
function joinOpen(chunks: readonly Chunk[]): Chunk[][] {
  const units: Chunk[][] = []
  let linked = false
  for (const chunk of chunks) {
    if (linked) (units.at(-1) as Chunk[]).push(chunk)
    else units.push([chunk])
    linked = chunk.open
  }
  return units
}

/** Whether the times of a chunk leave room for a hit. */
function mayBeIn(chunk: Chunk, { since, until }: GrepQuery): boolean {
  if (chunk.times === undefined) return true
  return !(since !== undefined && chunk.times.last < since) && !(until !== undefined && chunk.times.first > until)
}
