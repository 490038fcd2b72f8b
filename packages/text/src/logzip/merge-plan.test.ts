import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mergeFrom, worthMerging } from './merge-plan.ts'

/** Pieces after pieces of these sizes came in, and how many bytes were coded for them. */
function grow(sizes: readonly number[]): { pieces: number[]; coded: number; most: number } {
  let pieces: number[] = []
  let coded = 0
  let most = 0
  for (const size of sizes) {
    pieces.push(size)
    const from = mergeFrom(pieces)
    const merged = pieces.slice(from).reduce((sum, piece) => sum + piece, 0)
    pieces = [...pieces.slice(0, from), merged]
    coded += merged
    most = Math.max(most, pieces.length)
  }
  return { pieces, coded, most }
}

test.each([1, 100, 2350, 30_000, 300_000])(
  'pieces of %i bytes stay few, and each byte is coded a few times',
  (size) => {
    const { pieces, coded, most } = grow(new Array<number>(4000).fill(size))
    const total = 4000 * size
    expect(pieces.reduce((sum, piece) => sum + piece, 0)).toBe(total)
    expect(most).toBeLessThan(100)
    expect(coded).toBeLessThan(14 * total)
  },
)

test('no order of sizes makes many pieces or much work', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 500_000 }), { minLength: 1, maxLength: 400 }), (sizes) => {
      const { coded, most } = grow(sizes)
      expect(most).toBeLessThan(100)
      expect(coded).toBeLessThan(14 * sizes.reduce((sum, size) => sum + size, 0))
    }),
  )
})

test('a piece alone stays as it is', () => {
  expect(mergeFrom([5])).toBe(0)
  expect(mergeFrom([1000, 5])).toBe(1)
  expect([worthMerging([5]), worthMerging([1000, 5]), worthMerging([1000, 100, 100])]).toEqual([false, false, true])
})
