import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()
const at = (name: string): string => join(tmp, name)
const lines = Array.from(
  { length: 4000 },
  (_, i) =>
    `2024-01-01 00:00:${String(i % 60).padStart(2, '0')} user ${(i * 7919) % 1009} took ${Math.imul(i, 0x9e3779b1) >>> 8} ticks\n`,
)
/** Numbers of the lines, from 1, that the damaged chunk holds. */
let from = 0
let to = 0

beforeAll(async () => {
  writeFileSync(at('app.log'), lines.join(''))
  await pith(tmp, 'compress TMP/app.log --chunk 16K --level fast -q')
  const broken = readFileSync(at('app.log.pith'))
  broken[Math.floor(broken.length * 0.6)]! ^= 1
  writeFileSync(at('broken.pith'), broken)
})

const MISSING =
  /^pith: TMP\/broken\.pith is damaged: PITH_CHECKSUM at offset \d+ \(pith verify tells more\)\npith: error PITH_CHECKSUM at entry "1" section "\w+" offset \d+: TMP\/broken\.pith: chunk (\d+), lines (\d+) to (\d+), [\d.]+ kB from byte [\d,]+ on, is left out: block \d+ at \d+ does not match its CRC\nhint: Get another copy of the file, or save what is left with pith repair TMP\/broken\.pith\.\n$/

test('cat goes on behind a damaged chunk, names its lines and ends with 2', async () => {
  const { code, err, bytes } = await pith(tmp, 'cat TMP/broken.pith')
  expect(err).toMatch(MISSING)
  const [, , first, last] = MISSING.exec(err)!
  from = Number(first)
  to = Number(last)
  expect(to - from).toBeGreaterThan(100)
  expect(code).toBe(2)
  expect(bytes.toString()).toBe([...lines.slice(0, from - 1), ...lines.slice(to)].join(''))
  // Lines that stand apart from it are simply there.
  const apart = await pith(tmp, `cat TMP/broken.pith --lines ${to + 1}-`)
  expect([apart.code, apart.out]).toEqual([0, lines.slice(to).join('')])
  const around = await pith(tmp, `cat TMP/broken.pith --lines ${from - 1}-${to + 1}`)
  expect([around.code, around.out]).toEqual([2, lines[from - 2]! + lines[to]!])
})

test('grep searches the rest, with the right line numbers, and ends with 2 as GNU grep does after an error', async () => {
  const { code, err, out } = await pith(tmp, 'grep -n took TMP/broken.pith')
  expect(code).toBe(2)
  expect(err).toMatch(MISSING)
  const numbered = lines.map((line, i) => `${i + 1}:${line}`)
  expect(out).toBe([...numbered.slice(0, from - 1), ...numbered.slice(to)].join(''))
  const count = await pith(tmp, 'grep -c --json took TMP/broken.pith')
  expect(JSON.parse(count.out)).toMatchObject({
    ok: false,
    files: [{ lines: lines.length - (to - from + 1) }],
    damaged: [{ lines: [from, to], error: { code: 'PITH_CHECKSUM' } }],
  })
  // What stood in it is not known, so nothing found is no 1.
  expect((await pith(tmp, 'grep -v took TMP/broken.pith')).code).toBe(2)
  expect((await pith(tmp, 'grep -q took TMP/broken.pith')).code).toBe(0)
})

test('templates counts the rest', async () => {
  const { code, err, out } = await pith(tmp, 'templates --json TMP/broken.pith')
  expect([code, MISSING.test(err)]).toEqual([2, true])
  const report = JSON.parse(out)
  expect(report).toMatchObject({ ok: false, damaged: [{ lines: [from, to] }] })
  const counts = report.logs[0].templates.map(({ count }: { count: number }) => count)
  expect(counts.reduce((sum: number, count: number) => sum + count, 0)).toBe(lines.length - (to - from + 1))
})

test('decompress writes nothing of a damaged file, unless it is told to go on', async () => {
  const strict = await pith(tmp, 'decompress TMP/broken.pith -o TMP/back.log')
  expect(strict.code).toBe(1)
  expect(strict.err).toMatch(
    /\npith: error PITH_CHECKSUM at .*\nhint: Add --keep-going to get what is left, or save it with pith repair TMP\/broken\.pith\.\n$/,
  )
  expect(existsSync(at('back.log'))).toBe(false)
  const going = await pith(tmp, 'decompress --keep-going TMP/broken.pith -o TMP/back.log')
  expect([going.code, MISSING.test(going.err)]).toEqual([2, true])
  expect(readFileSync(at('back.log'), 'utf8')).toBe([...lines.slice(0, from - 1), ...lines.slice(to)].join(''))
  const piped = await pith(tmp, 'decompress -k TMP/broken.pith -o -')
  expect([piped.code, piped.out.length]).toEqual([2, readFileSync(at('back.log')).length])
})

test('a file cut before its first commit is read by repair alone, and says so', async () => {
  await pith(tmp, 'compress TMP/app.log --append -o TMP/chunks.pith --chunk 16K --level fast -q')
  const whole = readFileSync(at('chunks.pith'))
  writeFileSync(at('cut.pith'), whole.subarray(0, Math.round(whole.length * 0.7)))
  for (const verb of ['cat', 'decompress', 'verify', 'list']) {
    const { code, err, out } = await pith(tmp, [verb, 'TMP/cut.pith'])
    expect([verb, code]).toEqual([verb, 1])
    expect(err + out).toMatch(/PITH_TRUNCATED/)
    if (verb !== 'verify') expect(err).toMatch(/hint: Run pith repair/)
  }
  expect((await pith(tmp, 'grep took TMP/cut.pith')).code).toBe(2)
  expect((await pith(tmp, 'repair TMP/cut.pith -q')).code).toBe(0)
  const { out } = await pith(tmp, 'cat TMP/cut.repaired.pith')
  expect(lines.join('').startsWith(out)).toBe(true)
  expect(out.length).toBeGreaterThan(lines.join('').length / 2)
})

test('where the newest commit is damaged, the one before is read, and that is an error', async () => {
  writeFileSync(at('more.log'), 'one more line\n')
  await pith(tmp, 'compress TMP/app.log --append -o TMP/commits.pith -q')
  const before = readFileSync(at('commits.pith')).length
  await pith(tmp, 'compress TMP/more.log --append -o TMP/commits.pith -q')
  const broken = readFileSync(at('commits.pith'))
  // A head of a block in the journal of the last commit.
  broken[before + 9]! ^= 0xff
  writeFileSync(at('commits.pith'), broken)
  const printed = await pith(tmp, 'cat TMP/commits.pith')
  expect([printed.code, printed.out]).toEqual([2, lines.join('')])
  expect(printed.err).toMatch(
    /is damaged: PITH_\w+ at offset \d+, commit \d+ is read instead of a later one, \d+ bytes behind/,
  )
  expect((await pith(tmp, 'grep -c took TMP/commits.pith')).code).toBe(2)
  const strict = await pith(tmp, 'decompress TMP/commits.pith -o TMP/earlier.log')
  expect([strict.code, existsSync(at('earlier.log'))]).toEqual([1, false])
  const going = await pith(tmp, 'decompress -k TMP/commits.pith -o TMP/earlier.log')
  expect([going.code, readFileSync(at('earlier.log'), 'utf8')]).toEqual([2, lines.join('')])
})
