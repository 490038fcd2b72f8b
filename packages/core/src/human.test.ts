import { expect, test } from 'vitest'
import { formatBinaryBytes, formatBytes, formatCount, formatDuration, formatRatio, formatShare } from './human.ts'
import { formatReport, makeReport } from './report.ts'

test.each([
  [0, '0 B', '0 B'],
  [999, '999 B', '999 B'],
  [1000, '1.00 kB', '1000 B'],
  [1024, '1.02 kB', '1.00 KiB'],
  [999_999, '1.00 MB', '977 KiB'],
  [1_048_576, '1.05 MB', '1.00 MiB'],
  [12_345_678, '12.3 MB', '11.8 MiB'],
  [5e15, '5.00 PB', '4.44 PiB'],
  [-1500, '-1.50 kB', '-1.46 KiB'],
])('%i bytes', (bytes, decimal, binary) => {
  expect(formatBytes(bytes)).toBe(decimal)
  expect(formatBinaryBytes(bytes)).toBe(binary)
})

test.each([
  [0, '0 ms'],
  [0.1234, '0.12 ms'],
  [320.4, '320 ms'],
  [999.6, '1.00 s'],
  [4213, '4.21 s'],
  [59_960, '1 min 00 s'],
  [185_000, '3 min 05 s'],
  [3_599_600, '1 h 00 min'],
  [7_800_000, '2 h 10 min'],
  [Number.NaN, '-'],
])('%f ms', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})

test('ratios, shares and counts', () => {
  expect([1, 12.44, 99.97, 123.6, Number.NaN].map(formatRatio)).toEqual(['1.00x', '12.4x', '100x', '124x', '-'])
  expect(formatShare(0.4812)).toBe('48.1 %')
  expect([0, 999, 1000, 12345678].map(formatCount)).toEqual(['0', '999', '1,000', '12,345,678'])
})

test('a report has its ratio and reads as one line', () => {
  const report = makeReport({
    codec: 'logzip',
    bytesIn: 12_500_000,
    bytesOut: 800_000,
    quality: { psnr: { value: 38.123, unit: 'dB', interval: [37.9, 38.34567] } },
    startedAt: performance.now(),
  })
  expect(report.ratio).toBe(15.625)
  expect(formatReport({ ...report, ms: 1200 })).toBe(
    'logzip: 12.5 MB -> 800 kB, 15.6x, psnr 38.12 dB [37.9, 38.35], 1.20 s',
  )
  expect(makeReport({ codec: 'x', bytesIn: 0, bytesOut: 0, startedAt: 0 }).ratio).toBe(1)
  expect(() => makeReport({ codec: 'x', bytesIn: -1, bytesOut: 0, startedAt: 0 })).toThrow(
    expect.objectContaining({ code: 'PITH_INTERNAL' }),
  )
})
