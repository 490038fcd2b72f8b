import { describe, expect, it } from 'vitest'
import { checkGradientCases } from '../../src/autodiff/check.ts'
import { wayOf } from '../../src/autodiff/rule-of.ts'
import { RULES } from '../../src/autodiff/rules/index.ts'
import { allOps } from '../../src/ir/registry.ts'
import { ELEMENTWISE_CASES } from './elementwise-cases.ts'
import type { Cases } from './inputs.ts'
import { MOVEMENT_CASES } from './movement-cases.ts'
import { NETWORK_CASES } from './network-cases.ts'
import { SEQUENCE_CASES } from './sequence-cases.ts'

const CASES: Cases = { ...ELEMENTWISE_CASES, ...MOVEMENT_CASES, ...NETWORK_CASES, ...SEQUENCE_CASES }

describe('gradients agree with finite differences', () => {
  for (const [name, cases] of Object.entries(CASES)) {
    it(`of ${name}`, async () => {
      const errors = await checkGradientCases(cases)
      expect(Math.max(...errors.map(({ error }) => error))).toBeLessThanOrEqual(5e-3)
    })
  }
})

describe('the table of operators', () => {
  const ops = allOps().map((def) => ({ key: `${def.domain ?? ''}:${def.name}`, def }))

  it('gives each operator a rule, simpler operators or a reason why there is no gradient', () => {
    const open = ops.filter(({ def }) => {
      const way = wayOf({ domain: def.domain ?? '', op: def.name, def })
      return 'reason' in way && way.reason === undefined
    })
    expect(open.map(({ key }) => key)).toEqual([])
  })

  it('has three or more checks for each rule', () => {
    const untested = ops.filter(({ key, def }) => {
      const way = wayOf({ domain: def.domain ?? '', op: def.name, def })
      return !('reason' in way) && (CASES[key]?.length ?? 0) < 3
    })
    expect(untested.map(({ key }) => key)).toEqual([])
  })

  it('has no rule for an operator that is not known', () => {
    const known = new Set(ops.map(({ key }) => key))
    expect(Object.keys(RULES).filter((key) => !known.has(key))).toEqual([])
  })
})
