/** How well an index ranks queries whose answers are known. */
import { PithError } from '@pith/core'
import type { Hits } from './types.ts'

/** Means over queries. */
export interface RankQuality {
  readonly ndcg10: number
  readonly recall100: number
}

/** What is searched. */
interface Searches {
  readonly dim: number
  search(query: Float32Array, k: number): Hits
}

/** nDCG@10 of rows that are relevant or not. */
export function ndcgAt10(ids: ArrayLike<number>, relevant: ReadonlySet<number>): number {
  let gain = 0
  let ideal = 0
  for (let rank = 0; rank < 10; rank++) {
    const discount = 1 / Math.log2(rank + 2)
    if (rank < ids.length && relevant.has(ids[rank] as number)) gain += discount
    if (rank < relevant.size) ideal += discount
  }
  return ideal === 0 ? 0 : gain / ideal
}

/** @param queries f32[relevant.length, dim] */
export function rankQuality(
  index: Searches,
  queries: Float32Array,
  relevant: readonly ArrayLike<number>[],
): RankQuality {
  let ndcg10 = 0
  let recall100 = 0
  for (const [i, rows] of relevant.entries()) {
    const { ids } = index.search(queries.slice(i * index.dim, (i + 1) * index.dim), 100)
    const wanted = new Set(Array.from(rows))
    ndcg10 += ndcgAt10(ids, wanted) / relevant.length
    let found = 0
    for (const id of ids) if (wanted.has(id)) found++
    recall100 += wanted.size === 0 ? 0 : found / wanted.size / relevant.length
  }
  return { ndcg10, recall100 }
}

/** @throws PithError `PITH_ARG` a row that is not there */
export function checkLists(lists: readonly ArrayLike<number>[], n: number): void {
  for (const [query, rows] of lists.entries()) {
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as number
      if (Number.isInteger(row) && row >= 0 && row < n) continue
      throw new PithError('PITH_ARG', `query ${query} names row ${row} of ${n}`)
    }
  }
}
