import type { RankContext } from '../safe/compress.ts'
import { linesOf, sentencesOf } from '../safe/pieces.ts'
import type { Ranking } from '../types.ts'
import { bm25Scores, byScore, localWeights } from './bm25.ts'
import { termsOf } from './terms.ts'

/** Rank a text whose kind is not known: lines where it has many, else sentences, by the question and by how much they say. */
export function rankAny(text: string, { query = '' }: RankContext): Ranking {
  const lines = linesOf(text)
  const pieces = lines.length > text.length / 200 ? lines : sentencesOf(text)
  const terms = pieces.map(({ start, end }) => termsOf(text.slice(start, end)))
  const weigh = localWeights(terms)
  const asked = bm25Scores(termsOf(query), terms, weigh)
  const scores = terms.map((own, i) => {
    const said = own.length === 0 ? 0 : own.reduce((sum, term) => sum + weigh(term), 0) / (own.length + 4)
    return (asked[i] as number) + 0.5 * said
  })
  return { scorer: 'pieces', pieces, groups: byScore(scores).map((piece) => [piece]) }
}
