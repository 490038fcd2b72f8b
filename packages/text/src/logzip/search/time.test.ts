import { isPithError } from '@pith/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTime, parseTimeRange } from './time.ts'

const NOW = Date.UTC(2024, 4, 1, 12)
const at = (text: string): string => {
  const { ms, zoned } = parseTime(text, NOW)
  return new Date(ms).toISOString() + (zoned ? '' : ' local')
}
const isRefused = (run: () => unknown): boolean => {
  try {
    run()
    return false
  } catch (error) {
    return isPithError(error, 'PITH_ARG') && error.hint !== undefined
  }
}

describe('parseTime', () => {
  it.each([
    ['2015-07-29', '2015-07-29T00:00:00.000Z local'],
    ['2015-07-29T17:41', '2015-07-29T17:41:00.000Z local'],
    ['2015-07-29 17:41:44,747', '2015-07-29T17:41:44.747Z local'],
    ['2015-07-29T17:41:44.123456789', '2015-07-29T17:41:44.123Z local'],
    ['2015-07-29T17:41:44Z', '2015-07-29T17:41:44.000Z'],
    ['2015-07-29T17:41:44.5+02:00', '2015-07-29T15:41:44.500Z'],
    ['2015-07-29 17:41:44 -0130', '2015-07-29T19:11:44.000Z'],
    ['20150729T174144Z', '2015-07-29T17:41:44.000Z'],
    ['20150729', '2015-07-29T00:00:00.000Z local'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z local'],
    ['0000-02-29', '0000-02-29T00:00:00.000Z local'],
    [' now ', '2024-05-01T12:00:00.000Z'],
    ['2h', '2024-05-01T10:00:00.000Z'],
    ['30m', '2024-05-01T11:30:00.000Z'],
    ['3d', '2024-04-28T12:00:00.000Z'],
    ['-1w', '2024-04-24T12:00:00.000Z'],
    ['1d 12h ago', '2024-04-30T00:00:00.000Z'],
    ['1.5 hours ago', '2024-05-01T10:30:00.000Z'],
    ['90 Seconds', '2024-05-01T11:58:30.000Z'],
    ['1438191704', '2015-07-29T17:41:44.000Z'],
    ['1438191704.5', '2015-07-29T17:41:44.500Z'],
    ['1438191704123', '2015-07-29T17:41:44.123Z'],
    ['@0', '1970-01-01T00:00:00.000Z'],
    ['@-1.5', '1969-12-31T23:59:58.500Z'],
  ])('reads %s', (text, expected) => {
    expect(at(text)).toBe(expected)
  })

  it.each([
    '',
    'soon',
    '12',
    '2023-02-29',
    '1900-02-29',
    '2015-13-01',
    '2015-00-10',
    '2015-01-00',
    '2015-01-01T24:00:00',
    '2015-01-01T23:59:60',
    '2015-01-01T10:00:00+25:00',
    '5 constructor',
    '1h 2',
    'ago',
    '1 minutess',
    '2015-1-1',
    `${'1a '.repeat(30_000)}!`,
  ])('refuses %j', (text) => {
    expect(isRefused(() => parseTime(text, NOW))).toBe(true)
  })

  it('reads back every time that Date prints', () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }), (ms) => {
        const printed = new Date(ms).toISOString()
        expect(parseTime(printed, 0)).toEqual({ ms, zoned: true })
        expect(parseTime(printed.slice(0, -1), 0)).toEqual({ ms, zoned: false })
      }),
      { numRuns: 500, seed: 1 },
    )
  })
})

describe('parseTimeRange', () => {
  it('leaves out what is not given', () => {
    expect(parseTimeRange(undefined, undefined, NOW)).toEqual({})
    expect(parseTimeRange('2h', undefined, NOW)).toEqual({ since: { ms: NOW - 7_200_000, zoned: true } })
    expect(parseTimeRange('2h', '2h', NOW).until?.ms).toBe(NOW - 7_200_000)
  })

  it('refuses a range that ends before it starts', () => {
    expect(isRefused(() => parseTimeRange('1h', '2h', NOW))).toBe(true)
  })
})
