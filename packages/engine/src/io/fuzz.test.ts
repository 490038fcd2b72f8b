import { expect, test } from 'vitest'
import { FUZZ_TARGETS, fuzz } from '../../test/io/fuzz.ts'

test.each(FUZZ_TARGETS)('400 mutated files for $name give a value or a typed error', async (target) => {
  const { values, errors } = await fuzz(target, 400)
  expect(values + errors).toBe(400)
  expect(errors).toBeGreaterThan(50)
})
