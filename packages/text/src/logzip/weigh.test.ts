import { readFileSync } from 'node:fs'
import { concatBytes } from '@pith/core'
import { expect, test } from 'vitest'
import { compressLog, openLog } from './api.ts'
import type { Level } from './chunk-encode.ts'

const sample = readFileSync(new URL('../../../../examples/sample/access.log', import.meta.url))

test.each<[Level, number]>([
  ['fast', 2 ** 23],
  ['fast', 40_000],
  ['default', 100_000],
  ['max', 20_000],
])('at level %s in chunks of %d bytes every stored byte is for something', async (level, chunkBytes) => {
  const log = sample.subarray(0, level === 'max' ? 40_000 : 300_000)
  const pieces: Uint8Array[] = []
  for await (const piece of compressLog(log, { level, chunkBytes })) pieces.push(piece)
  const reader = await openLog(concatBytes(pieces))
  const plain = reader.facts()
  const kinds = new Map<string, number>()
  let total = 0
  for await (const { stored = [], ...facts } of reader.facts({ stored: true })) {
    expect((await plain.next()).value).toEqual(facts)
    const columns = new Set(facts.columns.map(({ id }) => id))
    for (const { what, column, bytes } of stored) {
      expect(bytes).toBeGreaterThan(0)
      expect(column === undefined || columns.has(column)).toBe(true)
      kinds.set(what, (kinds.get(what) ?? 0) + bytes)
      total += bytes
    }
    expect(facts.templates.every(({ columns: own }) => own.every((column) => columns.has(column)))).toBe(true)
  }
  expect(total).toBe(Object.values(reader.stats.stored).reduce((sum, bytes) => sum + bytes, 0))
  expect([...kinds.keys()].sort()).toEqual(expect.arrayContaining(['layout', 'order', 'values']))
  // What differs from line to line is the most of such a log.
  const columns = (kinds.get('values') ?? 0) + (kinds.get('dictionary') ?? 0) + (kinds.get('texts') ?? 0)
  expect(columns).toBeGreaterThan(total / 2)
  await reader.close()
})
