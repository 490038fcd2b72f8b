/** What a lexical index reads from: documents that are still being added, a file, several of them in a row. */
import type { Run } from '@pith/core'

/** What an index says of itself. */
export interface LexicalInfo {
  /** Id of the analyzer. */
  readonly analyzer: string
  /** What a word of the title counts for, against 1 in the text. */
  readonly titleWeight: number
  /** Documents, one row each. */
  readonly rows: number
  /** Words of all documents together, those of titles by their weight. */
  readonly totalLength: number
  /** Different terms. */
  readonly terms: number
}

/** Where bytes of a term stand. */
export interface Span {
  readonly at: number
  readonly bytes: number
}

/** A term of the vocabulary. */
export interface TermEntry {
  readonly term: string
  /** Documents that have it. */
  readonly documents: number
  readonly postings: Span
  readonly places: Span
}

/** Documents of a term: rows ascend. */
export interface Postings {
  readonly rows: Uint32Array
  /** How often each has it, words of the title by their weight, 1..65535. */
  readonly counts: Uint16Array
}

/** Where a term stands in its documents: those of its i-th document are `places[starts[i]] .. places[starts[i + 1]]`, ascending. */
export interface Places {
  readonly starts: Uint32Array
  readonly places: Uint32Array
}

/** Vocabulary and postings from front to back, as they are written. */
export interface LexicalContent {
  readonly info: LexicalInfo
  /** Words of each row, those of titles by their weight. */
  lengths(run?: Run): Promise<Uint32Array>
  /** The vocabulary from a term on in runs, terms ascending by UTF-16 code units. */
  walk(from: string, run?: Run): AsyncIterable<readonly TermEntry[]>
  postings(entries: readonly TermEntry[], run?: Run): Promise<Postings[]>
  places(entries: readonly TermEntry[], run?: Run): Promise<Places[]>
}

/** Vocabulary and postings, wherever they are. */
export interface LexicalSource extends LexicalContent {
  /** Entries of terms, in the order of the terms. */
  find(terms: readonly string[], run?: Run): Promise<(TermEntry | undefined)[]>
}

/** Rows that an index may have; deltas then fit into what is packed. */
export const MAX_ROWS: number = 2 ** 25
/** Words of a document whose places are kept; the following count, but no phrase is found among them. */
export const MAX_PLACE: number = 2 ** 24
export const MAX_COUNT = 65535
/** Places between title and text, so that no phrase goes from one to the other. */
export const TITLE_GAP = 8
