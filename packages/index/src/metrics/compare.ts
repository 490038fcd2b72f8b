/** Whether one run is better than another. */
import { type BootstrapOptions, type Estimate, PithError, pairedBootstrap } from '@pith/core'
import type { Evaluation } from './evaluate.ts'

/** Two runs by one measure. */
export interface Comparison {
  readonly ours: number
  readonly theirs: number
  /** Mean of ours less theirs over the queries, with its paired bootstrap interval. */
  readonly difference: Estimate
  /** Queries on which ours is better, and worse. */
  readonly wins: number
  readonly losses: number
}

/**
 * Compare two evaluations query by query, over the queries and measures that both have.
 *
 * @param options  `resamples` (default 10,000), `confidence` (default 0.95), `seed`
 * @throws PithError `PITH_ARG` they have no query in common
 */
export function compareRuns(
  ours: Evaluation,
  theirs: Evaluation,
  options: BootstrapOptions = {},
): Record<string, Comparison> {
  const rowOf = new Map(theirs.queries.map((query, row) => [query, row]))
  const pairs = ours.queries.flatMap((query, row) => {
    const other = rowOf.get(query)
    return other === undefined ? [] : [[row, other] as const]
  })
  if (pairs.length === 0) {
    throw new PithError('PITH_ARG', 'the two runs have no query in common', {
      hint: 'Judge both runs with the same judgements.',
    })
  }
  const names = Object.keys(ours.perQuery).filter((name) => Object.hasOwn(theirs.perQuery, name))
  return Object.fromEntries(
    names.map((name) => {
      const own = Float64Array.from(pairs, ([row]) => ours.perQuery[name]?.[row] as number)
      const other = Float64Array.from(pairs, ([, row]) => theirs.perQuery[name]?.[row] as number)
      const difference = pairedBootstrap(own, other, { resamples: 10_000, ...options })
      return [name, { ...meansOf(own, other), difference, ...countWins(own, other) }]
    }),
  )
}

function meansOf(own: Float64Array, other: Float64Array): { ours: number; theirs: number } {
  const meanOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length
  return { ours: meanOf(own), theirs: meanOf(other) }
}

function countWins(own: Float64Array, other: Float64Array): { wins: number; losses: number } {
  let wins = 0
  let losses = 0
  for (let i = 0; i < own.length; i++) {
    if ((own[i] as number) > (other[i] as number)) wins++
    else if ((own[i] as number) < (other[i] as number)) losses++
  }
  return { wins, losses }
}
