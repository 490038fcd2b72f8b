import { expect, test } from 'vitest'
import { checkLimit, LIMITS, resolveLimits } from './limits.ts'

test('presets rise from restrictive to unlimited in every limit', () => {
  for (const key of ['outputBytes', 'memoryBytes', 'sections', 'depth'] as const) {
    expect(LIMITS.restrictive[key]).toBeLessThan(LIMITS.default[key])
    expect(LIMITS.default[key]).toBeLessThan(LIMITS.unlimited[key])
  }
})

test('single limits stand over a preset', () => {
  expect(resolveLimits()).toEqual(LIMITS.default)
  expect(resolveLimits('restrictive')).toEqual(LIMITS.restrictive)
  expect(resolveLimits({ depth: 2 })).toEqual({ ...LIMITS.default, depth: 2 })
  expect(resolveLimits({ depth: 2 }, 'restrictive')).toEqual({ ...LIMITS.restrictive, depth: 2 })
  expect(resolveLimits({ outputBytes: Number.POSITIVE_INFINITY }).outputBytes).toBe(Number.MAX_SAFE_INTEGER)
})

test('resolved limits are a copy', () => {
  const limits = resolveLimits('default')
  limits.depth = 1
  expect(resolveLimits('default').depth).toBe(LIMITS.default.depth)
})

test.each([{ depth: -1 }, { depth: 1.5 }, { depth: Number.NaN }, { outputSize: 1 }, 'generous', 'toString'])(
  '%j is refused',
  (limits) => {
    expect(() => resolveLimits(limits as never)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  },
)

test('a value above its limit is a PITH_LIMIT that names the limit', () => {
  checkLimit(LIMITS.default, 'depth', LIMITS.default.depth, 'the entry')
  expect(() => checkLimit(LIMITS.default, 'depth', LIMITS.default.depth + 1, 'the entry')).toThrow(
    expect.objectContaining({ code: 'PITH_LIMIT', hint: expect.stringContaining('depth') }),
  )
})
