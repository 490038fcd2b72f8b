import { abortable, ByteReader, PithError, type Run } from '@pith/core'
import type { SectionReader } from '../sections.ts'
import { unpackPlaces, unpackPostings } from './packing.ts'
import type { LexicalInfo, LexicalSource, Places, Postings, TermEntry } from './source.ts'

/** Where blocks of the vocabulary begin, and what stands first in them. */
export interface Directory {
  readonly first: readonly string[]
  /** f64[blocks + 1] of each section. */
  readonly at: Readonly<Record<'terms' | 'postings' | 'places', Float64Array>>
}

/** Blocks of the vocabulary that are kept decoded. */
const KEPT_BLOCKS = 4096
/** Blocks of the vocabulary that a walk reads at once: few at first, since most walks end early. */
const FIRST_BLOCKS = 4
const MOST_BLOCKS = 256

/** An index in sections, read as it is needed. */
export class StoredSource implements LexicalSource {
  static readonly BLOCK_TERMS = 64

  readonly info: LexicalInfo
  readonly #sections: SectionReader
  readonly #prefix: string
  readonly #lengths: Uint32Array
  readonly #directory: Directory
  readonly #blocks = new Map<number, Promise<readonly TermEntry[]>>()
  readonly #kept = new Map<string, Postings>()
  readonly #cacheBytes: number
  #keptBytes = 0

  constructor(
    sections: SectionReader,
    prefix: string,
    info: LexicalInfo,
    lengths: Uint32Array,
    directory: Directory,
    cacheBytes: number,
  ) {
    this.#sections = sections
    this.#prefix = prefix
    this.info = info
    this.#lengths = lengths
    this.#directory = directory
    this.#cacheBytes = cacheBytes
  }

  async lengths(): Promise<Uint32Array> {
    return this.#lengths
  }

  async find(terms: readonly string[], run?: Run): Promise<(TermEntry | undefined)[]> {
    return await Promise.all(
      terms.map(async (term) => {
        const block = this.#blockOf(term)
        if (block < 0) return undefined
        const entries = await abortable(this.#block(block), run?.signal)
        const entry = entries[lowerBound(entries, term)]
        return entry?.term === term ? entry : undefined
      }),
    )
  }

  async *walk(from: string, run?: Run): AsyncGenerator<readonly TermEntry[]> {
    const blocks = this.#directory.first.length
    const start = Math.max(0, this.#blockOf(from))
    for (let block = start, many = FIRST_BLOCKS; block < blocks; ) {
      const end = Math.min(blocks, block + many)
      const some: Promise<readonly TermEntry[]>[] = []
      for (let i = block; i < end; i++) some.push(this.#block(i))
      const entries = (await abortable(Promise.all(some), run?.signal)).flat()
      yield block === start ? entries.slice(lowerBound(entries, from)) : entries
      block = end
      many = Math.min(MOST_BLOCKS, many * 2)
    }
  }

  async postings(entries: readonly TermEntry[], run?: Run): Promise<Postings[]> {
    return await Promise.all(
      entries.map(async ({ term, documents, postings: { at, bytes } }) => {
        const kept = this.#kept.get(term)
        if (kept !== undefined) {
          this.#kept.delete(term)
          this.#kept.set(term, kept)
          return kept
        }
        const read = await this.#sections.read(`${this.#prefix}postings`, at, at + bytes, run)
        const postings = unpackPostings(read, documents, this.info.rows)
        this.#keep(term, postings)
        return postings
      }),
    )
  }

  async places(entries: readonly TermEntry[], run?: Run): Promise<Places[]> {
    return await Promise.all(
      entries.map(async ({ documents, places: { at, bytes } }) =>
        unpackPlaces(await this.#sections.read(`${this.#prefix}places`, at, at + bytes, run), documents),
      ),
    )
  }

  #keep(term: string, postings: Postings): void {
    const bytes = 6 * postings.rows.length + 128
    if (this.#kept.has(term) || bytes > this.#cacheBytes) return
    this.#kept.set(term, postings)
    this.#keptBytes += bytes
    for (const [oldest, { rows }] of this.#kept) {
      if (this.#keptBytes <= this.#cacheBytes) break
      this.#kept.delete(oldest)
      this.#keptBytes -= 6 * rows.length + 128
    }
  }

  /** The block that a term would stand in; -1 before the first. */
  #blockOf(term: string): number {
    const { first } = this.#directory
    let low = 0
    for (let high = first.length; low < high; ) {
      const middle = (low + high) >>> 1
      if ((first[middle] as string) <= term) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** Shared by all who ask, so nobody's signal ends it. */
  #block(block: number): Promise<readonly TermEntry[]> {
    let entries = this.#blocks.get(block)
    if (entries !== undefined) return entries
    entries = this.#readBlock(block)
    // What was not read may come with the next query.
    entries.catch(() => this.#blocks.delete(block))
    if (this.#blocks.size >= KEPT_BLOCKS) this.#blocks.delete(this.#blocks.keys().next().value as number)
    this.#blocks.set(block, entries)
    return entries
  }

  async #readBlock(block: number): Promise<readonly TermEntry[]> {
    const { first, at } = this.#directory
    const bytes = await this.#sections.read(`${this.#prefix}terms`, at.terms[block], at.terms[block + 1])
    const input = new ByteReader(bytes)
    const places = { postings: at.postings[block] as number, places: at.places[block] as number }
    const isLast = block === first.length - 1
    const count = isLast ? this.info.terms - block * StoredSource.BLOCK_TERMS : StoredSource.BLOCK_TERMS
    const entries: TermEntry[] = []
    let last = ''
    for (let i = 0; i < count; i++) {
      const shared = input.varint()
      if (shared > last.length) throw this.#corrupt('a term that begins with more than there is')
      const term = last.slice(0, shared) + input.utf8(input.varint())
      if (i === 0 ? term !== first[block] : !(term > last)) throw this.#corrupt('terms that do not ascend')
      const documents = input.varint()
      if (!(documents >= 1 && documents <= this.info.rows)) throw this.#corrupt(`a term in ${documents} documents`)
      const spans = [places.postings, places.places].map((from) => ({ at: from, bytes: input.varint() }))
      const [postings, own] = spans as [TermEntry['postings'], TermEntry['places']]
      places.postings += postings.bytes
      places.places += own.bytes
      entries.push({ term, documents, postings, places: own })
      last = term
    }
    input.finish()
    if (places.postings !== at.postings[block + 1] || places.places !== at.places[block + 1]) {
      throw this.#corrupt('postings that do not follow each other')
    }
    return entries
  }

  #corrupt(what: string): PithError {
    return new PithError('PITH_CORRUPT', `the vocabulary is damaged: ${what}`, {
      hint: 'Build the index again, or restore it from a copy.',
      at: { section: `${this.#prefix}terms` },
    })
  }
}

function lowerBound(entries: readonly TermEntry[], term: string): number {
  let low = 0
  for (let high = entries.length; low < high; ) {
    const middle = (low + high) >>> 1
    if ((entries[middle] as TermEntry).term < term) low = middle + 1
    else high = middle
  }
  return low
}
