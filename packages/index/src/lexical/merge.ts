import { PithError, type Run } from '@pith/core'
import { LexicalIndex } from './lexical.ts'
import {
  type LexicalContent,
  type LexicalInfo,
  MAX_ROWS,
  type Places,
  type Postings,
  type TermEntry,
} from './source.ts'

/** An index that goes into another one. */
export interface MergedPart {
  readonly index: LexicalIndex | LexicalContent
  /** u32[rows]: row of the new index for each of this one, ascending; `DROPPED` for those that are left out. */
  readonly rows: Uint32Array
}

/** Row of a document that is left out. */
export const DROPPED = 0xffffffff
/** Terms that are handed on at once. */
const RUN = 256

interface MergedEntry extends TermEntry {
  /** Its entry in each part, undefined where it is not. */
  readonly own: readonly (TermEntry | undefined)[]
}

/**
 * Several indexes as one, to be written: terms are merged without reading any document again. Rows of the new index are
 * those that the parts name; each is named once.
 *
 * @throws PithError `PITH_ARG` rows that do not ascend, or parts of different analyzers or weights of titles
 */
export async function mergeLexical(parts: readonly MergedPart[], run?: Run): Promise<LexicalContent> {
  const sources = parts.map(({ index }) => (index instanceof LexicalIndex ? index.source : index))
  const first = sources[0]?.info
  if (first === undefined) throw new PithError('PITH_ARG', 'an index to merge is needed')
  let rows = 0
  for (const [i, { rows: own }] of parts.entries()) {
    const { info } = sources[i] as LexicalContent
    if (info.analyzer !== first.analyzer || info.titleWeight !== first.titleWeight) {
      throw new PithError('PITH_ARG', `an index of ${info.analyzer} does not go into one of ${first.analyzer}`)
    }
    if (own.length !== info.rows) throw new PithError('PITH_ARG', `${own.length} rows for an index of ${info.rows}`)
    rows = Math.max(rows, checkRows(own))
  }
  const lengths = new Uint32Array(rows)
  const taken = new Uint8Array(rows)
  for (const [i, { rows: own }] of parts.entries()) {
    const of = await (sources[i] as LexicalContent).lengths(run)
    for (const [row, to] of own.entries()) {
      if (to === DROPPED) continue
      if (taken[to]++ !== 0) throw new PithError('PITH_ARG', `row ${to} of a merged index is given twice`)
      lengths[to] = of[row] as number
    }
  }
  const info: LexicalInfo = { ...first, rows, totalLength: lengths.reduce((sum, length) => sum + length, 0), terms: 0 }
  const postingsOf = async (entries: readonly TermEntry[], at: number): Promise<(Postings | undefined)[]> => {
    const own = entries.map((entry) => (entry as MergedEntry).own[at])
    const lists = await (sources[at] as LexicalContent).postings(
      own.filter((entry) => entry !== undefined),
      run,
    )
    let next = 0
    return own.map((entry) => (entry === undefined ? undefined : lists[next++]))
  }
  return {
    info,
    lengths: async () => lengths,
    walk: () => mergeVocabularies(sources, run),
    async postings(entries) {
      const lists = await Promise.all(sources.map((_, at) => postingsOf(entries, at)))
      return entries.map((_, i) =>
        mergePostings(
          lists.map((own) => own[i]),
          parts,
        ),
      )
    },
    async places(entries) {
      const lists = await Promise.all(sources.map((_, at) => postingsOf(entries, at)))
      const places = await Promise.all(
        sources.map(async (source, at) => {
          const own = entries.map((entry) => (entry as MergedEntry).own[at])
          const found = await source.places(
            own.filter((entry) => entry !== undefined),
            run,
          )
          let next = 0
          return own.map((entry) => (entry === undefined ? undefined : found[next++]))
        }),
      )
      return entries.map((_, i) =>
        mergePlaces(
          lists.map((own) => own[i]),
          places.map((own) => own[i]),
          parts,
        ),
      )
    },
  }
}

/** Rows that a map leads to, one more than the highest. */
function checkRows(rows: Uint32Array): number {
  let last = -1
  for (const row of rows) {
    if (row === DROPPED) continue
    if (row <= last || row >= MAX_ROWS) {
      throw new PithError('PITH_ARG', `rows of a merged index must ascend below ${MAX_ROWS}, got ${row} behind ${last}`)
    }
    last = row
  }
  return last + 1
}

async function* mergeVocabularies(
  sources: readonly LexicalContent[],
  run: Run | undefined,
): AsyncGenerator<readonly TermEntry[]> {
  const cursors = sources.map((source) => new Cursor(source.walk('', run)))
  for (const cursor of cursors) await cursor.fill()
  let entries: MergedEntry[] = []
  for (;;) {
    let least: string | undefined
    for (const { head } of cursors)
      if (head !== undefined && (least === undefined || head.term < least)) least = head.term
    if (least === undefined) break
    const own = cursors.map(({ head }) => (head?.term === least ? head : undefined))
    const documents = own.reduce((sum, entry) => sum + (entry?.documents ?? 0), 0)
    const span = { at: 0, bytes: 0 }
    entries.push({ term: least, documents, postings: span, places: span, own })
    // Most steps stay within what is there: only the end of a run waits.
    for (const [at, entry] of own.entries()) {
      if (entry !== undefined && (cursors[at] as Cursor).step()) await (cursors[at] as Cursor).fill()
    }
    if (entries.length < RUN) continue
    yield entries
    entries = []
  }
  if (entries.length > 0) yield entries
}

/** A vocabulary, term by term. */
class Cursor {
  readonly #runs: AsyncIterator<readonly TermEntry[]>
  #run: readonly TermEntry[] = []
  #at = 0

  constructor(runs: AsyncIterable<readonly TermEntry[]>) {
    this.#runs = runs[Symbol.asyncIterator]()
  }

  get head(): TermEntry | undefined {
    return this.#run[this.#at]
  }

  /** Go to the next term; whether it has to be read first. */
  step(): boolean {
    return ++this.#at >= this.#run.length
  }

  async fill(): Promise<void> {
    do {
      const next = await this.#runs.next()
      this.#run = next.done === true ? [] : next.value
      this.#at = 0
      if (next.done === true) return
    } while (this.#run.length === 0)
  }
}

/** Visit the postings of several parts by ascending new row. */
function visitByRow(
  lists: readonly (Postings | undefined)[],
  parts: readonly MergedPart[],
  visit: (row: number, part: number, at: number) => void,
): void {
  const heads = lists.map((list, part) => nextKept(list, parts[part] as MergedPart, 0))
  for (;;) {
    let part = -1
    let least = DROPPED
    for (let i = 0; i < heads.length; i++) {
      const list = lists[i]
      const at = heads[i] as number
      if (list === undefined || at >= list.rows.length) continue
      const row = (parts[i] as MergedPart).rows[list.rows[at] as number] as number
      if (row < least) {
        least = row
        part = i
      }
    }
    if (part < 0) return
    const at = heads[part] as number
    visit(least, part, at)
    heads[part] = nextKept(lists[part], parts[part] as MergedPart, at + 1)
  }
}

function nextKept(list: Postings | undefined, { rows }: MergedPart, from: number): number {
  let at = from
  while (list !== undefined && at < list.rows.length && rows[list.rows[at] as number] === DROPPED) at++
  return at
}

function mergePostings(lists: readonly (Postings | undefined)[], parts: readonly MergedPart[]): Postings {
  const most = lists.reduce((sum, list) => sum + (list?.rows.length ?? 0), 0)
  const rows = new Uint32Array(most)
  const counts = new Uint16Array(most)
  let n = 0
  visitByRow(lists, parts, (row, part, at) => {
    rows[n] = row
    counts[n++] = (lists[part] as Postings).counts[at] as number
  })
  return { rows: rows.subarray(0, n), counts: counts.subarray(0, n) }
}

function mergePlaces(
  lists: readonly (Postings | undefined)[],
  places: readonly (Places | undefined)[],
  parts: readonly MergedPart[],
): Places {
  const starts = [0]
  const all = new Uint32Array(places.reduce((sum, own) => sum + (own?.places.length ?? 0), 0))
  let n = 0
  visitByRow(lists, parts, (_, part, at) => {
    const own = places[part] as Places
    const end = own.starts[at + 1] as number
    for (let i = own.starts[at] as number; i < end; i++) all[n++] = own.places[i] as number
    starts.push(n)
  })
  return { starts: Uint32Array.from(starts), places: all.subarray(0, n) }
}
