import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { RULES } from '../../src/autodiff/rules/index.ts'
import { BATCH_RULES } from '../../src/batch/index.ts'
import { allOps } from '../../src/ir/registry.ts'
import { operatorRows, renderOperators } from './table.ts'

const names = (isOpen: (row: ReturnType<typeof operatorRows>[number]) => boolean): string[] =>
  operatorRows()
    .filter(isOpen)
    .map(({ name }) => name)

it('gives each operator a gradient with three tests, or a reason why there is none', () => {
  expect(names(({ gradient: { way, tests, reason } }) => (way ? tests < 3 : reason === undefined))).toEqual([])
})

it('gives each operator a batch that is tested, or a reason why there is none', () => {
  expect(names(({ batch: { way, tests, reason } }) => (way ? tests < 1 : reason === undefined))).toEqual([])
})

it('has no rule for an operator that is not known', () => {
  const known = new Set(allOps().map(({ domain = '', name }) => `${domain}:${name}`))
  const rules = [...Object.keys(RULES), ...Object.keys(BATCH_RULES)]
  expect(rules.filter((key) => !known.has(key))).toEqual([])
})

it('is what the documents show', () => {
  const shown = readFileSync(new URL('../../../../docs/operators.md', import.meta.url), 'utf8')
  expect(shown).toBe(renderOperators())
})
