/** Evaluations and rankings as trec_eval and other tools read them. */
import { compareText } from '@pith/core'
import type { Rankings } from '../types.ts'
import { type Evaluation, rankDocuments } from './evaluate.ts'
import { measureOf } from './measures.ts'

/**
 * What trec_eval prints: a line for each measure, name, query and value with four decimals; means under `all`.
 *
 * @param options  `perQuery`: a block for each answered query before the means, as with `trec_eval -q`
 */
export function* trecEvalLines(
  { queries, missing, perQuery, mean }: Evaluation,
  options: { perQuery?: boolean } = {},
): Generator<string, void, undefined> {
  const names = Object.keys(perQuery)
  const line = (name: string, query: string, value: string): string => `${name.padEnd(22)}\t${query}\t${value}`
  if (options.perQuery === true) {
    for (const [row, query] of queries.entries()) {
      if (missing.has(query)) continue
      for (const name of names) {
        yield line(measureOf(name).trecName, query, fourDecimals((perQuery[name] as Float64Array)[row] as number))
      }
    }
  }
  yield line('num_q', 'all', String(queries.length))
  for (const name of names) yield line(measureOf(name).trecName, 'all', fourDecimals(mean[name] as number))
}

/** Lines of a run, `query Q0 document rank score tag`, as {@link readRun} takes them. */
export function* runLines(run: Rankings, tag: string): Generator<string, void, undefined> {
  for (const query of [...run.keys()].sort(compareText)) {
    const scores = run.get(query) ?? new Map<string, number>()
    for (const [i, id] of rankDocuments(scores).entries()) yield `${query} Q0 ${id} ${i + 1} ${scores.get(id)} ${tag}`
  }
}

/** As C prints a number of 0..1 with %6.4f: a half goes to the even digit, where `toFixed` takes it up. */
function fourDecimals(value: number): string {
  const five = value.toFixed(5)
  // Only multiples of 1/32 end in an exact 5 there.
  const isHalf = five.endsWith('5') && Number.isInteger(32 * value)
  return isHalf && Number(five.at(-2)) % 2 === 0 ? five.slice(0, -1) : value.toFixed(4)
}
