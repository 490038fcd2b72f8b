import { compareText, PithError, type Run } from '@pith/core'
import { allBut, bothKeep, eitherKeeps, filterRows } from '../row-filter.ts'
import type { RowFilter } from '../types.ts'
import { type Columns, filterOfRows, keyOf, valueOfKey } from './columns.ts'

/** A value that a condition compares with. */
export type WhereValue = string | number | boolean

/** What a field must be; all that is given must hold. A list of texts fulfils it where one of its items does. */
export interface Condition {
  readonly eq?: WhereValue
  readonly ne?: WhereValue
  readonly in?: readonly WhereValue[]
  /** Bounds are numbers, or texts in the order of their code points (dates as 2026-01-31). */
  readonly gt?: number | string
  readonly gte?: number | string
  readonly lt?: number | string
  readonly lte?: number | string
  /** Whether the document has the field at all. */
  readonly exists?: boolean
}

/**
 * Which documents may be returned: `{lang: 'de', year: {gte: 2020}, tags: {in: ['a', 'b']}}`, all of it must hold; `and`, `or`
 * and `not` combine. Fields of these three names are asked for through `field`: `{field: ['or', {eq: 1}]}`.
 */
export interface Where {
  readonly and?: readonly Where[]
  readonly or?: readonly Where[]
  readonly not?: Where
  readonly field?: readonly [name: string, condition: WhereValue | Condition]
  readonly [name: string]: WhereValue | Condition | Where | readonly Where[] | readonly [string, unknown] | undefined
}

/** A condition in the form that is evaluated. */
export type Filter =
  | { readonly kind: 'all' | 'any'; readonly of: readonly Filter[] }
  | { readonly kind: 'not'; readonly of: Filter }
  | { readonly kind: 'field'; readonly name: string; readonly test: Condition }

const MAX_DEPTH = 32
const BOUNDS = ['gt', 'gte', 'lt', 'lte'] as const

/**
 * Check a condition, which may come from a request.
 *
 * @throws PithError `PITH_ARG` what is no condition, with its place
 */
export function parseWhere(where: unknown, depth = 0): Filter {
  if (typeof where !== 'object' || where === null || Array.isArray(where)) throw wrong('where', where, 'an object')
  if (depth > MAX_DEPTH) throw new PithError('PITH_ARG', `conditions nest more than ${MAX_DEPTH} levels`)
  const list = (name: string, value: unknown): Filter[] => {
    if (!Array.isArray(value)) throw wrong(name, value, 'a list of conditions')
    return value.map((item) => parseWhere(item, depth + 1))
  }
  const of = Object.entries(where)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]): Filter => {
      if (name === 'and') return { kind: 'all', of: list(name, value) }
      if (name === 'or') return { kind: 'any', of: list(name, value) }
      if (name === 'not') return { kind: 'not', of: parseWhere(value, depth + 1) }
      if (name !== 'field') return { kind: 'field', name, test: parseCondition(name, value) }
      if (!Array.isArray(value) || value.length !== 2 || typeof value[0] !== 'string') {
        throw wrong(name, value, 'a name and a condition')
      }
      return { kind: 'field', name: value[0], test: parseCondition(value[0], value[1]) }
    })
  return of.length === 1 ? of[0] : { kind: 'all', of }
}

function parseCondition(name: string, value: unknown): Condition {
  if (isValue(value)) return { eq: value }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrong(name, value, 'a value or {eq, ne, in, gt, gte, lt, lte, exists}')
  }
  const entries = Object.entries(value)
  if (entries.length === 0) throw wrong(name, value, 'a value or {eq, ne, in, gt, gte, lt, lte, exists}')
  for (const [key, operand] of entries) {
    const place = `${name}.${key}`
    if (key === 'eq' || key === 'ne') {
      if (!isValue(operand)) throw wrong(place, operand, 'a text, finite number or boolean')
    } else if (key === 'in') {
      if (!Array.isArray(operand) || !operand.every(isValue)) throw wrong(place, operand, 'a list of values')
    } else if (key === 'exists') {
      if (typeof operand !== 'boolean') throw wrong(place, operand, 'true or false')
    } else if ((BOUNDS as readonly string[]).includes(key)) {
      if (!isValue(operand) || typeof operand === 'boolean') throw wrong(place, operand, 'a number or a text')
    } else {
      throw new PithError('PITH_ARG', `${place} is no condition`, { hint: 'Use eq, ne, in, gt, gte, lt, lte, exists.' })
    }
  }
  return value as Condition
}

function isValue(value: unknown): value is WhereValue {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
}

function wrong(place: string, value: unknown, expected: string): PithError {
  const shown = JSON.stringify(value)?.slice(0, 80)
  return new PithError('PITH_ARG', `${place} must be ${expected}, got ${shown ?? typeof value}`)
}

/** Names of the fields that a condition asks for. */
export function fieldsOf(filter: Filter): string[] {
  if (filter.kind === 'field') return [filter.name]
  return filter.kind === 'not' ? fieldsOf(filter.of) : filter.of.flatMap(fieldsOf)
}

/** The rows of a segment for which a condition holds. A field that no document has fulfils nothing but `ne` and `exists: false`. */
export async function evaluate(filter: Filter, columns: Columns, rows: number, run?: Run): Promise<RowFilter> {
  if (filter.kind === 'field') return evaluateField(filter.name, filter.test, columns, rows, run)
  if (filter.kind === 'not') return allBut(await evaluate(filter.of, columns, rows, run), rows)
  const parts = await Promise.all(filter.of.map((part) => evaluate(part, columns, rows, run)))
  const start = filterRows(rows, () => filter.kind === 'all')
  return parts.reduce(filter.kind === 'all' ? bothKeep : eitherKeeps, start)
}

async function evaluateField(
  name: string,
  test: Condition,
  columns: Columns,
  rows: number,
  run?: Run,
): Promise<RowFilter> {
  const [numbers, keys] = await Promise.all([columns.numbers(name, run), columns.keys(name, run)])
  const equal = (values: readonly WhereValue[]): RowFilter => {
    const wanted = new Set(values.filter((value) => typeof value === 'number').map((value) => value + 0))
    const lists: Uint32Array[] = []
    for (const value of wanted) {
      if (numbers === undefined) continue
      lists.push(
        numbers.rows.subarray(firstAbove(numbers.values, value, false), firstAbove(numbers.values, value, true)),
      )
    }
    for (const value of values) {
      if (typeof value === 'number' || keys === undefined) continue
      const place = firstKey(keys.keys, keyOf(value))
      if (keys.keys[place] === keyOf(value)) lists.push(keys.rowsOf(place))
    }
    return filterOfRows(rows, lists)
  }
  const within = (bounds: Partial<Record<(typeof BOUNDS)[number], number | string>>): RowFilter => {
    const given = BOUNDS.flatMap((bound) => bounds[bound] ?? [])
    const lists: Uint32Array[] = []
    if (numbers !== undefined && given.every((bound) => typeof bound === 'number')) {
      const { gt, gte, lt, lte } = bounds as Record<string, number | undefined>
      const from = Math.max(
        gt === undefined ? 0 : firstAbove(numbers.values, gt, true),
        gte === undefined ? 0 : firstAbove(numbers.values, gte, false),
      )
      const to = Math.min(
        lt === undefined ? numbers.values.length : firstAbove(numbers.values, lt, false),
        lte === undefined ? numbers.values.length : firstAbove(numbers.values, lte, true),
      )
      if (from < to) lists.push(numbers.rows.subarray(from, to))
    }
    if (keys !== undefined && given.every((bound) => typeof bound === 'string')) {
      const { gt, gte, lt, lte } = bounds as Record<string, string | undefined>
      for (const [i, key] of keys.keys.entries()) {
        const value = valueOfKey(key)
        if (typeof value !== 'string') continue
        if (gt !== undefined && compareText(value, gt) <= 0) continue
        if (gte !== undefined && compareText(value, gte) < 0) continue
        if (lt !== undefined && compareText(value, lt) >= 0) continue
        if (lte !== undefined && compareText(value, lte) > 0) continue
        lists.push(keys.rowsOf(i))
      }
    }
    return filterOfRows(rows, lists)
  }
  const exists = (): RowFilter => {
    const lists = keys === undefined ? [] : keys.keys.map((_, i) => keys.rowsOf(i))
    return filterOfRows(rows, numbers === undefined ? lists : [numbers.rows, ...lists])
  }

  const parts: RowFilter[] = []
  if (test.eq !== undefined) parts.push(equal([test.eq]))
  if (test.ne !== undefined) parts.push(allBut(equal([test.ne]), rows))
  if (test.in !== undefined) parts.push(equal(test.in))
  if (BOUNDS.some((bound) => test[bound] !== undefined)) parts.push(within(test))
  if (test.exists !== undefined) parts.push(test.exists ? exists() : allBut(exists(), rows))
  return parts.reduce(bothKeep)
}

/** Place of the first number at or above `value`; with `after`, above it. */
function firstAbove(values: Float64Array, value: number, after: boolean): number {
  let [least, most] = [0, values.length]
  while (least < most) {
    const middle = (least + most) >> 1
    if (values[middle] < value || (after && values[middle] === value)) least = middle + 1
    else most = middle
  }
  return least
}

function firstKey(keys: readonly string[], key: string): number {
  let [least, most] = [0, keys.length]
  while (least < most) {
    const middle = (least + most) >> 1
    if (compareText(keys[middle], key) < 0) least = middle + 1
    else most = middle
  }
  return least
}
