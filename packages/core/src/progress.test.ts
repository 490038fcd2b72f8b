import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { meterProgress } from './progress.ts'
import type { Progress } from './run.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test('starts at 0, ends at the total, never falls, and stays within 20 reports a second', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(150), fc.nat(90)), { maxLength: 200 }),
      fc.option(fc.nat(150), { nil: undefined }),
      (steps, total) => {
        const reports: (Progress & { at: number })[] = []
        const meter = meterProgress(
          { onProgress: (progress) => reports.push({ ...progress, at: performance.now() }) },
          { stage: 'encode', unit: 'bytes', ...(total === undefined ? {} : { total }) },
        )
        for (const [done, pause] of steps) {
          vi.advanceTimersByTime(pause)
          meter.update(done)
        }
        meter.finish()
        meter.update(1000)
        meter.finish()
        const last = reports.at(-1)
        expect(reports[0].done).toBe(0)
        expect(last?.done).toBe(last?.total)
        if (total !== undefined) expect(last?.done).toBe(total)
        for (let i = 1; i < reports.length; i++) expect(reports[i].done).toBeGreaterThanOrEqual(reports[i - 1].done)
        for (const first of reports) {
          const within = reports.filter(({ at }) => at >= first.at && at < first.at + 1000)
          expect(within.length).toBeLessThanOrEqual(20)
        }
      },
    ),
  )
})

test('what the callback throws goes to the caller', () => {
  const failure = new Error('no')
  expect(() =>
    meterProgress(
      {
        onProgress: () => {
          throw failure
        },
      },
      { stage: 'encode', unit: 'rows' },
    ),
  ).toThrow(failure)
})

test('without a listener nothing happens', () => {
  const meter = meterProgress(undefined, { stage: 'encode', unit: 'rows' })
  meter.update(3)
  meter.finish()
  expect(meterProgress({}, { stage: 'other', unit: 'rows' })).toBe(meter)
})
