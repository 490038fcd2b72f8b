import type { Ranking, Span } from '../types.ts'
import { bm25Scores, byScore, localWeights, type TermLists } from './bm25.ts'
import { termsOf } from './terms.ts'

/** What the half width of the smoothing is of the turns that may stay, and at least. */
const WIDTH_SHARE = 0.4
const MIN_HALF_WIDTH = 5

/** The same without a question: of all turns. */
const FREE_WIDTH_SHARE = 0.05
/** Shares of a conversation at its beginning and its end that count less without a question: greetings, and what is for next time. */
const OPENING = 0.08
const CLOSING = 0.05
/** How much more than in BM25 rare terms weigh, as a power, and what pairs that stand together add. */
const RARENESS = 1.25
const PAIRS = 1

/** What a question about a conversation asks with, not for. */
const ASKING: ReadonlySet<string> = /* @__PURE__ */ new Set(
  termsOf(
    'summarize summary discuss discussion think thought say said mention opinion meeting talk describe explain decide decision conclusion ' +
      'regarding attitude suggest propose',
  ),
)

/**
 * Rank the turns of a conversation. For a question: BM25 of each turn, smoothed over its neighbours with a triangle, since what is said
 * about a thing stands around where it is named; the more may stay, the wider. Without one: where much is said, but for beginning and end.
 *
 * @param turns  spans that lie behind each other without gaps
 * @param share  of the text that may stay, above 0 and at most 1
 */
export function rankTurns(text: string, turns: readonly Span[], question: string, share: number): Ranking {
  const terms = turns.map(({ start, end }) => termsOf(text.slice(start, end)))
  const scores = question === '' ? fullness(terms) : answers(terms, question, share)
  const scorer = question === '' ? 'turns-density' : 'turns'
  return { scorer, pieces: turns, groups: byScore(scores).map((turn) => [turn]) }
}

function answers(turns: TermLists, question: string, share: number): Float64Array {
  const all = termsOf(question)
  const asked = all.filter((term) => !ASKING.has(term))
  const local = localWeights(turns)
  const weigh = (term: string): number => local(term) ** RARENESS
  const scores = bm25Scores(asked.length > 0 ? asked : all, turns, weigh, { pairs: PAIRS })
  return smooth(scores, Math.max(MIN_HALF_WIDTH, Math.round(WIDTH_SHARE * share * turns.length)))
}

function fullness(turns: TermLists): Float64Array {
  const n = turns.length
  const said = Float64Array.from(turns, (terms) => new Set(terms).size)
  return smooth(said, Math.max(MIN_HALF_WIDTH, Math.round(FREE_WIDTH_SHARE * n))).map(
    (value, i) => value * Math.min(1, (i + 1) / (OPENING * n), (n - i) / (CLOSING * n)),
  )
}

/** Means with weights that fall to 0 at `halfWidth + 1` on either side, in linear time. */
export function smooth(values: Float64Array, halfWidth: number): Float64Array {
  const sums = triangleSums(values, halfWidth)
  const weights = triangleSums(new Float64Array(values.length).fill(1), halfWidth)
  return sums.map((sum, at) => sum / (weights[at] as number))
}

/** A triangle is a box twice: sums of sums at three places. */
function triangleSums(values: Float64Array, halfWidth: number): Float64Array {
  const n = values.length
  const twice = new Float64Array(n)
  let [once, sum] = [0, 0]
  for (let i = 0; i < n; i++) {
    once += values[i] as number
    sum += once
    twice[i] = sum
  }
  const at = (i: number): number => (i < 0 ? 0 : i < n ? (twice[i] as number) : sum + (i - n + 1) * once)
  return values.map((_, i) => at(i + halfWidth) - 2 * at(i - 1) + at(i - halfWidth - 2))
}
