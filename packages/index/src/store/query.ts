import { PithError } from '@pith/core'
import type { IndexDocument } from '../types.ts'
import type { FacetCounts } from './facets.ts'
import { checkAlpha, FUSIONS, type Fusion } from './fusion.ts'
import { type Filter, parseWhere, type Where } from './where.ts'

/**
 * Kinds of ranking: words, sparse vectors, vectors as well as the index has them, codes of vectors
 * alone, signs of a trained layer alone; `hybrid` joins all
 * that the index has and the query can be asked by.
 */
export type SearchMode = RankingName | 'hybrid'

/** What is asked of an index. */
export interface IndexSearch {
  readonly text?: string
  /** f32[dim] by the encoder of the index, instead of the text. */
  readonly vector?: Float32Array
  /** Components by name, as the sparse encoder of the index gives them, instead of the text. */
  readonly sparse?: Readonly<Record<string, number>>
  /** Default `hybrid`. */
  readonly mode?: SearchMode
  /** Signs in the text have a meaning: `"in a row"`, `begin*`, `mispelt~`, `+needed`, `-unwanted`; joined with words, vectors keep to them. Default false. */
  readonly syntax?: boolean
  /** Leave no block of sparse vectors out by its summary. Default false. */
  readonly exact?: boolean
  /** Words that no document has are taken for misspelt. Default false. */
  readonly typos?: boolean
  /** The last word may be the beginning of one, as while somebody types. Default false. */
  readonly lastIsPrefix?: boolean
  readonly where?: Where
  /** Results, 1..10,000. Default 10. */
  readonly k?: number
  /** Results that are left out before the first, 0..100,000. Default 0. */
  readonly offset?: number
  /** How rankings are joined. Default `rrf`, or what the index was tuned to. */
  readonly fusion?: Fusion
  /** Weight of vectors against words in `zsum`, 0..1. Default 0.5, or what the index was tuned to. */
  readonly alpha?: number
  /** Return the documents too. Default false. */
  readonly documents?: boolean
  /** Fields of which the values of all matching documents are counted. */
  readonly facets?: readonly string[]
  /** Count all matching documents. Default false. */
  readonly total?: boolean
}

/** A document that was found. */
export interface SearchHit {
  readonly id: string
  readonly score: number
  readonly document?: IndexDocument
  /** Scores of the single rankings, where several were joined. */
  readonly scores?: Readonly<Partial<Record<RankingName, number>>>
}

/** What was found. */
export interface SearchResult {
  readonly hits: readonly SearchHit[]
  readonly facets?: FacetCounts
  /** Documents that match, where it was asked for. */
  readonly total?: number
  /** Segments that were left out because they are damaged. */
  readonly leftOut: readonly string[]
  readonly warnings: readonly string[]
}

/** Names of the single rankings. */
export type RankingName = 'bm25' | 'sparse' | 'dense' | 'pq' | 'hash'

/** A query with defaults filled in. */
export interface ParsedSearch extends IndexSearch {
  readonly k: number
  readonly offset: number
  readonly filter: Filter | undefined
}

const MODES: readonly SearchMode[] = ['bm25', 'sparse', 'dense', 'pq', 'hash', 'hybrid']
const MAX_K = 10_000
const MAX_OFFSET = 100_000
const KEYS: readonly string[] = [
  'text',
  'vector',
  'sparse',
  'exact',
  'mode',
  'syntax',
  'typos',
  'lastIsPrefix',
  'where',
  'k',
  'offset',
  'fusion',
  'alpha',
  'documents',
  'facets',
  'total',
]

/** Check a query, which may come from a request. @throws PithError `PITH_ARG` */
export function parseSearch(query: string | IndexSearch): ParsedSearch {
  const search: IndexSearch = typeof query === 'string' ? { text: query } : query
  if (typeof search !== 'object' || search === null) throw new PithError('PITH_ARG', 'a text or a query is needed')
  for (const key of Object.keys(search)) {
    if (!KEYS.includes(key)) {
      throw new PithError('PITH_ARG', `${JSON.stringify(key.slice(0, 40))} is not part of a query`, {
        hint: `Use ${KEYS.join(', ')}.`,
      })
    }
  }
  const { text, vector, sparse, mode, k = 10, offset = 0, where, fusion, alpha, facets } = search
  if (text !== undefined && typeof text !== 'string')
    throw new PithError('PITH_ARG', 'the text of a query must be a text')
  if (vector !== undefined && !(vector instanceof Float32Array && vector.every(Number.isFinite))) {
    throw new PithError('PITH_ARG', 'the vector of a query must be a Float32Array of finite numbers')
  }
  if (sparse !== undefined && !Object.values(sparse).every((value) => value > 0 && Number.isFinite(value))) {
    throw new PithError('PITH_ARG', 'the sparse components of a query must be above 0')
  }
  if (mode !== undefined && !MODES.includes(mode)) {
    throw new PithError('PITH_ARG', `mode must be ${MODES.join(', ')}, got ${String(mode).slice(0, 40)}`)
  }
  if (!(Number.isInteger(k) && k >= 1 && k <= MAX_K)) throw new PithError('PITH_ARG', `k must be 1..${MAX_K}, got ${k}`)
  if (!(Number.isInteger(offset) && offset >= 0 && offset <= MAX_OFFSET)) {
    throw new PithError('PITH_ARG', `offset must be 0..${MAX_OFFSET}, got ${offset}`)
  }
  if (fusion !== undefined && !FUSIONS.includes(fusion)) {
    throw new PithError('PITH_ARG', `fusion must be ${FUSIONS.join(', ')}, got ${String(fusion).slice(0, 40)}`)
  }
  if (alpha !== undefined) checkAlpha(alpha)
  if (facets !== undefined && !(Array.isArray(facets) && facets.every((name) => typeof name === 'string'))) {
    throw new PithError('PITH_ARG', 'facets must be names of fields')
  }
  return { ...search, k, offset, filter: where === undefined ? undefined : parseWhere(where) }
}
