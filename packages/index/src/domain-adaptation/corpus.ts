/** Documents as terms, in memory: what queries are generated from and what the built-in teacher looks at. */
import { meterProgress, type Run, throwIfAborted } from '@pith/core'
import { type Analyzer, bm25Saturation, inverseDocumentFrequency, makeAnalyzer } from '@pith/core/lexical'
import type { IndexDocument } from '../types.ts'

/** The terms of documents; stop words are left out, but keep their place. */
export interface TermCorpus {
  readonly documents: readonly IndexDocument[]
  readonly analyzer: Analyzer
  /** Term by number, in the order in which they first come. */
  readonly names: readonly string[]
  readonly numberOf: ReadonlyMap<string, number>
  /** Terms of document i are at starts[i] .. starts[i + 1], as they stand in the text. */
  readonly starts: Uint32Array
  readonly terms: Uint32Array
  /** Number of each among the words of its document. */
  readonly positions: Uint32Array
  /** Documents of term t are at postings.starts[t] .. postings.starts[t + 1], ascending. */
  readonly postings: { readonly starts: Uint32Array; readonly rows: Uint32Array; readonly counts: Uint32Array }
  /** f64[names]: weight of each term in BM25. */
  readonly weights: Float64Array
  readonly averageLength: number
}

/** Title and text of a document, as encoders read them. */
export function textOf({ title, text }: IndexDocument): string {
  return title === undefined || title === '' ? text : `${title}\n${text}`
}

/** Read the terms of documents. @throws the abort reason */
export function readCorpus(
  documents: readonly IndexDocument[],
  analyzer: Analyzer = makeAnalyzer(),
  run: Run = {},
): TermCorpus {
  const numberOf = new Map<string, number>()
  const starts = new Uint32Array(documents.length + 1)
  const terms: number[] = []
  const positions: number[] = []
  const meter = meterProgress(run, { stage: 'terms', unit: 'rows', total: documents.length })
  for (const [row, document] of documents.entries()) {
    throwIfAborted(run.signal)
    analyzer.scan(textOf(document), (word, position) => {
      if (analyzer.isStop(word)) return
      const name = analyzer.term(word)
      let term = numberOf.get(name)
      if (term === undefined) {
        term = numberOf.size
        numberOf.set(name, term)
      }
      terms.push(term)
      positions.push(position)
    })
    starts[row + 1] = terms.length
    meter.update(row + 1)
  }
  meter.finish()
  const all = Uint32Array.from(terms)
  const postings = invert(all, starts, numberOf.size)
  return {
    documents,
    analyzer,
    names: [...numberOf.keys()],
    numberOf,
    starts,
    terms: all,
    positions: Uint32Array.from(positions),
    postings,
    weights: Float64Array.from({ length: numberOf.size }, (_, term) =>
      inverseDocumentFrequency(
        documents.length,
        (postings.starts[term + 1] as number) - (postings.starts[term] as number),
      ),
    ),
    averageLength: all.length / Math.max(1, documents.length),
  }
}

function invert(terms: Uint32Array, starts: Uint32Array, names: number): TermCorpus['postings'] {
  const documents = starts.length - 1
  const last = new Int32Array(names).fill(-1)
  const ends = new Uint32Array(names + 1)
  for (let row = 0; row < documents; row++) {
    for (let at = starts[row] as number; at < (starts[row + 1] as number); at++) {
      const term = terms[at] as number
      if (last[term] === row) continue
      last[term] = row
      ends[term + 1]++
    }
  }
  for (let term = 0; term < names; term++) ends[term + 1] += ends[term] as number
  const rows = new Uint32Array(ends[names] as number)
  const counts = new Uint32Array(rows.length)
  const next = ends.slice()
  last.fill(-1)
  for (let row = 0; row < documents; row++) {
    for (let at = starts[row] as number; at < (starts[row + 1] as number); at++) {
      const term = terms[at] as number
      if (last[term] !== row) {
        last[term] = row
        rows[next[term] as number] = row
        next[term]++
      }
      counts[(next[term] as number) - 1]++
    }
  }
  return { starts: ends, rows, counts }
}

/** The distinct terms of a query that documents have. */
export function queryTerms({ analyzer, numberOf }: TermCorpus, query: string): Uint32Array {
  const found = new Set<number>()
  for (const { text, stop } of analyzer.analyze(query, 'query')) {
    const term = stop ? undefined : numberOf.get(text)
    if (term !== undefined) found.add(term)
  }
  return Uint32Array.from(found)
}

/** BM25 scores of all documents. @param scores f32[documents], receives them */
export function scoreAll(corpus: TermCorpus, terms: Uint32Array, scores: Float32Array): void {
  const { postings, weights, starts, averageLength } = corpus
  scores.fill(0)
  for (const term of terms) {
    const weight = weights[term] as number
    for (let at = postings.starts[term] as number; at < (postings.starts[term + 1] as number); at++) {
      const row = postings.rows[at] as number
      const length = (starts[row + 1] as number) - (starts[row] as number)
      scores[row] += weight * bm25Saturation(postings.counts[at] as number, length, averageLength)
    }
  }
}
