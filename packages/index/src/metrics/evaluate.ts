/** Rankings against judgements. */
import { compareText, mean } from '@pith/core'
import type { Qrels, Rankings } from '../types.ts'
import { type JudgedRanking, measureOf, UNJUDGED } from './measures.ts'

/** What is measured where nothing else is asked for. */
export const DEFAULT_MEASURES: readonly string[] = /* @__PURE__ */ Object.freeze([
  'nDCG@10',
  'MAP',
  'MRR',
  'P@10',
  'R@100',
  'bpref',
])

/** How a run is judged. */
export interface EvaluateOptions {
  /** Names as trec_eval or papers have them; default {@link DEFAULT_MEASURES}. */
  measures?: readonly string[]
  /** Queries that were judged but not answered count as 0, as with `trec_eval -c`. Default false: they do not count. */
  complete?: boolean
  /** Take documents with the id of their query out of its results, as BEIR does for ArguAna and Quora. Default false. */
  dropSelf?: boolean
}

/** What a run is worth. */
export interface Evaluation {
  /** Queries that count, by the bytes of their ids. */
  readonly queries: readonly string[]
  /** Those among them that were not answered. */
  readonly missing: ReadonlySet<string>
  /** f64[queries] by measure, under the names that were asked for. */
  readonly perQuery: Readonly<Record<string, Float64Array>>
  /** Mean over the queries by measure; 0 where no query counts. */
  readonly mean: Readonly<Record<string, number>>
}

/**
 * Judge a run as trec_eval 9.0.8 does: documents by falling score, scores as float32, equal scores by falling id; queries
 * count that are in both. nDCG has linear gains, gains below 0 count as not judged, relevant is a gain of 1 or more.
 *
 * @throws PithError `PITH_ARG` a name that is no measure
 */
export function evaluate(run: Rankings, qrels: Qrels, options: EvaluateOptions = {}): Evaluation {
  const { measures = DEFAULT_MEASURES, complete = false, dropSelf = false } = options
  const ways = measures.map(measureOf)
  const queries = [...qrels.keys()].filter((query) => complete || run.has(query)).sort(compareText)
  const missing = new Set(queries.filter((query) => !run.has(query)))
  const columns = measures.map(() => new Float64Array(queries.length))
  for (const [row, query] of queries.entries()) {
    const scores = run.get(query)
    if (scores === undefined) continue
    const ranked = rankDocuments(scores).filter((id) => !(dropSelf && id === query))
    const judged = judge(ranked, qrels.get(query) ?? new Map())
    for (const [i, way] of ways.entries()) (columns[i] as Float64Array)[row] = way.of(judged)
  }
  return {
    queries,
    missing,
    perQuery: Object.fromEntries(measures.map((name, i) => [name, columns[i] as Float64Array])),
    mean: Object.fromEntries(
      measures.map((name, i) => [name, queries.length === 0 ? 0 : mean(columns[i] as Float64Array)]),
    ),
  }
}

/** Documents of a query in the order in which trec_eval ranks them: falling float32 scores, equal ones by falling id. */
export function rankDocuments(scores: ReadonlyMap<string, number>): string[] {
  return [...scores]
    .map(([id, score]) => ({ id, score: Math.fround(score) }))
    .sort((a, b) => (a.score === b.score ? compareText(b.id, a.id) : b.score < a.score ? -1 : 1))
    .map(({ id }) => id)
}

function judge(ranked: readonly string[], judgements: ReadonlyMap<string, number>): JudgedRanking {
  const values = Float64Array.from(judgements.values())
  return {
    gains: Float64Array.from(ranked, (id) => judgements.get(id) ?? UNJUDGED),
    ideal: values.filter((gain) => gain > 0).sort((a, b) => b - a),
    worthless: values.filter((gain) => gain === 0).length,
  }
}
