/** Queries of a folder with judgements of what answers them. */
import { PithError, type Run } from '@pith/core'
import { openCollection } from '../readers/node/index.ts'
import type { IndexReader, IndexSearch } from '../store/index.ts'
import type { IndexQuery, Qrels, Rankings } from '../types.ts'

/** Queries, and what answers them. */
export interface JudgedQueries {
  readonly queries: readonly IndexQuery[]
  readonly qrels: Qrels
}

/**
 * The judged queries of a folder.
 *
 * @param splits  which judgements of a BEIR folder are taken, the first that is there
 * @throws PithError `PITH_ARG` there are none
 */
export async function judgedQueries(
  folder: string,
  splits: readonly (string | undefined)[],
  run: Run,
): Promise<JudgedQueries> {
  for (const [i, split] of splits.entries()) {
    try {
      const collection = await openCollection(folder, split === undefined ? {} : { split })
      const qrels = await collection.qrels?.(run)
      if (collection.queries === undefined || qrels === undefined) break
      const queries: IndexQuery[] = []
      for await (const query of collection.queries(run)) if (qrels.has(query.id)) queries.push(query)
      if (queries.length > 0) return { queries, qrels }
    } catch (error) {
      if (i === splits.length - 1) throw error
    }
  }
  throw new PithError('PITH_ARG', `${folder} has no queries or no judgements`, {
    hint: 'It needs queries.jsonl and qrels/test.tsv, as BEIR has them.',
  })
}

/** Answers of an index to all queries. */
export async function rankQueries(
  reader: IndexReader,
  queries: readonly IndexQuery[],
  search: IndexSearch,
  stage: string,
  run: Run,
): Promise<Rankings> {
  const rankings = new Map<string, Map<string, number>>()
  for (const [i, { id, ...query }] of queries.entries()) {
    run.onProgress?.({ stage, done: i, total: queries.length, unit: 'steps' })
    const { hits } = await reader.search({ ...query, ...search }, run)
    rankings.set(id, new Map(hits.map((hit) => [hit.id, hit.score])))
  }
  return rankings
}
