import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()
const at = (name: string): string => join(tmp, name)

test('of a damaged log every chunk that decodes is saved, and the lines of the others are named', async () => {
  const lines = Array.from(
    { length: 2000 },
    (_, i) => `2024-01-01 00:00:00 user ${(i * 7919) % 1009} took ${Math.imul(i, 0x9e3779b1) >>> 8} ms\n`,
  )
  writeFileSync(at('app.log'), lines.join(''))
  await pith(tmp, 'compress TMP/app.log --chunk 16K --level fast -q')
  const whole = readFileSync(at('app.log.pith'))
  const broken = Buffer.from(whole)
  broken[Math.floor(whole.length * 0.75)]! ^= 1
  writeFileSync(at('broken.pith'), broken)
  const repaired = await pith(tmp, 'repair TMP/broken.pith --force')
  expect(repaired.err).toContain('lost chunk')
  expect(repaired.code).toBe(0)
  const [, from, to] = /lost chunk \d, lines (\d+) to (\d+), \d+ bytes /.exec(repaired.err)!
  const kept = (await pith(tmp, 'cat TMP/broken.repaired.pith')).bytes
  expect(kept.toString()).toBe([...lines.slice(0, Number(from) - 1), ...lines.slice(Number(to))].join(''))
  // Cut within its first chunk, nothing of it is left.
  writeFileSync(at('broken.pith'), whole.subarray(0, 100))
  expect((await pith(tmp, 'repair TMP/broken.pith --force')).code).toBe(1)
})
