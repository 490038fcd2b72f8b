import { PithError } from '@pith/core'
import type { Matcher } from '../systems/search.ts'
import type { GrepPlan } from './plan.ts'
import type { LinePrinter } from './printer.ts'

/** Bytes that one line may have. */
const MAX_LINE = 1 << 29
const LINE_END = 10

/** What is printed of a search, without what selects lines. */
export interface ShowPlan extends Pick<GrepPlan, 'show' | 'numbers' | 'before' | 'after' | 'divided'> {
  readonly maxCount: number
  /** The search without -v, where both -v and -o are given. */
  readonly inner?: Matcher
}

/**
 * Search decoded bytes for lines and print them as grep does.
 *
 * @returns number of selected lines; 1 at most where nothing but their existence is asked
 * @throws PithError `PITH_LIMIT` a line longer than 512 MiB
 */
export async function searchStream(
  chunks: AsyncIterable<Uint8Array>,
  matcher: Matcher,
  plan: ShowPlan,
  printer: LinePrinter,
): Promise<number> {
  const search = new StreamSearch(matcher, plan, printer)
  for await (const chunk of chunks) {
    search.take(chunk)
    await printer.drain()
    if (search.done) return search.selected
  }
  search.finish()
  await printer.drain()
  return search.selected
}

class StreamSearch {
  selected = 0
  readonly #matcher: Matcher
  readonly #plan: ShowPlan
  readonly #printer: LinePrinter
  readonly #counting: boolean
  /** Bytes that are held: lines before for context, then what is not searched yet. */
  #bytes: Uint8Array = new Uint8Array(0)
  #held = 0
  /** Where the lines start that are not searched yet. */
  #at = 0
  /** Where the lines start that are not printed yet. */
  #unprinted = 0
  /** Lines after a match that are still to be printed. */
  #pending = 0
  /** A place whose line number is known. */
  #known = 0
  #line = 0

  constructor(matcher: Matcher, plan: ShowPlan, printer: LinePrinter) {
    this.#matcher = matcher
    this.#plan = plan
    this.#printer = printer
    this.#counting = plan.numbers || plan.divided
  }

  /** Whether nothing that follows can change the output. */
  get done(): boolean {
    const { show, maxCount } = this.#plan
    if (this.selected === 0) return maxCount === 0
    if (show === 'names' || show === 'others' || show === 'nothing') return true
    return this.selected >= maxCount && this.#pending === 0
  }

  take(chunk: Uint8Array): void {
    const last = chunk.lastIndexOf(LINE_END)
    const end = this.#held + last + 1
    this.#append(chunk)
    if (last < 0) {
      if (this.#held - this.#at > MAX_LINE) {
        throw new PithError('PITH_LIMIT', `a line is longer than ${MAX_LINE} bytes`, {
          hint: 'Decompress the file and search it by other means.',
        })
      }
      return
    }
    this.#search(end)
    this.#forget()
  }

  finish(): void {
    if (this.#held > this.#at) this.#search(this.#held)
  }

  /** Search the lines up to `end`. */
  #search(end: number): void {
    const { show, maxCount } = this.#plan
    if (this.selected < maxCount) {
      const lines = show === 'lines' && this.#printer.plain ? this.#plainLines(end) : this.#eachLine()
      this.#matcher.searchBuffer(this.#bytes, this.#at, end, lines.onLine)
      lines.finish()
    }
    this.#printPending(end)
    this.#at = end
  }

  /** Lines that are printed as they are: neighbours go in one piece. */
  #plainLines(end: number): { onLine(from: number, to: number): boolean; finish(): void } {
    let start = this.#at
    let stop = this.#at
    const flush = (): void => {
      if (stop > start) this.#printer.whole(this.#bytes.subarray(start, Math.min(stop, end)))
    }
    return {
      onLine: (from, to) => {
        this.selected++
        if (from !== stop) {
          flush()
          start = from
        }
        stop = to + 1
        return this.selected < this.#plan.maxCount
      },
      finish: flush,
    }
  }

  #eachLine(): { onLine(from: number, to: number): boolean; finish(): void } {
    const { show, maxCount } = this.#plan
    const printed = show === 'lines' || show === 'matches'
    const only = !printed && show !== 'count'
    return {
      onLine: (from, to) => {
        this.selected++
        if (printed) this.#printMatch(from, to)
        return !only && this.selected < maxCount
      },
      finish: () => undefined,
    }
  }

  #printMatch(from: number, to: number): void {
    const { show, before, after } = this.#plan
    this.#printPending(from)
    let start = from
    for (let lines = 0; lines < before && start > this.#unprinted; lines++) {
      start = this.#bytes.subarray(0, start - 1).lastIndexOf(LINE_END) + 1
      if (start < this.#unprinted) start = this.#unprinted
    }
    this.#printContext(start, from)
    const number = this.#lineAt(from)
    if (show === 'matches') {
      this.#printer.parts(number, this.#bytes, this.#matcher.findAll(this.#bytes, from, to))
    } else this.#printer.line(number, this.#bytes, from, to, false)
    this.#unprinted = Math.min(to + 1, this.#held)
    this.#pending = after
  }

  /** Print lines after the last match, up to `limit`. */
  #printPending(limit: number): void {
    while (this.#pending > 0 && this.#unprinted < limit) {
      const from = this.#unprinted
      const to = lineEnd(this.#bytes, from, limit)
      this.#pending--
      this.#printContext(from, Math.min(to + 1, limit))
      this.#unprinted = Math.min(to + 1, limit)
    }
  }

  #printContext(start: number, end: number): void {
    for (let from = start; from < end; ) {
      const to = lineEnd(this.#bytes, from, end)
      const number = this.#lineAt(from)
      if (this.#plan.show === 'matches') this.#printContextParts(number, from, to)
      else this.#printer.line(number, this.#bytes, from, to, true)
      from = to + 1
    }
  }

  /** With -v -o the lines around are those that match, and grep prints what matches in them. */
  #printContextParts(number: number, from: number, to: number): void {
    const { inner } = this.#plan
    if (inner === undefined) this.#printer.passOver(number)
    else this.#printer.parts(number, this.#bytes, inner.findAll(this.#bytes, from, to), true)
  }

  /** Number of the line that starts at a place, from 0; places are asked in order. */
  #lineAt(place: number): number {
    if (!this.#counting) return 0
    for (;;) {
      const end = this.#bytes.indexOf(LINE_END, this.#known)
      if (end < 0 || end >= place) break
      this.#known = end + 1
      this.#line++
    }
    return this.#line
  }

  /** Drop what is searched, but for the lines before that a match may need. */
  #forget(): void {
    let keep = this.#at
    for (let lines = 0; lines < this.#plan.before && keep > this.#unprinted; lines++) {
      keep = this.#bytes.subarray(0, keep - 1).lastIndexOf(LINE_END) + 1
    }
    keep = Math.max(keep, Math.min(this.#unprinted, this.#at))
    this.#lineAt(keep)
    this.#bytes.copyWithin(0, keep, this.#held)
    this.#held -= keep
    this.#at -= keep
    this.#unprinted = Math.max(0, this.#unprinted - keep)
    this.#known = Math.max(0, this.#known - keep)
  }

  #append(chunk: Uint8Array): void {
    const needed = this.#held + chunk.length
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, Math.min(2 * this.#bytes.length, this.#bytes.length + (1 << 26))))
      grown.set(this.#bytes.subarray(0, this.#held))
      this.#bytes = grown
    }
    this.#bytes.set(chunk, this.#held)
    this.#held = needed
  }
}

function lineEnd(bytes: Uint8Array, from: number, limit: number): number {
  const end = bytes.indexOf(LINE_END, from)
  return end < 0 || end > limit ? limit : end
}
