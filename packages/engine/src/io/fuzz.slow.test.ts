import { expect, test } from 'vitest'
import { FUZZ_TARGETS, fuzz } from '../../test/io/fuzz.ts'

test.each(FUZZ_TARGETS)('20,000 mutated files for $name give a value or a typed error', async (target) => {
  const { values, errors } = await fuzz(target, 20_000)
  expect(values + errors).toBe(20_000)
  expect(errors).toBeGreaterThan(2_000)
})
