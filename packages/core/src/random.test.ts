import fc from 'fast-check'
import { expect, test } from 'vitest'
import { portableLog, Random, threefry2x32 } from './random.ts'

// Known answers of the Random123 distribution (kat_vectors, threefry2x32 20).
test.each([
  [0, 0, 0, 0, 0x6b200159, 0x99ba4efe],
  [-1, -1, -1, -1, 0x1cb996fc, 0xbb002be7],
  [0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3, 0xc4923a9c, 0x483df7a0],
])('threefry-2x32-20 with key %i %i and counter %i %i', (key0, key1, counter0, counter1, first, second) => {
  const out = new Uint32Array(2)
  threefry2x32(key0, key1, counter0, counter1, out)
  expect([...out]).toEqual([first, second])
})

const draw = (random: Random, n: number): number[] => Array.from({ length: n }, () => random.u32())

test('draws are the blocks of the counter', () => {
  expect(draw(new Random(0), 4)).toEqual([0x6b200159, 0x99ba4efe, ...block(0, 0, 1, 0)])
  expect(draw(new Random(2 ** 32 * 5 + 7), 2)).toEqual(block(7, 5, 0, 0))
})

function block(key0: number, key1: number, counter0: number, counter1: number): number[] {
  const out = new Uint32Array(2)
  threefry2x32(key0, key1, counter0, counter1, out)
  return [...out]
}

test('the same seed gives the same draws, another one others', () => {
  expect(draw(new Random(42), 10)).toEqual(draw(new Random(42), 10))
  expect(draw(new Random(42), 10)).not.toEqual(draw(new Random(43), 10))
  expect(() => new Random(-1)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  expect(() => new Random(0.5)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
})

test('a split does not depend on what was drawn, and differs from its parent and siblings', () => {
  const random = new Random(1)
  const before = draw(random.split(3), 5)
  draw(random, 17)
  expect(draw(random.split(3), 5)).toEqual(before)
  const streams = [draw(new Random(1), 5), before, draw(random.split(4), 5), draw(random.split(3).split(0), 5)]
  expect(new Set(streams.map(String)).size).toBe(4)
})

test('integers lie within their bound and reach all of it', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.integer({ min: 1, max: 100 }),
        fc.maxSafeNat().map((n) => Math.max(1, n)),
      ),
      (bound) => {
        const random = new Random(bound % 1000)
        for (let i = 0; i < 20; i++) {
          const value = random.integer(bound)
          expect(Number.isSafeInteger(value) && value >= 0 && value < bound).toBe(true)
        }
      },
    ),
  )
  const counts = new Array(7).fill(0)
  const random = new Random(5)
  for (let i = 0; i < 7000; i++) counts[random.integer(7)]++
  // Chi-square with 6 degrees of freedom: 22.5 is passed by one seed in a thousand.
  expect(counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(22.5)
  expect(() => random.integer(0)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
})

test('uniform draws have the moments of [0, 1), normal ones those of the standard normal', () => {
  const random = new Random(9)
  const n = 20_000
  const moments = (next: () => number): number[] => {
    const sums = [0, 0, 0, 0]
    for (let i = 0; i < n; i++) {
      const value = next()
      for (let k = 0; k < 4; k++) sums[k] += value ** (k + 1) / n
    }
    return sums
  }
  const uniform = moments(() => random.uniform())
  for (let k = 0; k < 4; k++) expect(uniform[k]).toBeCloseTo(1 / (k + 2), 1.9)
  const normal = moments(() => random.normal())
  for (const [k, want] of [0, 1, 0, 3].entries()) expect(Math.abs(normal[k] - want)).toBeLessThan(0.12)
})

test('normal draws are fixed to the bit', () => {
  const random = new Random(2024)
  const bits = new BigUint64Array(Float64Array.from({ length: 4 }, () => random.normal()).buffer)
  expect([...bits].map((word) => word.toString(16))).toMatchInlineSnapshot(`
    [
      "3ff888571f95214e",
      "3fef12f155e4fbcc",
      "bfd1491dddd2cdf3",
      "bfe8fad3bc032481",
    ]
  `)
})

test('the portable logarithm agrees with the platform to a few units in the last place', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), (value) => {
      const want = Math.log(value)
      expect(Math.abs(portableLog(value) - want)).toBeLessThanOrEqual(Math.max(1e-15, 1e-15 * Math.abs(want)))
    }),
  )
})

test('a shuffle keeps the items and is not the identity', () => {
  const list = Array.from({ length: 50 }, (_, i) => i)
  const shuffled = new Random(3).shuffle([...list])
  expect(shuffled).not.toEqual(list)
  expect([...shuffled].sort((a, b) => a - b)).toEqual(list)
  expect(new Random(3).shuffle(Uint8Array.from(list))).toEqual(Uint8Array.from(shuffled))
})
