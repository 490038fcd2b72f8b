import { PithError } from '@pith/core'
import { type Analyzer, analyzerOf, makeAnalyzer } from '@pith/core/lexical'
import {
  type LexicalInfo,
  type LexicalSource,
  MAX_COUNT,
  MAX_PLACE,
  MAX_ROWS,
  type Places,
  type Postings,
  type TermEntry,
  TITLE_GAP,
} from './source.ts'
import { ByteStreams, grown } from './streams.ts'

/** How documents are indexed. */
export interface LexicalOptions {
  /** Default: English stems, accents folded, stop words marked. An id is one that an index stores. */
  analyzer?: Analyzer | string
  /** What a word of the title counts for, against 1 in the text: an integer 1..16. Default 2. */
  titleWeight?: number
}

/** Words as they stand in texts whose terms are remembered. */
const MEMORY = 1 << 20
/** Integers that are kept of a term: documents, the last row + 1, the one before, count and last place within the last row. */
const STATE = 8
const [LAST, PREVIOUS, COUNT, PLACE] = [1, 2, 3, 4] as const
/** Terms of one run of the vocabulary. */
const RUN = 512

/**
 * An index that grows document by document and can be read at any time. What it holds is compressed: about 5 bytes for each
 * word, and what the vocabulary takes.
 */
export class LexicalBuilder implements LexicalSource {
  readonly analyzer: Analyzer
  readonly #titleWeight: number
  readonly #numbers = new Map<string, number>()
  readonly #terms: string[] = []
  readonly #postings = new ByteStreams()
  readonly #places = new ByteStreams()
  #words = new Map<string, number>()
  #lengths = new Uint32Array(1024)
  #rows = 0
  #totalLength = 0
  /** What is kept of each term, side by side, since terms come in any order and memory is slow. */
  #state = new Uint32Array(1024 * STATE)
  /** Terms of the row that is added. */
  #own = new Uint32Array(1024)
  #owned = 0
  #sorted: readonly number[] = []

  /** @throws PithError `PITH_ARG` the weight is no integer 1..16 */
  constructor(options: LexicalOptions = {}) {
    const { analyzer = makeAnalyzer(), titleWeight = 2 } = options
    this.analyzer = typeof analyzer === 'string' ? analyzerOf(analyzer) : analyzer
    if (!(Number.isInteger(titleWeight) && titleWeight >= 1 && titleWeight <= 16)) {
      throw new PithError('PITH_ARG', `titleWeight must be an integer 1..16, got ${titleWeight}`)
    }
    this.#titleWeight = titleWeight
  }

  get info(): LexicalInfo {
    return {
      analyzer: this.analyzer.id,
      titleWeight: this.#titleWeight,
      rows: this.#rows,
      totalLength: this.#totalLength,
      terms: this.#terms.length,
    }
  }

  /** Bytes that are held, without the strings of the vocabulary: about 100 more for each term. */
  get memory(): number {
    return this.#postings.memory + this.#places.memory + this.#state.length * 4 + this.#lengths.length * 4
  }

  /**
   * Add a document.
   *
   * @returns its row
   * @throws PithError `PITH_LIMIT` more than 2^25 documents, or 4 GiB of postings
   */
  add(document: { readonly title?: string; readonly text: string }): number {
    const row = this.#rows
    if (row === MAX_ROWS) {
      throw new PithError('PITH_LIMIT', `a lexical index may hold ${MAX_ROWS} documents`, {
        hint: 'Write what is built so far as a segment, and go on with a new one.',
      })
    }
    this.#owned = 0
    const title = document.title ?? ''
    const inTitle = title === '' ? 0 : this.#scan(title, 0, this.#titleWeight)
    const inText = this.#scan(document.text, inTitle === 0 ? 0 : inTitle + TITLE_GAP, 1)
    for (let i = 0; i < this.#owned; i++) this.#close(this.#own[i] as number, row)
    if (row === this.#lengths.length) this.#lengths = grown(this.#lengths, row * 2)
    const length = inTitle * this.#titleWeight + inText
    this.#lengths[row] = length
    this.#totalLength += length
    this.#rows = row + 1
    return row
  }

  #scan(text: string, base: number, weight: number): number {
    const now = this.#rows + 1
    return this.analyzer.scan(text, (word, position) => {
      const term = this.#words.get(word) ?? this.#numberOf(word)
      const state = this.#state
      const own = term * STATE
      if (state[own + LAST] !== now) {
        state[own + PREVIOUS] = state[own + LAST] as number
        state[own + LAST] = now
        state[own + COUNT] = 0
        state[own + PLACE] = 0
        if (this.#owned === this.#own.length) this.#own = grown(this.#own, this.#owned * 2)
        this.#own[this.#owned++] = term
      }
      state[own + COUNT] += weight
      const place = Math.min(base + position, MAX_PLACE)
      // One more than the gap, since 0 ends a document.
      this.#places.varint(term, place - (state[own + PLACE] as number) + 1)
      state[own + PLACE] = place
    })
  }

  #close(term: number, row: number): void {
    const own = term * STATE
    this.#state[own]++
    this.#places.push(term, 0)
    const count = Math.min(this.#state[own + COUNT] as number, MAX_COUNT)
    const gap = row - (this.#state[own + PREVIOUS] as number)
    this.#postings.varint(term, (gap << 1) | (count > 1 ? 1 : 0))
    if (count > 1) this.#postings.varint(term, count - 2)
  }

  #numberOf(word: string): number {
    const own = this.analyzer.term(word)
    let number = this.#numbers.get(own)
    if (number === undefined) {
      number = this.#terms.length
      // A copy, since a slice would keep the whole text alive.
      const term = copyOf(own)
      this.#terms.push(term)
      this.#numbers.set(term, number)
      this.#postings.add()
      this.#places.add()
      if (number * STATE === this.#state.length) this.#state = grown(this.#state, number * STATE * 2)
    }
    if (this.#words.size >= MEMORY) this.#words = new Map()
    this.#words.set(copyOf(word), number)
    return number
  }

  async lengths(): Promise<Uint32Array> {
    return this.#lengths.subarray(0, this.#rows)
  }

  async find(terms: readonly string[]): Promise<(TermEntry | undefined)[]> {
    return terms.map((term) => {
      const number = this.#numbers.get(term)
      return number === undefined ? undefined : this.#entry(number)
    })
  }

  async *walk(from: string): AsyncGenerator<readonly TermEntry[]> {
    const terms = this.#terms
    if (this.#sorted.length !== terms.length) {
      this.#sorted = Array.from(terms.keys()).sort((a, b) => ((terms[a] as string) < (terms[b] as string) ? -1 : 1))
    }
    const sorted = this.#sorted
    let low = 0
    for (let high = sorted.length; low < high; ) {
      const middle = (low + high) >>> 1
      if ((terms[sorted[middle] as number] as string) < from) low = middle + 1
      else high = middle
    }
    for (let at = low; at < sorted.length; at += RUN) {
      yield sorted.slice(at, at + RUN).map((number) => this.#entry(number))
    }
  }

  async postings(entries: readonly TermEntry[]): Promise<Postings[]> {
    return entries.map(({ documents, postings }) => {
      const bytes = this.#postings.bytes(postings.at)
      const rows = new Uint32Array(documents)
      const counts = new Uint16Array(documents)
      let at = 0
      let row = -1
      const varint = (): number => {
        let value = 0
        for (let shift = 0; ; shift += 7) {
          const byte = bytes[at++] as number
          value |= (byte & 127) << shift
          if (byte < 128) return value
        }
      }
      for (let i = 0; i < documents; i++) {
        const head = varint()
        row += (head >>> 1) + 1
        rows[i] = row
        counts[i] = (head & 1) === 1 ? varint() + 2 : 1
      }
      return { rows, counts }
    })
  }

  async places(entries: readonly TermEntry[]): Promise<Places[]> {
    return entries.map(({ documents, places: { at: stream } }) => {
      const bytes = this.#places.bytes(stream)
      const starts = new Uint32Array(documents + 1)
      const places = new Uint32Array(bytes.length)
      let n = 0
      let place = 0
      let document = 0
      for (let at = 0; document < documents; ) {
        let value = 0
        for (let shift = 0; ; shift += 7) {
          const byte = bytes[at++] as number
          value |= (byte & 127) << shift
          if (byte < 128) break
        }
        if (value === 0) {
          starts[++document] = n
          place = 0
        } else {
          place += value - 1
          places[n++] = place
        }
      }
      return { starts, places: places.slice(0, n) }
    })
  }

  #entry(number: number): TermEntry {
    const span = { at: number, bytes: 0 }
    return {
      term: this.#terms[number] as string,
      documents: this.#state[number * STATE] as number,
      postings: span,
      places: span,
    }
  }
}

function copyOf(text: string): string {
  return ` ${text}`.slice(1)
}
