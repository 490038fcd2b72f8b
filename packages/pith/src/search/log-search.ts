import { concatBytes, PithError, type Run } from '@pith/core'
import type { LineBatch, LineReader } from '../systems/log-reader.ts'
import type { Matcher } from '../systems/search.ts'
import type { Query } from './plan.ts'
import type { LinePrinter } from './printer.ts'
import type { ShowPlan } from './stream-search.ts'

const LINE_END = 10

/**
 * Search a compressed log for lines and print them as grep does; only what can hold a match is decoded.
 *
 * @returns number of selected lines; where nothing but their existence is asked, not all of them
 */
export async function searchLog(
  reader: LineReader,
  matcher: Matcher,
  query: Query,
  plan: ShowPlan,
  printer: LinePrinter,
  run: Run,
): Promise<number> {
  if (plan.maxCount === 0) return 0
  const { show } = plan
  const print = new BatchPrinter(reader, matcher, plan, printer, run)
  let selected = 0
  let held: LineBatch | undefined
  for await (const batch of reader.grep(inTimesOf(reader, query), run)) {
    const room = plan.maxCount - selected
    const taken = batch.lines.length <= room ? batch : firstOf(batch, room)
    selected += taken.lines.length
    if (show === 'names' || show === 'others' || show === 'nothing') return selected
    if (show !== 'count') {
      // A batch is printed when the next match is known: context ends where that begins.
      if (held !== undefined) await print.batch(held, taken.lines[0]!)
      held = taken
    }
    if (selected >= plan.maxCount) break
  }
  if (held !== undefined) await print.batch(held, Number.POSITIVE_INFINITY)
  return selected
}

/**
 * The query with its times as the log counts them: a log without years has all its times in the year 2000.
 *
 * @throws PithError `PITH_ARG` a range over New Year, which such a log cannot tell from the rest of the year
 */
function inTimesOf(reader: LineReader, query: Query): Query {
  const { since, until } = query
  if (reader.times?.dated !== false || (since === undefined && until === undefined)) return query
  const from = since === undefined ? undefined : withoutYear(since)
  const to = until === undefined ? undefined : withoutYear(until)
  if (from !== undefined && to !== undefined && from > to) {
    throw new PithError('PITH_ARG', 'the log has no years, so a range over New Year cannot be found in it', {
      hint: 'Search up to the end of the year and from its start apart.',
    })
  }
  return { ...query, ...(from === undefined ? {} : { since: from }), ...(to === undefined ? {} : { until: to }) }
}

function withoutYear(ms: number): number {
  return new Date(ms).setUTCFullYear(2000)
}

class BatchPrinter {
  readonly #reader: LineReader
  readonly #matcher: Matcher
  readonly #plan: ShowPlan
  readonly #printer: LinePrinter
  readonly #run: Run

  constructor(reader: LineReader, matcher: Matcher, plan: ShowPlan, printer: LinePrinter, run: Run) {
    this.#reader = reader
    this.#matcher = matcher
    this.#plan = plan
    this.#printer = printer
    this.#run = run
  }

  /** Print selected lines with their context. `next` is the number of the line selected after them. */
  async batch(batch: LineBatch, next: number): Promise<void> {
    const { before, after, show, inner } = this.#plan
    const printer = this.#printer
    if (before === 0 && after === 0) {
      if (printer.plain && show === 'lines') printer.whole(batch.bytes)
      else for (let i = 0; i < batch.lines.length; i++) this.#match(batch, i)
    } else if (show === 'matches' && inner === undefined) {
      this.#matchesApart(batch, next)
    } else {
      await this.#withContext(batch, next)
    }
    await printer.drain()
  }

  #match(batch: LineBatch, at: number): void {
    const { bytes, lines, offsets } = batch
    const start = offsets[at]!
    const end = offsets[at + 1]! - 1
    if (this.#plan.show === 'matches') {
      this.#printer.parts(lines[at]!, bytes, this.#matcher.findAll(bytes, start, end))
    } else this.#printer.line(lines[at]!, bytes, start, end, false)
  }

  /** With -o the lines around are not printed; only their numbers count, for the dividers. */
  #matchesApart(batch: LineBatch, next: number): void {
    const { before, after } = this.#plan
    const { lines } = batch
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i]!
      for (let n = Math.max(this.#printer.next, line - before); n < line; n++) this.#printer.passOver(n)
      this.#match(batch, i)
      const end = Math.min(line + 1 + after, i + 1 < lines.length ? lines[i + 1]! : next, this.#reader.lines)
      for (let n = line + 1; n < end; n++) this.#printer.passOver(n)
    }
  }

  /** Read from the first line of context to the last, once, and pick. */
  async #withContext(batch: LineBatch, next: number): Promise<void> {
    const { before, after } = this.#plan
    const { lines } = batch
    const from = Math.max(this.#printer.next, lines[0]! - before)
    const to = Math.min(lines[lines.length - 1]! + 1 + after, next, this.#reader.lines)
    let number = from
    let at = 0
    let until = -1
    for await (const { bytes, start, end } of linesOf(this.#reader.read(from, to, this.#run))) {
      if (number === lines[at]) {
        this.#match(batch, at)
        until = number + after
        at++
      } else if (number <= until || (at < lines.length && number >= lines[at]! - before)) {
        this.#context(number, bytes, start, end)
      }
      number++
      await this.#printer.drain()
    }
  }

  #context(number: number, bytes: Uint8Array, start: number, end: number): void {
    const { show, inner } = this.#plan
    if (show === 'matches' && inner !== undefined) {
      this.#printer.parts(number, bytes, inner.findAll(bytes, start, end), true)
    } else this.#printer.line(number, bytes, start, end, true)
  }
}

interface Line {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

/** The lines of bytes that come in pieces, wherever those are cut. */
async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let open: Uint8Array[] = []
  for await (const piece of pieces) {
    let at = 0
    for (;;) {
      const end = piece.indexOf(LINE_END, at)
      if (end < 0) break
      if (open.length === 0) {
        yield { bytes: piece, start: at, end }
      } else {
        const bytes = concatBytes([...open, piece.subarray(at, end)])
        open = []
        yield { bytes, start: 0, end: bytes.length }
      }
      at = end + 1
    }
    if (at < piece.length) open.push(piece.slice(at))
  }
  if (open.length === 0) return
  const bytes = concatBytes(open)
  yield { bytes, start: 0, end: bytes.length }
}

function firstOf(batch: LineBatch, count: number): LineBatch {
  return {
    lines: Array.from({ length: count }, (_, i) => batch.lines[i]!),
    bytes: batch.bytes.subarray(0, batch.offsets[count]),
    offsets: batch.offsets,
  }
}
