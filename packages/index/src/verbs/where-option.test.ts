import { expect, test } from 'vitest'
import { conditionOf } from './where-option.ts'

test.each([
  ['lang=de', { field: ['lang', { in: ['de'] }] }],
  ['tags=a|b', { field: ['tags', { in: ['a', 'b'] }] }],
  ['year=2020', { field: ['year', { in: ['2020', 2020] }] }],
  ['open!=true', { not: { field: ['open', { in: ['true', true] }] } }],
  ['year>=2020', { field: ['year', { gte: 2020 }] }],
  ['date<2026-01-31', { field: ['date', { lt: '2026-01-31' }] }],
  ['name=a=b', { field: ['name', { in: ['a=b'] }] }],
  ['{"or":[{"lang":"de"},{"year":{"gt":1}}]}', { or: [{ lang: 'de' }, { year: { gt: 1 } }] }],
])('%s', (text, where) => {
  expect(conditionOf(text)).toEqual(where)
})

test.each(['lang', '=de', '{"or":'])('%s is no condition', (text) => {
  expect(() => conditionOf(text)).toThrow(/--where/)
})
