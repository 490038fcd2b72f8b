import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()
const at = (name: string): string => join(tmp, name)

/** Lines of a log whose times rise, from one number to another. */
function log(from: number, to: number): string {
  const line = (i: number): string =>
    `2024-05-01 ${String(10 + Math.floor(i / 3600)).padStart(2, '0')}:${String(Math.floor(i / 60) % 60).padStart(2, '0')}:${String(i % 60).padStart(2, '0')} app[${i % 97}]: ${['started', 'stopped', 'failed with code 7'][i % 3]} job ${(i * 7919) % 100003} ${Math.imul(i + 1, 2654435761) >>> 0}\n`
  return Array.from({ length: to - from }, (_, i) => line(from + i)).join('')
}

test.each([
  ['parts of many chunks', [0, 3000, 6000, 9000], '4K'],
  ['one chunk, then many', [0, 20, 6000, 6010], '4K'],
  ['small parts', [0, 1, 3, 100, 101], '4K'],
  ['parts of one chunk', [0, 500, 1000], '64K'],
])('a log that grows by --append reads as one: %s', async (_, ends, chunk) => {
  const name = `grown-${ends.length}-${ends[1]}.pith`
  for (let i = 0; i + 1 < ends.length; i++) {
    writeFileSync(at('part.log'), log(ends[i]!, ends[i + 1]!))
    expect(
      await pith(tmp, `compress --append TMP/part.log -o TMP/${name} --chunk ${chunk} --method logzip -q`),
    ).toMatchObject({ code: 0, err: '' })
  }
  const whole = log(0, ends.at(-1)!)
  expect((await pith(tmp, `cat TMP/${name}`)).out).toBe(whole)
  expect((await pith(tmp, `verify TMP/${name}`)).code).toBe(0)
  const lines = whole.trimEnd().split('\n')
  const wanted = lines.flatMap((line, i) => (line.includes('failed') ? [`${i + 1}:${line}\n`] : []))
  expect((await pith(tmp, `grep -n failed TMP/${name}`)).out).toBe(wanted.join(''))
  const from = Math.floor(lines.length / 2)
  expect((await pith(tmp, `cat --lines ${from + 1}-${from + 9} TMP/${name}`)).out).toBe(
    lines
      .slice(from, from + 9)
      .map((line) => `${line}\n`)
      .join(''),
  )
  // Where a part has too few lines to show a layout, its lines have no times.
  if (ends.some((end, i) => i > 0 && end - ends[i - 1]! < 10)) return
  const since = lines[from]!.slice(0, 19).replace(' ', 'T')
  expect((await pith(tmp, `grep -c --since ${since} job TMP/${name}`)).out).toBe(`${lines.length - from}\n`)
})

test('parts may end within a line', async () => {
  const whole = log(0, 400)
  for (const [i, part] of [whole.slice(0, 5010), whole.slice(5010, 5015), whole.slice(5015)].entries()) {
    writeFileSync(at('part.log'), part)
    expect([i, (await pith(tmp, 'compress --append TMP/part.log -o TMP/open.pith --method logzip -q')).code]).toEqual([
      i,
      0,
    ])
  }
  expect((await pith(tmp, 'cat TMP/open.pith')).out).toBe(whole)
  expect((await pith(tmp, 'grep -c job TMP/open.pith')).out).toBe('400\n')
  expect((await pith(tmp, 'grep -n started TMP/open.pith')).out.split('\n').length).toBe(135)
})

test('many flushes cost little, and repack takes that back', async () => {
  const sample = join(import.meta.dirname, '../../../examples/sample/access.log')
  const whole = readFileSync(sample, 'latin1').slice(0, 200_000)
  const parts = Array.from({ length: 40 }, (_, i) =>
    whole.slice((whole.length * i) / 40, (whole.length * (i + 1)) / 40),
  )
  async function* slowly(): AsyncGenerator<Uint8Array> {
    for (const part of parts) {
      yield Buffer.from(part, 'latin1')
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
  expect((await pith(tmp, 'compress - -o TMP/flushed.pith --flush 1ms --method logzip -q', slowly())).code).toBe(0)
  writeFileSync(at('whole.log'), whole, 'latin1')
  await pith(tmp, 'compress TMP/whole.log --method logzip -q')
  expect((await pith(tmp, 'cat TMP/flushed.pith')).out).toBe(whole)
  expect(statSync(at('flushed.pith')).size).toBeLessThan(1.5 * statSync(at('whole.log.pith')).size)
  expect((await pith(tmp, 'repack TMP/flushed.pith -q')).code).toBe(0)
  expect(statSync(at('flushed.pith')).size).toBeLessThanOrEqual(1.02 * statSync(at('whole.log.pith')).size)
  expect((await pith(tmp, 'cat TMP/flushed.pith')).out).toBe(readFileSync(at('whole.log'), 'latin1'))
})

test('what a cut file lacks behind its last commit is said', async () => {
  const line = 'one line of a log\n'
  writeFileSync(at('start.log'), line.repeat(2000))
  writeFileSync(at('part.log'), line.repeat(20))
  await pith(tmp, 'compress TMP/start.log -o TMP/parts.pith -q')
  await pith(tmp, 'compress TMP/part.log -o TMP/parts.pith --append -q')
  await pith(tmp, 'compress TMP/part.log -o TMP/parts.pith --append -q')
  const whole = readFileSync(at('parts.pith'))
  writeFileSync(at('cut.pith'), whole.subarray(0, -1))
  const note =
    'pith: TMP/cut.pith is being written or was cut: N bytes behind its last commit left out (pith verify tells more)\n'
  const said = (err: string): string => err.replace(/\d+ bytes/, 'N bytes')
  const decompressed = await pith(tmp, 'decompress TMP/cut.pith -o TMP/cut.log')
  expect({ code: decompressed.code, err: said(decompressed.err) }).toEqual({ code: 0, err: note })
  expect(statSync(at('cut.log')).size).toBe(2020 * line.length)
  const printed = await pith(tmp, 'cat TMP/cut.pith')
  expect([printed.code, said(printed.err), printed.out]).toEqual([0, note, line.repeat(2020)])
  const found = await pith(tmp, 'grep -c line TMP/cut.pith')
  expect([found.code, said(found.err), found.out]).toEqual([0, note, '2020\n'])
  const verified = await pith(tmp, 'verify TMP/cut.pith')
  expect(verified.code).toBe(1)
  expect(verified.out).toMatch(
    /^TMP\/cut\.pith: PITH_TRUNCATED at offset \d+: \d+ bytes behind the last commit: the file was cut, or is being written\n/,
  )
})
