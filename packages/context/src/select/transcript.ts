import type { Ranking, Span } from '../types.ts'
import { bm25Scores, byScore, localWeights } from './bm25.ts'
import { termsOf } from './terms.ts'

/** What the half width of the smoothing is of the turns that may stay, and at least. */
const WIDTH_SHARE = 0.4
const MIN_HALF_WIDTH = 5

/**
 * Rank the turns of a conversation for a question: BM25 of each turn, smoothed over its neighbours with a triangle, since what is
 * said about a thing stands around where it is named. The more may stay, the wider.
 *
 * @param turns  spans that lie behind each other without gaps
 * @param share  of the text that may stay, above 0 and at most 1
 */
export function rankTurns(text: string, turns: readonly Span[], question: string, share: number): Ranking {
  const terms = turns.map(({ start, end }) => termsOf(text.slice(start, end)))
  const halfWidth = Math.max(MIN_HALF_WIDTH, Math.round(WIDTH_SHARE * share * turns.length))
  const scores = smooth(bm25Scores(termsOf(question), terms, localWeights(terms)), halfWidth)
  return { scorer: 'turns', pieces: turns, groups: byScore(scores).map((turn) => [turn]) }
}

/** Means with weights that fall to 0 at `halfWidth + 1` on either side. */
export function smooth(values: Float64Array, halfWidth: number): Float64Array {
  return values.map((_, at) => {
    let [sum, weights] = [0, 0]
    for (let k = Math.max(0, at - halfWidth); k <= Math.min(values.length - 1, at + halfWidth); k++) {
      const weight = 1 - Math.abs(k - at) / (halfWidth + 1)
      sum += weight * (values[k] as number)
      weights += weight
    }
    return sum / weights
  })
}
