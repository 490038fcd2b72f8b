/** Conditions on fields as words of a command line. */
import { type Arguments, PithError } from '@pith/core'
import { allOf, valuesOfText } from '../serve/requests.ts'
import { type Condition, parseWhere, type Where } from '../store/where.ts'

const BOUNDS: Readonly<Record<string, keyof Condition>> = { '>': 'gt', '>=': 'gte', '<': 'lt', '<=': 'lte' }

/** What all `--where` together ask for. @throws PithError `PITH_ARG` one that is no condition */
export function whereOf(args: Arguments): Where | undefined {
  const where = allOf(args.values('where').map(conditionOf))
  if (where !== undefined) parseWhere(where)
  return where
}

/** A condition such as `lang=de`, `tags=a|b`, `lang!=de`, `year>=2020`, or JSON. @throws PithError `PITH_ARG` */
export function conditionOf(text: string): Where {
  if (text.trimStart().startsWith('{')) {
    try {
      return JSON.parse(text) as Where
    } catch (cause) {
      throw new PithError('PITH_ARG', `--where is no JSON: ${text.slice(0, 80)}`, { cause })
    }
  }
  const [, name, operator, value] = /^([^=!<>]+)(!=|>=|<=|=|<|>)([\s\S]*)$/.exec(text) ?? []
  if (name === undefined || operator === undefined || value === undefined) {
    throw new PithError('PITH_ARG', `--where must be such as lang=de or year>=2020, got ${text.slice(0, 80)}`)
  }
  const bound = BOUNDS[operator]
  if (bound !== undefined) {
    const number = value.trim() === '' ? Number.NaN : Number(value)
    return { field: [name, { [bound]: Number.isFinite(number) ? number : value }] }
  }
  const own: Where = { field: [name, { in: value.split('|').flatMap(valuesOfText) }] }
  return operator === '=' ? own : { not: own }
}
