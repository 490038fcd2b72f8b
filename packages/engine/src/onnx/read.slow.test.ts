import { equalBytes, isPithError, Random } from '@pith/core'
import { expect, test } from 'vitest'
import { fromModel } from './import.ts'
import { readModel } from './read.ts'
import { damaged, seedModels } from './testing/seed-models.ts'
import { writeModel } from './write.ts'

const ROUNDS = 20_000
const HEAP_BYTES = 64 * 2 ** 20

test('20,000 mutated files are models or typed errors, in bounded memory', () => {
  const random = new Random(4)
  const seeds = seedModels().map(writeModel)
  let models = 0
  let graphs = 0
  let grown = 0
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = damaged(seeds[(round >> 1) % seeds.length] as Uint8Array, round, random)
    const before = process.memoryUsage().heapUsed
    try {
      const changed = readModel(bytes, { check: false })
      models++
      const written = writeModel(changed)
      expect(equalBytes(writeModel(readModel(written, { check: false })), written)).toBe(true)
      fromModel(readModel(bytes))
      graphs++
    } catch (error) {
      if (!isPithError(error)) throw error
      expect(error.code).not.toBe('PITH_INTERNAL')
    }
    grown = Math.max(grown, process.memoryUsage().heapUsed - before)
  }
  expect(models).toBeGreaterThan(ROUNDS / 10)
  expect(graphs).toBeGreaterThan(ROUNDS / 50)
  expect(grown).toBeLessThan(HEAP_BYTES)
})
