import { bm25Saturation, inverseDocumentFrequency } from '@pith/core/lexical'

/** How many of a body of texts a term stands in. */
export interface Background {
  /** Names it in reports. */
  readonly id: string
  readonly documents: number
  /** Documents that have a term; 0 says that the term is not known. */
  readonly frequency: (term: string) => number
}

/** Texts as terms, in order. */
export type TermLists = readonly (readonly string[])[]

/** Weight of a term. */
export type Weigh = (term: string) => number

/** Weights by how many of the given texts a term stands in. */
export function localWeights(texts: TermLists): Weigh {
  const frequencies = new Map<string, number>()
  for (const terms of texts) for (const term of new Set(terms)) frequencies.set(term, (frequencies.get(term) ?? 0) + 1)
  return (term) => inverseDocumentFrequency(texts.length, frequencies.get(term) ?? 0)
}

/**
 * Weights by a background. A term that it does not know is rare in general, or of another language: it weighs the more the rarer it is
 * by `local`.
 */
export function backgroundWeights({ documents, frequency }: Background, local: Weigh): Weigh {
  const most = inverseDocumentFrequency(documents, 0)
  const mostLocal = local('')
  return (term) => {
    const known = frequency(term)
    if (known > 0) return inverseDocumentFrequency(documents, Math.min(documents, known))
    return mostLocal > 0 ? (most * local(term)) / mostLocal : most
  }
}

/** Weights by the given texts, and by a background where there is one. */
export function sumWeights(texts: TermLists, background: Background | undefined): Weigh {
  const local = localWeights(texts)
  if (background === undefined) return local
  const rare = backgroundWeights(background, local)
  return (term) => local(term) + rare(term)
}

/** What else counts beside single terms. */
export interface ScoreOptions {
  /** Share of the weight of the lighter term that a pair adds which stands together in the query and in the text. Default 0. */
  pairs?: number
}

/**
 * BM25 of each text for a query, both as terms.
 *
 * @returns f64[texts.length]
 */
export function bm25Scores(
  query: readonly string[],
  texts: TermLists,
  weigh: Weigh,
  { pairs = 0 }: ScoreOptions = {},
): Float64Array {
  const wanted = new Map([...new Set(query)].map((term) => [term, weigh(term)]))
  const average = texts.reduce((sum, terms) => sum + terms.length, 0) / Math.max(1, texts.length)
  const together = new Map<string, number>()
  for (let i = 1; i < query.length; i++) {
    const [a, b] = [query[i - 1] as string, query[i] as string]
    together.set(`${a} ${b}`, Math.min(wanted.get(a) as number, wanted.get(b) as number))
  }
  return Float64Array.from(texts, (terms) => {
    const counts = new Map<string, number>()
    const seen = new Set<string>()
    for (const [i, term] of terms.entries()) {
      if (!wanted.has(term)) continue
      counts.set(term, (counts.get(term) ?? 0) + 1)
      const pair = `${terms[i - 1]} ${term}`
      if (together.has(pair)) seen.add(pair)
    }
    let score = 0
    for (const [term, count] of counts)
      score += (wanted.get(term) as number) * bm25Saturation(count, terms.length, average)
    for (const pair of seen) score += pairs * (together.get(pair) as number)
    return score
  })
}

/** Indices by descending score, equal scores by ascending index. */
export function byScore(scores: ArrayLike<number>): number[] {
  return Array.from(scores, (_, i) => i).sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b)
}
