import { PithError } from '../errors.ts'
import type { Analyzer } from './analyzer.ts'

/** Constants of BM25. */
export interface Bm25Options {
  /** How much more a word that comes again adds, 0..100. Default 1.5. */
  k1?: number
  /** How much long texts are discounted, 0..1. Default 0.6. */
  b?: number
}

/** In the middle of what ranks best on MED, CACM and ADI, where nDCG@10 hardly changes around it. */
export const BM25_DEFAULTS: Readonly<Required<Bm25Options>> = /* @__PURE__ */ Object.freeze({ k1: 1.5, b: 0.6 })

/** Options with defaults. @throws PithError `PITH_ARG` out of range */
export function bm25Options(options: Bm25Options = {}): Required<Bm25Options> {
  const { k1 = BM25_DEFAULTS.k1, b = BM25_DEFAULTS.b } = options
  if (!(k1 >= 0 && k1 <= 100)) throw new PithError('PITH_ARG', `k1 must be 0..100, got ${k1}`)
  if (!(b >= 0 && b <= 1)) throw new PithError('PITH_ARG', `b must be 0..1, got ${b}`)
  return { k1, b }
}

/** Weight of a term that stands in `frequency` of `documents` texts: ln(1 + (N - n + 0.5) / (n + 0.5)), above 0. */
export function inverseDocumentFrequency(documents: number, frequency: number): number {
  return Math.log1p((documents - frequency + 0.5) / (frequency + 0.5))
}

/** What a term counts for that comes `count` times in a text of `length` words, below k1 + 1; its weight multiplies it. */
export function bm25Saturation(
  count: number,
  length: number,
  averageLength: number,
  { k1, b }: Required<Bm25Options> = BM25_DEFAULTS,
): number {
  return ((k1 + 1) * count) / (count + k1 * (1 - b + (b * length) / (averageLength || 1)))
}

/**
 * BM25 scores of a few texts against a query, with the texts themselves as the collection: no index is needed.
 *
 * @returns f64[texts.length]
 */
export function scorePassages(
  analyzer: Analyzer,
  query: string,
  texts: readonly string[],
  options: Bm25Options = {},
): Float64Array {
  const constants = bm25Options(options)
  const words = analyzer.analyze(query, 'query')
  const kept = words.some(({ stop }) => !stop) ? words.filter(({ stop }) => !stop) : words
  const terms = [...new Set(kept.map(({ text }) => text))]
  const lengths = new Float64Array(texts.length)
  const counts = texts.map((text, i) => {
    const own = new Map<string, number>(terms.map((term) => [term, 0]))
    lengths[i] = analyzer.scan(text, (word) => {
      const term = analyzer.term(word)
      const count = own.get(term)
      if (count !== undefined) own.set(term, count + 1)
    })
    return own
  })
  const average = lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, texts.length)
  const scores = new Float64Array(texts.length)
  for (const term of terms) {
    const found = counts.filter((own) => (own.get(term) as number) > 0).length
    const weight = inverseDocumentFrequency(texts.length, found)
    counts.forEach((of, i) => {
      const count = of.get(term) as number
      if (count > 0) scores[i] += weight * bm25Saturation(count, lengths[i] as number, average, constants)
    })
  }
  return scores
}
