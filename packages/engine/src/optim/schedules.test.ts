import { expect, test } from 'vitest'
import { type Schedule, schedules } from './index.ts'

const values = (schedule: Schedule, steps: readonly number[]): number[] => steps.map(schedule)

test('constant: a rise over the warm-up, then the peak', () => {
  expect(values(schedules.constant({ lr: 8, warmup: 4 }), [0, 1, 2, 3, 4, 1000])).toEqual([2, 4, 6, 8, 8, 8])
  expect(values(schedules.constant({ lr: 8 }), [0, 1])).toEqual([8, 8])
})

test('cosine: peak, middle and end', () => {
  const schedule = schedules.cosine({ lr: 10, warmup: 2, total: 10, min: 2 })
  expect(values(schedule, [0, 1, 2, 10, 99])).toEqual([5, 10, 10, 2, 2])
  expect(schedule(6)).toBeCloseTo(6, 12)
  expect(schedule(4)).toBeCloseTo(6 + 4 * Math.SQRT1_2, 12)
})

test('linear: a straight line to the end', () => {
  expect(values(schedules.linear({ lr: 8, total: 4 }), [0, 1, 2, 3, 4, 5])).toEqual([8, 6, 4, 2, 0, 0])
  expect(values(schedules.linear({ lr: 8, warmup: 2, total: 6, min: 4 }), [0, 1, 2, 3, 4, 6])).toEqual([
    4, 8, 8, 7, 6, 4,
  ])
})

test('warm-up, stable, decay', () => {
  const schedule = schedules.wsd({ lr: 4, warmup: 2, total: 10, decay: 4 })
  expect(values(schedule, [0, 1, 2, 5, 6, 7, 8, 9, 10, 11])).toEqual([2, 4, 4, 4, 4, 3, 2, 1, 0, 0])
})

test('step: at listed updates, or at every so many', () => {
  expect(values(schedules.step({ lr: 8, factor: 0.5, at: [2, 5] }), [0, 1, 2, 4, 5, 9])).toEqual([8, 8, 4, 4, 2, 2])
  expect(values(schedules.step({ lr: 8, factor: 0.5, every: 3 }), [0, 2, 3, 6])).toEqual([8, 8, 4, 2])
  expect(schedules.step({ lr: 1, factor: 0.5, every: 1 })(2 ** 40)).toBe(0)
})

test('inverse square root: the peak at the end of the warm-up', () => {
  const schedule = schedules.inverseSqrt({ lr: 6, warmup: 4 })
  expect(values(schedule, [0, 3, 15, 63])).toEqual([1.5, 6, 3, 1.5])
})

test('a number is a constant schedule', () => {
  expect(schedules.asSchedule(3)(17)).toBe(3)
})

test('settings out of range are refused', () => {
  for (const make of [
    () => schedules.constant({ lr: -1 }),
    () => schedules.constant({ lr: Number.NaN }),
    () => schedules.cosine({ lr: 1, warmup: 5, total: 4 }),
    () => schedules.linear({ lr: 1, total: 4, min: 2 }),
    () => schedules.wsd({ lr: 1, warmup: 3, total: 5, decay: 3 }),
    () => schedules.step({ lr: 1, factor: 0, every: 1 }),
    () => schedules.step({ lr: 1, factor: 1, every: 0 }),
  ]) {
    expect(make).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  }
})
