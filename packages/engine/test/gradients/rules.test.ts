import { describe, expect, it } from 'vitest'
import { checkGradientCases } from '../../src/autodiff/check.ts'
import { CASES } from './all-cases.ts'

describe('gradients agree with finite differences', () => {
  for (const [name, cases] of Object.entries(CASES)) {
    it(`of ${name}`, async () => {
      const errors = await checkGradientCases(cases)
      expect(Math.max(...errors.map(({ error }) => error))).toBeLessThanOrEqual(5e-3)
    })
  }
})
