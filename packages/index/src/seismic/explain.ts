/** Why a row was found, or was not. */
import type { SparseVector } from '../types.ts'
import { LoadedQuery } from './loaded-query.ts'
import { type EffortSettings, effortSettings, type SearchEffort } from './options.ts'
import type { SeismicParts } from './parts.ts'
import type { SeismicIndex } from './seismic-index.ts'
import { readTable } from './summaries.ts'

/** What a component adds to the score of a row. */
export interface Contribution {
  readonly component: number
  readonly query: number
  readonly row: number
  readonly product: number
}

/** A block of a visited list that holds the row. */
export interface FoundBlock {
  /** Component of the list. */
  readonly component: number
  /** Number of the block in its list. */
  readonly block: number
  /** Score that its summary promises. */
  readonly promise: number
}

/** A row and a query. */
export interface Explanation {
  readonly score: number
  /** From the greatest on. */
  readonly contributions: readonly Contribution[]
  /** Whether the search with this effort returns the row. */
  readonly found: boolean
  /** Blocks of visited lists that hold the row, from the most promising on. */
  readonly blocks: readonly FoundBlock[]
  /** Components that both have, whose lists do not hold the row or are not visited. */
  readonly missing: readonly { readonly component: number; readonly reason: 'pruned' | 'not visited' }[]
  /** In one sentence. */
  readonly verdict: string
}

/**
 * Tell what a row's score is made of, and how a search for the k best rows comes by it.
 *
 * @throws PithError `PITH_ARG` there is no such row, k or effort out of range; what the query may not be
 */
export function explainSeismic(
  index: SeismicIndex,
  query: SparseVector,
  row: number,
  k = 10,
  options: SearchEffort = {},
): Explanation {
  const effort = effortSettings(index.effort, options)
  const own = index.row(row)
  const found = index.search(query, k, effort).ids.includes(row)
  const { parts } = index
  const loaded = new LoadedQuery(parts.components, parts.dim)
  loaded.load(query)
  const weights = new Map<number, number>()
  for (let i = 0; i < loaded.terms; i++) {
    weights.set(parts.components[loaded.places[i] as number] as number, loaded.weights[i] as number)
  }
  const contributions: Contribution[] = []
  for (const [i, component] of own.indices.entries()) {
    const weight = weights.get(component)
    if (weight === undefined) continue
    const value = own.values[i] as number
    contributions.push({ component, query: weight, row: value, product: weight * value })
  }
  contributions.sort((a, b) => b.product - a.product || a.component - b.component)
  const score = Math.fround(contributions.reduce((sum, { product }) => sum + product, 0))
  const { blocks, missing } = findBlocks(parts, loaded, contributions, row, effort)
  return { score, contributions, found, blocks, missing, verdict: verdictOf(found, score, blocks, missing, effort) }
}

function findBlocks(
  parts: SeismicParts,
  query: LoadedQuery,
  contributions: readonly Contribution[],
  row: number,
  effort: EffortSettings,
): Pick<Explanation, 'blocks' | 'missing'> {
  const cut = query.rank(effort.cut)
  const visited = new Set<number>()
  for (let i = 0; i < cut; i++) visited.add(query.places[query.order[i] as number] as number)
  const weightOf = new Map<number, number>()
  for (let i = 0; i < query.terms; i++) weightOf.set(query.places[i] as number, query.weights[i] as number)
  const blocks: FoundBlock[] = []
  const missing: { component: number; reason: 'pruned' | 'not visited' }[] = []
  for (const { component } of contributions) {
    const list = parts.components.indexOf(component)
    const at = blockOf(parts, list, row)
    if (at === undefined) missing.push({ component, reason: 'pruned' })
    else if (!visited.has(list)) missing.push({ component, reason: 'not visited' })
    else blocks.push({ component, block: at - firstBlock(parts, list), promise: promiseOf(parts, list, at, weightOf) })
  }
  blocks.sort((a, b) => b.promise - a.promise)
  return { blocks, missing }
}

function firstBlock({ lists, groups }: SeismicParts, list: number): number {
  return groups[lists[list] as number] as number
}

/** The block of a list that holds a row. */
function blockOf(parts: SeismicParts, list: number, row: number): number | undefined {
  const { blocks, postings } = parts
  const end = firstBlock(parts, list + 1)
  for (let block = firstBlock(parts, list); block < end; block++) {
    for (let at = blocks[block] as number; at < (blocks[block + 1] as number); at++) {
      if (postings[at] === row) return block
    }
  }
  return undefined
}

function promiseOf(parts: SeismicParts, list: number, block: number, weightOf: ReadonlyMap<number, number>): number {
  const { lists, groups, tablePlaces, tables, forward } = parts
  let group = lists[list] as number
  while ((groups[group + 1] as number) <= block) group++
  const table = tables.subarray(tablePlaces[group], tablePlaces[group + 1])
  let sum = 0
  for (const [component, weight] of weightOf) {
    for (const entry of readTable(table, component, forward.isWide)) {
      if (entry.block === block - (groups[group] as number)) sum += weight * entry.code
    }
  }
  return Math.fround(sum * forward.step)
}

function verdictOf(
  found: boolean,
  score: number,
  blocks: readonly FoundBlock[],
  missing: Explanation['missing'],
  effort: EffortSettings,
): string {
  if (score === 0) return 'The row has no component of the query.'
  if (found) return `It was found, through the list of component ${blocks[0]?.component ?? missing[0]?.component}.`
  if (blocks.length > 0) {
    return 'It was not among the best, or its blocks promised too little: a smaller heapFactor or headFactor looks further.'
  }
  if (missing.some(({ reason }) => reason === 'not visited')) {
    return `Only lists beyond the ${effort.cut} that are visited hold it: a greater cut looks further.`
  }
  return 'No list of the query kept it: an index with a greater keep or maxFraction would.'
}
