/** Requests of the search server, checked. */
import { PithError } from '@pith/core'
import type { SearchMode, Where, WhereValue } from '../store/index.ts'
import { FIELD_PREFIX } from './page.ts'

/** Hits that one request may ask for, and how far behind the first. */
const MOST_HITS = 1000
const MOST_FROM = 10_000
const MOST_FACETS = 32
/** Characters of a query. */
const MOST_QUERY = 10_000

export const MODES: readonly SearchMode[] = ['hybrid', 'bm25', 'dense', 'pq', 'hash', 'sparse']

/** What is searched for. */
export interface SearchAsk {
  readonly query: string
  /** Default the best that the index has. */
  readonly mode?: SearchMode
  readonly k: number
  readonly from: number
  readonly where?: Where
  /** Fields whose values are counted. */
  readonly facets?: readonly string[]
  /** Whether the last word may be the beginning of one. */
  readonly typing: boolean
  /** Values of fields that a page has chosen. */
  readonly chosen: ReadonlyMap<string, readonly string[]>
}

/**
 * A request in an address: `q`, `mode`, `k`, `from`, `where` (JSON), `facets` (names with commas), `f.NAME` (a value
 * of a field, may be repeated), `typing` (1: the last word may be the beginning of one).
 *
 * @throws PithError `PITH_ARG` a value out of range
 */
export function askOfAddress(words: URLSearchParams): SearchAsk {
  const chosen = new Map<string, string[]>()
  for (const [name, value] of words) {
    if (!name.startsWith(FIELD_PREFIX)) continue
    const field = name.slice(FIELD_PREFIX.length)
    chosen.set(field, [...(chosen.get(field) ?? []), value])
  }
  const number = (name: string): number | undefined => {
    const text = words.get(name)
    return text === null || text === '' ? undefined : /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  }
  const where = words.get('where')
  return checkAsk(
    {
      query: words.get('q') ?? '',
      mode: words.get('mode') ?? undefined,
      k: number('k'),
      from: number('from'),
      where: where === null || where === '' ? undefined : jsonOf(where),
      facets: words
        .get('facets')
        ?.split(',')
        .filter((name) => name !== ''),
      typing: words.get('typing') === '1',
    },
    chosen,
  )
}

/** A request as JSON: `{query, mode, k, from, where, facets, typing}`. @throws PithError `PITH_ARG` another value */
export function askOfJson(body: unknown): SearchAsk {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new PithError('PITH_ARG', 'the request must be an object such as {"query": "..."}')
  }
  const known = ['query', 'mode', 'k', 'from', 'where', 'facets', 'typing']
  const wild = Object.keys(body).find((name) => !known.includes(name))
  if (wild !== undefined) {
    throw new PithError('PITH_ARG', `the request has an unknown ${JSON.stringify(wild.slice(0, 40))}`, {
      hint: `Known are ${known.join(', ')}.`,
    })
  }
  return checkAsk(body as Partial<Record<keyof SearchAsk, unknown>>, new Map())
}

/** What a text may stand for as a value of a field: itself, and the number or boolean that it spells. */
export function valuesOfText(text: string): WhereValue[] {
  const number = text.trim() === '' ? Number.NaN : Number(text)
  return [
    text,
    ...(Number.isFinite(number) ? [number] : []),
    ...(text === 'true' || text === 'false' ? [text === 'true'] : []),
  ]
}

/** All conditions as one. */
export function allOf(conditions: readonly Where[]): Where | undefined {
  return conditions.length > 1 ? { and: conditions } : conditions[0]
}

function checkAsk(
  given: Partial<Record<keyof SearchAsk, unknown>>,
  chosen: ReadonlyMap<string, readonly string[]>,
): SearchAsk {
  const { query, mode, k = 10, from = 0, where, facets = [], typing = false } = given
  if (typeof query !== 'string' || query.length > MOST_QUERY) {
    throw new PithError('PITH_ARG', `the query must be a text of at most ${MOST_QUERY} characters`)
  }
  if (mode !== undefined && !(MODES as readonly unknown[]).includes(mode)) {
    throw new PithError('PITH_ARG', `mode must be one of ${MODES.join(', ')}, got ${String(mode).slice(0, 40)}`)
  }
  if (!Array.isArray(facets) || facets.length > MOST_FACETS || !facets.every((name) => typeof name === 'string')) {
    throw new PithError('PITH_ARG', `facets must be at most ${MOST_FACETS} names of fields`)
  }
  const picked = [...chosen].map(
    ([name, values]): Where => ({
      field: [name, { in: values.flatMap(valuesOfText) }],
    }),
  )
  const all = allOf([...picked, ...(where === undefined ? [] : [where as Where])])
  return {
    query,
    ...(mode === undefined ? {} : { mode: mode as SearchMode }),
    k: whole('k', k, 1, MOST_HITS),
    from: whole('from', from, 0, MOST_FROM),
    ...(all === undefined ? {} : { where: all }),
    ...(facets.length === 0 ? {} : { facets: facets as string[] }),
    typing: typing === true,
    chosen,
  }
}

function whole(name: string, value: unknown, least: number, most: number): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return value as number
  throw new PithError('PITH_ARG', `${name} must be ${least}..${most}`)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new PithError('PITH_ARG', 'where is no JSON')
  }
}
