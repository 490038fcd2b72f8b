import { PithError, type Run, throwIfAborted } from '@pith/core'
import { type Analyzer, analyzerOf, type Bm25Options, bm25Options } from '@pith/core/lexical'
import { bothKeep, filterOf } from '../row-filter.ts'
import { TopK } from '../top-k.ts'
import type { Hits, RowFilter } from '../types.ts'
import { Accumulator, addCounts, addPostings } from './kernel.ts'
import { matchPhrase } from './phrases.ts'
import { type LexicalQuery, parseQuery, type QueryOptions, wordsQuery } from './query.ts'
import type { LexicalInfo, LexicalSource, Places, Postings, TermEntry } from './source.ts'
import { gatherStats, type LexicalStats, type ResolvedClause, resolveQuery } from './stats.ts'

/** How documents are ranked. */
export interface LexicalSearchOptions extends Bm25Options {
  /** Counts over all indexes that are searched together; by default over this one. */
  stats?: LexicalStats
  /** Rows that may be returned. */
  filter?: RowFilter
}

/** Ranks documents by BM25: every document that has a word of the query is scored, so the result is exact. */
export class LexicalIndex {
  readonly source: LexicalSource
  readonly analyzer: Analyzer
  #sums = new Accumulator(0)
  #group = new Accumulator(0)
  #norms: { readonly key: string; readonly values: Float64Array } = { key: '', values: new Float64Array() }

  constructor(source: LexicalSource, analyzer: Analyzer = analyzerOf(source.info.analyzer)) {
    this.source = source
    this.analyzer = analyzer
  }

  get info(): LexicalInfo {
    return this.source.info
  }

  /** A query of words, as {@link wordsQuery} makes it. */
  words(text: string, options?: QueryOptions): LexicalQuery {
    return wordsQuery(this.analyzer, text, options)
  }

  /** A query of text with signs, as {@link parseQuery} makes it. */
  parse(text: string, options?: QueryOptions): LexicalQuery {
    return parseQuery(this.analyzer, text, options)
  }

  /** What this index has for a query; sums over indexes go to {@link LexicalIndex.search}. */
  stats(query: string | LexicalQuery, run?: Run): Promise<LexicalStats> {
    return gatherStats(this.source, this.#queryOf(query), run)
  }

  /**
   * The best rows for a query. Text is taken as words.
   *
   * @param k  1..2^24; fewer come back where fewer documents have a word of the query
   * @throws PithError `PITH_ARG` · `PITH_SHAPE` a filter of other rows · `PITH_CORRUPT` · what reading throws; the abort reason
   */
  async search(query: string | LexicalQuery, k: number, options: LexicalSearchOptions = {}, run?: Run): Promise<Hits> {
    const constants = bm25Options(options)
    const top = new TopK(k)
    const own = this.#queryOf(query)
    const stats = options.stats ?? (await this.stats(own, run))
    const clauses = resolveQuery(own, stats)
    const entries = await this.#entries(clauses, run)
    const [postings, lengths] = await Promise.all([this.#postings(entries, run), this.source.lengths(run)])
    const phrases = await this.#phrases(clauses, entries, postings, run)
    throwIfAborted(run?.signal)
    // Nothing waits from here on, so the sums are this query's own.
    const rows = lengths.length
    if (this.#sums.scores.length < rows) this.#sums = new Accumulator(rows + (rows >> 2))
    const norms = this.#normsOf(lengths, stats.totalLength / Math.max(1, stats.documents), constants)
    let filter = options.filter
    if (filter !== undefined && filter.words.length < (rows + 31) >>> 5) {
      throw new PithError('PITH_SHAPE', `a filter of ${rows} rows is needed, got one of ${filter.words.length * 32}`)
    }
    for (const [i, { clause, terms, weight }] of clauses.entries()) {
      const parts = terms.flatMap(({ text, factor }) => {
        const own = postings.get(text)
        return own === undefined ? [] : [{ ...own, factor }]
      })
      const phrase = phrases[i]
      const lists = clause.kind === 'phrase' ? (phrase === undefined ? [] : [{ ...phrase, factor: 1 }]) : parts
      if (clause.role !== 'any') filter = narrowed(filter, lists, rows, clause.role)
      if (clause.role !== 'not') this.#add(lists, norms, weight * (constants.k1 + 1))
    }
    collect(this.#sums, top, filter)
    this.#sums.clear()
    return top.take()
  }

  /** Terms of this index that a query means, for instance to highlight them. */
  async terms(query: string | LexicalQuery, stats?: LexicalStats, run?: Run): Promise<string[]> {
    const own = this.#queryOf(query)
    const clauses = resolveQuery(own, stats ?? (await this.stats(own, run)))
    const wanted = clauses.filter(({ clause }) => clause.role !== 'not')
    return [...new Set(wanted.flatMap(({ terms }) => terms.map(({ text }) => text)))]
  }

  #queryOf(query: string | LexicalQuery): LexicalQuery {
    return typeof query === 'string' ? this.words(query) : query
  }

  async #entries(clauses: readonly ResolvedClause[], run?: Run): Promise<ReadonlyMap<string, TermEntry>> {
    const texts = [...new Set(clauses.flatMap(({ terms }) => terms.map(({ text }) => text)))]
    const found = await this.source.find(texts, run)
    return new Map(found.flatMap((entry) => (entry === undefined ? [] : [[entry.term, entry]])))
  }

  async #postings(entries: ReadonlyMap<string, TermEntry>, run?: Run): Promise<ReadonlyMap<string, Postings>> {
    const lists = await this.source.postings([...entries.values()], run)
    return new Map([...entries.keys()].map((term, i) => [term, lists[i] as Postings]))
  }

  /** Postings of the phrases, at the places of their clauses. */
  async #phrases(
    clauses: readonly ResolvedClause[],
    entries: ReadonlyMap<string, TermEntry>,
    postings: ReadonlyMap<string, Postings>,
    run?: Run,
  ): Promise<(Postings | undefined)[]> {
    return await Promise.all(
      clauses.map(async ({ clause, terms }) => {
        if (clause.kind !== 'phrase' || terms.length === 0) return undefined
        const own = clause.terms.map(({ text }) => entries.get(text))
        if (own.includes(undefined)) return undefined
        const places = await this.source.places(own as TermEntry[], run)
        const words = clause.terms.map(({ text, offset }, i) => ({
          postings: postings.get(text) as Postings,
          places: places[i] as Places,
          offset,
        }))
        return matchPhrase(words)
      }),
    )
  }

  #add(lists: readonly (Postings & { factor: number })[], norms: Float64Array, weight: number): void {
    const [only] = lists
    if (only === undefined) return
    if (lists.length === 1 && only.factor === 1) {
      addPostings(this.#sums, only.rows, only.counts, norms, weight)
      return
    }
    if (this.#group.scores.length < this.#sums.scores.length) this.#group = new Accumulator(this.#sums.scores.length)
    const group = this.#group
    for (const { rows, counts, factor } of lists) addCounts(group, rows, counts, factor)
    const { scores, touched } = this.#sums
    for (let i = 0; i < group.count; i++) {
      const row = group.touched[i] as number
      const count = group.scores[row] as number
      if (scores[row] === 0) touched[this.#sums.count++] = row
      scores[row] += (weight * count) / (count + (norms[row] as number))
    }
    group.clear()
  }

  /** k1 * (1 - b + b * length / average) of each row. */
  #normsOf(lengths: Uint32Array, average: number, { k1, b }: Required<Bm25Options>): Float64Array {
    const key = `${lengths.length} ${average} ${k1} ${b}`
    if (this.#norms.key === key) return this.#norms.values
    const values = new Float64Array(lengths.length)
    const slope = (k1 * b) / (average || 1)
    const base = k1 * (1 - b)
    for (let row = 0; row < values.length; row++) values[row] = base + slope * (lengths[row] as number)
    this.#norms = { key, values }
    return values
  }
}

/** A filter, less the rows that a clause does not allow. */
function narrowed(
  filter: RowFilter | undefined,
  lists: readonly Postings[],
  rows: number,
  role: 'must' | 'not',
): RowFilter {
  const words = new Uint32Array((rows + 31) >>> 5)
  for (const list of lists) for (const row of list.rows) words[row >>> 5] |= 1 << (row & 31)
  if (role === 'not') for (let i = 0; i < words.length; i++) words[i] = ~(words[i] as number)
  const own = filterOf(words)
  return filter === undefined ? own : bothKeep(own, filter)
}

function collect({ scores, touched, count }: Accumulator, top: TopK, filter: RowFilter | undefined): void {
  let least = Number.NEGATIVE_INFINITY
  for (let i = 0; i < count; i++) {
    const row = touched[i] as number
    // As it is returned, so that equal scores are in the order of their rows.
    const score = Math.fround(scores[row] as number)
    if (score < least || (filter !== undefined && (((filter.words[row >>> 5] as number) >>> (row & 31)) & 1) === 0))
      continue
    top.push(row, score)
    least = top.least
  }
}
