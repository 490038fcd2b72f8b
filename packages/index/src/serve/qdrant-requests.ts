/** The part of Qdrant's way of asking that is understood here. */
import { PithError } from '@pith/core'
import type { Where, WhereValue } from '../store/index.ts'

const MOST_HITS = 1000
const MOST_DEPTH = 16

/** A search by vector. */
export interface QdrantAsk {
  readonly vector: Float32Array
  readonly limit: number
  readonly offset: number
  readonly where?: Where
  /** Whether fields, title and text come back. */
  readonly payload: boolean
  readonly threshold?: number
}

/**
 * The body of `/points/search` (`vector`) or `/points/query` (`query`): with `limit`, `offset`, `filter`, `with_payload` and
 * `score_threshold`. Filters are `must`, `should` and `must_not` of `match` (`value`, `any`, `except`) and `range`.
 *
 * @throws PithError `PITH_ARG` what is not understood
 */
export function qdrantAsk(body: unknown): QdrantAsk {
  const {
    vector,
    query,
    limit = 10,
    offset = 0,
    filter,
    with_payload = false,
    score_threshold,
  } = record(body, 'the body')
  const where = filter === undefined || filter === null ? undefined : whereOf(filter)
  return {
    vector: vectorOf(vector ?? query),
    limit: whole('limit', limit, 1, MOST_HITS),
    offset: whole('offset', offset ?? 0, 0, MOST_HITS),
    payload: with_payload !== false && with_payload !== null,
    ...(where === undefined ? {} : { where }),
    ...(typeof score_threshold === 'number' ? { threshold: score_threshold } : {}),
  }
}

/** Numbers, or `{name, vector}`. */
function vectorOf(value: unknown): Float32Array {
  const own = Array.isArray(value) ? value : record(value, 'vector')['vector']
  if (Array.isArray(own) && own.length > 0 && own.length <= 65_536 && own.every(Number.isFinite)) {
    return Float32Array.from(own as number[])
  }
  throw new PithError('PITH_ARG', 'vector must be a list of numbers')
}

function whereOf(value: unknown, depth = 0): Where {
  const filter = record(value, 'filter')
  if (depth > MOST_DEPTH) throw new PithError('PITH_ARG', `filters nest more than ${MOST_DEPTH} levels`)
  const list = (name: string): Where[] => {
    const own = filter[name]
    if (own === undefined || own === null) return []
    return (Array.isArray(own) ? own : [own]).map((condition) => conditionOf(condition, depth + 1))
  }
  known(filter, ['must', 'should', 'must_not'])
  const should = list('should')
  return {
    and: [
      ...list('must'),
      ...list('must_not').map((own) => ({ not: own })),
      ...(should.length > 0 ? [{ or: should }] : []),
    ],
  }
}

function conditionOf(value: unknown, depth: number): Where {
  const condition = record(value, 'a condition')
  const { key, match, range } = condition
  if (key === undefined) return whereOf(value, depth)
  known(condition, ['key', 'match', 'range'])
  if (typeof key !== 'string') throw new PithError('PITH_ARG', 'key must be the name of a field')
  if (range !== undefined) {
    const bounds = record(range, 'range')
    known(bounds, ['gt', 'gte', 'lt', 'lte'])
    const given = Object.entries(bounds).filter(([, bound]) => bound !== null && bound !== undefined)
    return { field: [key, Object.fromEntries(given) as Record<string, number>] }
  }
  const own = record(match, 'match')
  known(own, ['value', 'any', 'except'])
  if (own['any'] !== undefined) return { field: [key, { in: own['any'] as WhereValue[] }] }
  if (own['except'] !== undefined) return { not: { field: [key, { in: own['except'] as WhereValue[] }] } }
  return { field: [key, { eq: own['value'] as WhereValue }] }
}

function known(own: Record<string, unknown>, names: readonly string[]): void {
  const wild = Object.keys(own).find((name) => !names.includes(name))
  if (wild !== undefined) throw new PithError('PITH_ARG', `${JSON.stringify(wild.slice(0, 40))} is not understood here`)
}

function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new PithError('PITH_ARG', `${name} must be an object`)
}

function whole(name: string, value: unknown, least: number, most: number): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return value as number
  throw new PithError('PITH_ARG', `${name} must be ${least}..${most}`)
}
