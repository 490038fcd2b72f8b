import { expect, test } from 'vitest'
import { exponent, geometricMean, inParallel, interleave, median, quantile, spread } from './statistics.ts'

test('quantiles interpolate between neighbours', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(quantile([0, 10], 0.25)).toBe(2.5)
  expect(spread([10, 10, 10])).toBe(0)
})

test('a geometric mean of a ratio and its inverse is one', () => {
  expect(geometricMean([4, 0.25])).toBeCloseTo(1, 12)
})

test('the exponent of a power law is its power', () => {
  const points = [1, 2, 4, 8].map((x) => [x, 3 * x ** 1.5] as const)
  expect(exponent(points)).toBeCloseTo(1.5, 12)
})

test('contenders take turns', async () => {
  const order: string[] = []
  const turn = (name: string) => async () => order.push(name)
  await interleave({ a: turn('a'), b: turn('b') }, 2)
  expect(order).toEqual(['a', 'b', 'a', 'b'])
})

test('parallel tasks keep their order and their number', async () => {
  let running = 0
  let most = 0
  const task = (value: number) => async () => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setTimeout(resolve, 5 - value))
    running--
    return value
  }
  expect(await inParallel([0, 1, 2, 3, 4].map(task), 2)).toEqual([0, 1, 2, 3, 4])
  expect(most).toBe(2)
})
