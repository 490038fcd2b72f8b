import { Random } from '@pith/core'
import { expect, test } from 'vitest'
import { bruteForce, randomRows } from '../../test/sparse-rows.ts'
import { MaxScoreIndex, rowsOf, SparseIndex, sparseRow } from '../sparse/index.ts'
import { buildSeismic } from './index.ts'

test('a thousand random sets: all exact searches find what looking at each row does', async () => {
  for (let seed = 0; seed < 1000; seed++) {
    const random = new Random(seed)
    const dim = [1, 3, 40, 700, 70_000][seed % 5] as number
    const plain = randomRows({
      rows: 1 + random.integer(120),
      dim,
      most: random.integer(80),
      seed,
      topics: 1 + (seed % 4),
    })
    const few = seed % 3 === 0 ? 2 : 255
    // Codes of 8 bits as they are.
    const values = plain.values.map(() => 1 + random.integer(few))
    if (values.length > 0) values[0] = 255
    const matrix = { ...plain, values }
    const target = seed % 2 === 0 ? 'wasm' : 'twin'
    const exact = new SparseIndex(matrix, { target })
    const maxScore = new MaxScoreIndex(matrix)
    const index = await buildSeismic(matrix, { keep: 1, maxFraction: 1e9, energy: 1, seed })
    for (let i = 0; i < 3; i++) {
      const { indices } = sparseRow(plain, random.integer(rowsOf(plain)))
      const query = { indices, values: Array.from(indices, (_, at) => (at === 0 ? 255 : 1 + random.integer(few))) }
      const k = 1 + random.integer(20)
      const expected = bruteForce(matrix, query, k)
      expect(exact.search(query, k)).toEqual(expected)
      expect(maxScore.search(query, k)).toEqual(expected)
      expect(index.search(query, k, { exact: true })).toMatchObject(expected)
      expect(index.search(query, k, { cut: 65535, heapFactor: 0, headFactor: 0 })).toMatchObject(expected)
    }
  }
}, 60_000)
