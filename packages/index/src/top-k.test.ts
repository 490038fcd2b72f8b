import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TopK } from './top-k.ts'

test('the best rows come out in order, ties by row', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 200 }),
      fc.integer({ min: 1, max: 30 }),
      fc.boolean(),
      (scores, k, backwards) => {
        const rows = scores.map((score, id) => ({ id, score }))
        const top = new TopK(k)
        for (const { id, score } of backwards ? [...rows].reverse() : rows) top.push(id, score)
        const best = [...rows].sort((a, b) => b.score - a.score || a.id - b.id).slice(0, k)
        expect(top.least).toBe(rows.length < k ? Number.NEGATIVE_INFINITY : best.at(-1)?.score)
        const { ids, scores: found } = top.take()
        expect([...ids]).toEqual(best.map(({ id }) => id))
        expect([...found]).toEqual(best.map(({ score }) => score))
        expect(top.size).toBe(0)
      },
    ),
  )
})

test('k out of range is refused', () => {
  for (const k of [0, -1, 1.5, Number.NaN, 2 ** 25]) expect(() => new TopK(k)).toThrow(/k must be/)
})
