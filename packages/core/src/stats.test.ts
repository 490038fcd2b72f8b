import { expect, test } from 'vitest'
import { Random } from './random.ts'
import {
  bootstrapMean,
  mcnemarExact,
  mean,
  median,
  pairedBootstrap,
  quantile,
  standardDeviation,
  wilsonInterval,
} from './stats.ts'

test('mean survives large cancelling values', () => {
  expect(mean([1e16, 1, -1e16, 1])).toBe(0.5)
  expect(() => mean([])).toThrow(expect.objectContaining({ code: 'PITH_SHAPE' }))
})

test('median and quantiles of type 7', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 2, 3])).toBe(2.5)
  // quantile(c(15, 20, 35, 40, 50), c(.05, .4)) in R.
  expect(quantile([15, 20, 35, 40, 50], 0.05)).toBeCloseTo(16, 12)
  expect(quantile([50, 40, 35, 20, 15], 0.4)).toBeCloseTo(29, 12)
  expect(quantile([7], 1)).toBe(7)
  expect(() => quantile([1], 1.1)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
})

test('quantile does not change its input', () => {
  const values = Float64Array.of(3, 1, 2)
  quantile(values, 0.5)
  expect([...values]).toEqual([3, 1, 2])
})

test('standard deviation of a sample', () => {
  expect(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(Math.sqrt(32 / 7), 12)
  expect(standardDeviation([5])).toBe(0)
})

// Brown, Cai and DasGupta 2001 and R's prop.test(correct = FALSE).
test.each([
  [5, 10, 0.2365931, 0.7634069],
  [0, 10, 0, 0.2775328],
  [10, 10, 0.7224672, 1],
  [81, 263, 0.2552848, 0.3662082],
])('Wilson interval of %i in %i', (successes, n, low, high) => {
  const { interval } = wilsonInterval(successes, n)
  expect(interval[0]).toBeCloseTo(low, 4)
  expect(interval[1]).toBeCloseTo(high, 4)
})

test.each([
  // 2 * pbinom(min(b, c), b + c, 0.5) in R.
  [0, 0, 1],
  [5, 5, 1],
  [1, 9, 0.021484375],
  [9, 1, 0.021484375],
  [0, 8, 0.0078125],
  [10, 25, 0.01669],
])('McNemar exact of %i and %i', (ours, theirs, p) => {
  expect(mcnemarExact(ours, theirs)).toBeCloseTo(p, 4)
})

test('McNemar with thousands of pairs neither overflows nor vanishes', () => {
  // The normal approximation with continuity correction: z = 199 / sqrt(20000), p = 0.1594.
  expect(mcnemarExact(9900, 10_100)).toBeCloseTo(0.1594, 3)
})

test('the paired interval covers the true difference as often as it says', () => {
  const random = new Random(11)
  let covered = 0
  for (let trial = 0; trial < 100; trial++) {
    const theirs = Array.from({ length: 40 }, () => random.normal() * 3)
    const ours = theirs.map((value) => value + 0.5 + random.normal())
    const { interval, value, n } = pairedBootstrap(ours, theirs, { resamples: 300, seed: trial })
    expect(n).toBe(40)
    expect(interval[0] <= value && value <= interval[1]).toBe(true)
    if (interval[0] <= 0.5 && 0.5 <= interval[1]) covered++
  }
  expect(covered).toBeGreaterThanOrEqual(86)
  expect(covered).toBeLessThanOrEqual(100)
})

test('a bootstrap is fixed by its seed', () => {
  const values = [1, 5, 2, 8, 3]
  expect(bootstrapMean(values, { seed: 4 })).toEqual(bootstrapMean(values, { seed: 4 }))
  expect(bootstrapMean(values, { seed: 4 }).interval).not.toEqual(bootstrapMean(values, { seed: 5 }).interval)
  expect(() => pairedBootstrap([1], [1, 2])).toThrow(expect.objectContaining({ code: 'PITH_SHAPE' }))
})
