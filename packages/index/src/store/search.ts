import { PithError, type Run, throwIfAborted } from '@pith/core'
import { filterRows } from '../row-filter.ts'
import type { RowFilter } from '../types.ts'
import { filterOfRows } from './columns.ts'
import { countFacets } from './facets.ts'
import { type Fused, fuseByRank, fuseByScore } from './fusion.ts'
import type { ParsedSearch, SearchHit, SearchResult } from './query.ts'
import type { Ranking } from './ranking.ts'
import type { Tuning } from './settings.ts'
import { byScore, type Candidate, inSegment, keptOf, rankViews, type SegmentView, withIds } from './view.ts'
import { evaluate, fieldsOf } from './where.ts'

/** Documents of each ranking that are joined, at least. */
const LEAST_DEPTH = 200
/** Documents that `sparse-first` lets vectors order, at least. */
const FIRST_DEPTH = 200
/** A column of this many rows is what one search can return. */
const MAX_MATCHES = 2 ** 24

/** A document with the scores of the rankings that were joined. */
type Scored = Candidate & { readonly scores?: SearchHit['scores'] | undefined }
type Answer = Omit<SearchResult, 'leftOut'>

/** Answer a query from segments by one or more rankings. */
export async function searchViews(
  views: readonly SegmentView[],
  rankings: readonly Ranking[],
  search: ParsedSearch,
  tuning: Tuning | undefined,
  run?: Run,
): Promise<Answer> {
  const { k, offset, fusion = tuning?.fusion ?? 'rrf', alpha = tuning?.alpha ?? 0.5 } = search
  const warnings: string[] = []
  const filtered = await Promise.all(views.map((view) => inSegment(view, () => keptRowsOf(view, search, run))))
  if (search.filter !== undefined) warnings.push(...(await unknownFields(views, fieldsOf(search.filter), run)))
  throwIfAborted(run?.signal)
  const strict = rankings.length > 1 ? rankings.find(({ isStrict }) => isStrict) : undefined
  const kept = strict === undefined ? filtered : await foundRows(views, strict, filtered)

  const best = (ranking: Ranking, depth: number, filters: readonly (RowFilter | undefined)[]): Promise<Candidate[]> =>
    rankViews(
      views,
      depth,
      async (view, i) => (filters[i]?.count === 0 ? undefined : ranking.best(view, depth, filters[i])),
      run,
    )
  const wanted = offset + k
  let found: readonly Scored[]
  if (rankings.length === 1) found = await best(rankings[0], wanted, kept)
  else if (fusion === 'sparse-first')
    found = await orderFirst(views, rankings, best, Math.max(FIRST_DEPTH, wanted), kept)
  else {
    const depth = Math.max(LEAST_DEPTH, 2 * wanted)
    const lists = await Promise.all(rankings.map((ranking) => best(ranking, depth, kept)))
    const scored = fusion === 'zsum' ? await scoreMissing(views, rankings, lists, best, kept) : lists
    const joined = joinLists(lists, scored)
    const scores = fusion === 'zsum' ? fuseByScore(joined, weightsOf(rankings, alpha)) : fuseByRank(joined)
    found = joined
      .map(({ view, row, id, scores: own }, i) => ({ view, row, id, score: scores[i], scores: named(rankings, own) }))
      .sort(byScore)
  }
  const page = (await withIds(views, found.slice(offset, wanted), run)).sort(byScore)
  const documents = search.documents === true ? await documentsOf(views, page, run) : undefined
  const hits = page.map(({ id, score, scores }, i): SearchHit => {
    const own = scores === undefined ? { id, score } : { id, score, scores }
    return documents === undefined ? own : { ...own, document: documents[i] }
  })
  if (search.facets === undefined && search.total !== true) return { hits, warnings }
  const matching = await matchingRows(views, rankings, kept)
  const facets =
    search.facets === undefined ? {} : { facets: await countFacets(views, matching, search.facets, undefined, run) }
  const total = matching.reduce((sum, rows, i) => sum + (rows?.count ?? views[i].count), 0)
  return { hits, warnings, ...facets, ...(search.total === true ? { total } : {}) }
}

async function keptRowsOf(view: SegmentView, { filter }: ParsedSearch, run?: Run): Promise<RowFilter | undefined> {
  const { columns, rows } = view.segment
  return keptOf(view, filter === undefined ? undefined : await evaluate(filter, columns, rows, run))
}

/** A misspelt field would otherwise look like no result. */
async function unknownFields(views: readonly SegmentView[], asked: readonly string[], run?: Run): Promise<string[]> {
  const known = new Set<string>()
  for (const view of views)
    for (const name of await inSegment(view, () => view.segment.columns.names(run))) known.add(name)
  return [...new Set(asked)]
    .filter((name) => !known.has(name))
    .map((name) => `no document has the field ${JSON.stringify(name.slice(0, 80))}`)
}

/** What words find, in the order of vectors; what these do not score stands behind it. */
async function orderFirst(
  views: readonly SegmentView[],
  rankings: readonly Ranking[],
  best: (ranking: Ranking, depth: number, filters: readonly (RowFilter | undefined)[]) => Promise<Candidate[]>,
  depth: number,
  kept: readonly (RowFilter | undefined)[],
): Promise<Scored[]> {
  const [first] = rankings.filter(({ isDense }) => !isDense)
  const [second] = rankings.filter(({ isDense }) => isDense)
  if (first === undefined || second === undefined) {
    throw new PithError('PITH_CAPABILITY', 'sparse-first needs a ranking by words and one by vectors')
  }
  const words = await best(first, depth, kept)
  const among = rowsIn(views, words)
  const ordered = await best(second, depth, among)
  const scores = new Map(words.map((hit) => [placeOf(hit), hit.score]))
  const seen = new Set(ordered.map(placeOf))
  const least = ordered.at(-1)?.score ?? 0
  const rest = words.filter((hit) => !seen.has(placeOf(hit)))
  return [
    ...ordered.map((hit) => ({
      ...hit,
      scores: { [first.name]: scores.get(placeOf(hit)) as number, [second.name]: hit.score },
    })),
    // Below the last, in the order of the words.
    ...rest.map((hit, i) => ({ ...hit, score: least - 1 - i, scores: { [first.name]: hit.score } })),
  ]
}

/** Score in each ranking what only another one found. */
async function scoreMissing(
  views: readonly SegmentView[],
  rankings: readonly Ranking[],
  lists: readonly (readonly Candidate[])[],
  best: (ranking: Ranking, depth: number, filters: readonly (RowFilter | undefined)[]) => Promise<Candidate[]>,
  kept: readonly (RowFilter | undefined)[],
): Promise<(readonly Candidate[])[]> {
  const all = lists.flat()
  return Promise.all(
    rankings.map(async (ranking, i) => {
      const own = new Set(lists[i].map(placeOf))
      const missing = all.filter((hit) => !own.has(placeOf(hit)))
      if (missing.length === 0 || kept.length === 0) return lists[i]
      return [...lists[i], ...(await best(ranking, missing.length, rowsIn(views, missing)))]
    }),
  )
}

function rowsIn(views: readonly SegmentView[], found: readonly Candidate[]): RowFilter[] {
  return views.map((view, i) =>
    filterOfRows(view.segment.rows, [found.filter((hit) => hit.view === i).map(({ row }) => row)]),
  )
}

function joinLists(lists: readonly (readonly Candidate[])[], scored: readonly (readonly Candidate[])[]): Fused[] {
  const joined = new Map<number, { hit: Candidate; scores: number[]; ranks: number[] }>()
  const find = (hit: Candidate) => {
    const place = placeOf(hit)
    const known = joined.get(place)
    if (known !== undefined) return known
    const fresh = { hit, scores: [], ranks: [] }
    joined.set(place, fresh)
    return fresh
  }
  for (const [i, list] of lists.entries()) for (const [rank, hit] of list.entries()) find(hit).ranks[i] = rank
  for (const [i, list] of scored.entries()) for (const hit of list) find(hit).scores[i] = hit.score
  return [...joined.values()].map(({ hit: { view, row, id }, scores, ranks }) => ({
    view,
    row,
    id,
    scores: lists.map((_, i) => scores[i]),
    ranks: lists.map((_, i) => ranks[i]),
  }))
}

/** One number for a row of a segment. */
function placeOf({ view, row }: Candidate): number {
  return view * 2 ** 32 + row
}

function weightsOf(rankings: readonly Ranking[], alpha: number): number[] {
  const dense = rankings.filter(({ isDense }) => isDense).length
  // Rankings of the same side share its weight.
  return rankings.map(({ isDense }) => (isDense ? alpha / dense : (1 - alpha) / (rankings.length - dense)))
}

function named(rankings: readonly Ranking[], scores: readonly (number | undefined)[]): SearchHit['scores'] {
  return Object.fromEntries(
    rankings.flatMap(({ name }, i) => (scores[i] === undefined ? [] : [[name, scores[i]]])),
  ) as SearchHit['scores']
}

async function documentsOf(
  views: readonly SegmentView[],
  hits: readonly (Candidate & { readonly id: string })[],
  run?: Run,
) {
  return Promise.all(
    hits.map(({ view, row, id }) =>
      inSegment(views[view], async () => (await views[view].segment.documents.at([row], [id], run))[0]),
    ),
  )
}

/** Rows that match: those with a word of the query, or all that are kept where vectors rank them. */
async function matchingRows(
  views: readonly SegmentView[],
  rankings: readonly Ranking[],
  kept: readonly (RowFilter | undefined)[],
): Promise<(RowFilter | undefined)[]> {
  const [words] = rankings
  return rankings.length === 0 || rankings.some(({ isDense }) => isDense) ? [...kept] : foundRows(views, words, kept)
}

/** Rows that a ranking by words finds. */
function foundRows(
  views: readonly SegmentView[],
  words: Ranking,
  kept: readonly (RowFilter | undefined)[],
): Promise<RowFilter[]> {
  return Promise.all(
    views.map((view, i) =>
      inSegment(view, async () => {
        const { rows } = view.segment
        if (rows === 0 || kept[i]?.count === 0) return filterRows(rows, () => false)
        const found = await words.best(view, Math.min(rows, MAX_MATCHES), kept[i])
        return filterOfRows(rows, [found?.ids ?? []])
      }),
    ),
  )
}
