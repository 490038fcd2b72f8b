import { expect, test } from 'vitest'
import { generateLog } from './generate-log.ts'
import { findTimes } from './measure/log-times.ts'

const LINES = [
  'Jun 30 23:59:58 combo sshd(pam_unix)[19939]: authentication failure; rhost=218.188.2.4 user=root',
  '[Sun Dec 04 04:51:14 2005] [notice] workerEnv.init() ok /etc/httpd/conf/workers2.properties',
  '2015-07-29 19:13:24,282 - WARN session 0x14ede63a5a70004 of blk_38865049064139660',
  '17/Dec/2015:10:05:03 GET /users/550e8400-e29b-41d4-a716-446655440000?v=12 200 203023',
]
const text = new TextEncoder().encode(`${Array.from({ length: 40 }, () => LINES.join('\n')).join('\n')}\n`)

function collect(bytes: number, seed: number, withoutNewlines = false): string {
  let out = ''
  for (const block of generateLog([text], { bytes, seed, withoutNewlines })) out += new TextDecoder().decode(block)
  return out
}

test('the same seed gives the same bytes, and as many as were asked for', () => {
  expect(collect(70_001, 3)).toBe(collect(70_001, 3))
  expect(collect(70_001, 3)).toHaveLength(70_001)
  expect(collect(70_001, 4)).not.toBe(collect(70_001, 3))
})

test('a pass differs from the one before in times and ids, while the words stay', () => {
  const out = collect(200_000, 1)
  expect(new Set(out.match(/blk_\d{17}/g)).size).toBeGreaterThan(10)
  expect(new Set(out.match(/0x[\da-f]{15}/g)).size).toBeGreaterThan(10)
  expect(new Set(out.match(/rhost=[\d.]+/g)).size).toBeGreaterThan(10)
  expect(out).toContain('workerEnv.init() ok')
  expect(out).toContain('?v=12 200 ')
})

test('times of one layout never go back', () => {
  const seconds = collect(200_000, 2)
    .split('\n')
    .filter((line) => line.includes('WARN session'))
    .flatMap((line) => findTimes(line).map((time) => time.seconds))
  expect(seconds.length).toBeGreaterThan(400)
  expect(seconds.every((value, index) => index === 0 || value >= seconds[index - 1]!)).toBe(true)
  expect(new Set(seconds).size).toBeGreaterThan(10)
})

test('without newlines it is one line of the same length', () => {
  const flat = collect(50_000, 1, true)
  expect(flat).not.toContain('\n')
  expect(flat).toBe(collect(50_000, 1).replaceAll('\n', ' '))
})

test('a moved time keeps its layout, over the end of a month and a year', () => {
  const moved = (line: string, by: number) => findTimes(line).map((time) => time.write(time.seconds + by))
  expect(moved('Jun 30 23:59:58 combo', 3)).toEqual(['Jul  1 00:00:01'])
  expect(moved('[Sat Dec 31 23:59:59 2005] x', 1)).toEqual(['Sun Jan  1 00:00:00 2006'])
  expect(moved('081231 235959 26 INFO', 1)).toEqual(['090101 000000'])
  expect(moved('20171223-22:15:29:606|Step', 3600)).toEqual(['20171223-23:15:29'])
  expect(moved('2005-06-03-15.42.50.675872 R02', 10)).toEqual(['2005-06-03-15.43.00'])
  expect(moved('no time on 31/Feb/2015:10:05:03', 1)).toEqual([])
})
