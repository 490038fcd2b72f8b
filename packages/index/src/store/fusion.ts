import { PithError } from '@pith/core'

/**
 * How rankings of several kinds become one. `rrf`: the sum of 1 / (60 + rank). `zsum`: scores brought to mean 0 and spread 1,
 * those of vectors weighted by alpha, those of words by 1 - alpha. `sparse-first`: vectors order the best that words find.
 */
export type Fusion = 'rrf' | 'zsum' | 'sparse-first'

export const FUSIONS: readonly Fusion[] = ['rrf', 'zsum', 'sparse-first']

const RRF_K = 60

/** A document that one of the rankings has. */
export interface Fused {
  readonly view: number
  readonly row: number
  readonly id: string | undefined
  /** Score in each ranking, undefined where it was not scored. */
  readonly scores: readonly (number | undefined)[]
  /** Place in each ranking, from 0; undefined where it is not in it. */
  readonly ranks: readonly (number | undefined)[]
}

/** Scores by the sum of reciprocal ranks. */
export function fuseByRank(documents: readonly Fused[]): number[] {
  return documents.map(({ ranks }) =>
    ranks.reduce<number>((sum, rank) => sum + (rank === undefined ? 0 : 1 / (RRF_K + rank + 1)), 0),
  )
}

/**
 * Scores by the weighted sum of standard scores. A document that a ranking does not score counts as its least one there.
 *
 * @param weights  of each ranking
 */
export function fuseByScore(documents: readonly Fused[], weights: readonly number[]): number[] {
  const sums = new Array<number>(documents.length).fill(0)
  for (const [ranking, weight] of weights.entries()) {
    const known = documents.flatMap(({ scores }) => scores[ranking] ?? [])
    const least = known.reduce((min, score) => Math.min(min, score), Number.POSITIVE_INFINITY)
    const all = documents.map(({ scores }) => scores[ranking] ?? least)
    if (known.length === 0) continue
    const mean = all.reduce((sum, score) => sum + score, 0) / all.length
    const spread = Math.sqrt(all.reduce((sum, score) => sum + (score - mean) ** 2, 0) / all.length)
    if (spread === 0) continue
    for (const [i, score] of all.entries()) sums[i] += (weight * (score - mean)) / spread
  }
  return sums
}

/** @throws PithError `PITH_ARG` no number in 0..1 */
export function checkAlpha(alpha: unknown): number {
  if (typeof alpha === 'number' && alpha >= 0 && alpha <= 1) return alpha
  throw new PithError('PITH_ARG', `alpha must be 0..1, got ${String(alpha).slice(0, 40)}`)
}
