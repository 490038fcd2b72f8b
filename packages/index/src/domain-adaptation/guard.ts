/** Whether an adapted index may replace the one before. */
import { type Estimate, pairedBootstrap } from '@pith/core'
import { type Evaluation, evaluate } from '../metrics/index.ts'
import type { Hits, IndexQuery, Qrels } from '../types.ts'

/** One way to search, judged. */
export interface RankingRow {
  readonly name: string
  readonly ndcg10: number
  readonly recall100: number
}

/** With what every query is worth. */
export interface JudgedRow {
  readonly row: RankingRow
  readonly evaluation: Evaluation
}

const MEASURES = ['nDCG@10', 'R@100'] as const
const RESAMPLES = 10_000

/** Judge what `find` gives for each query. */
export function rankAll(
  name: string,
  queries: readonly IndexQuery[],
  qrels: Qrels,
  ids: readonly string[],
  find: (query: number) => Hits,
): JudgedRow {
  const run = new Map(
    queries.map(({ id }, number) => {
      const { ids: rows, scores } = find(number)
      return [id, new Map(Array.from(rows, (row, rank) => [ids[row] as string, scores[rank] as number]))]
    }),
  )
  const evaluation = evaluate(run, qrels, { measures: MEASURES })
  const [ndcg10 = 0, recall100 = 0] = MEASURES.map((measure) => evaluation.mean[measure] as number)
  return { row: { name, ndcg10, recall100 }, evaluation }
}

/** What is decided, and why. */
export interface Verdict {
  readonly difference: Estimate | undefined
  readonly accepted: boolean
  readonly reason: string
}

/**
 * Codes are replaced where the paired interval of the gain in nDCG@10 is above 0.
 *
 * @param kept  epochs that training kept; none is a refusal by itself
 */
export function compareRankings(before: JudgedRow, after: JudgedRow, kept: number, seed: number): Verdict {
  const [own, other] = [after, before].map(({ evaluation }) => evaluation.perQuery['nDCG@10'] as Float64Array)
  if (own === undefined || other === undefined || own.length === 0) {
    return { difference: undefined, accepted: false, reason: 'there were no queries to measure it by' }
  }
  const difference = pairedBootstrap(own, other, { resamples: RESAMPLES, seed })
  if (kept === 0) return { difference, accepted: false, reason: 'no epoch ranked held-out queries better' }
  if (difference.interval[0] > 0) return { difference, accepted: true, reason: 'it ranks held-out queries better' }
  return { difference, accepted: false, reason: 'held-out queries do not show that it is better' }
}
