import { concatBytes } from '@pith/core'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { type LogRecipe, logRecipes, makeLog } from '../../test/log-inputs.ts'
import { compressLog, openLog } from './api.ts'
import type { LogzipOptions } from './logzip.ts'
import type { LogReader } from './reader.ts'
import type { ColumnBatch, SlotName } from './slots.ts'

const open: LogReader[] = []
afterAll(async () => {
  for (const reader of open) await reader.close()
})

async function readerOf(log: string | Uint8Array, options: LogzipOptions = {}): Promise<LogReader> {
  const bytes = typeof log === 'string' ? new TextEncoder().encode(log) : log
  const parts: Uint8Array[] = []
  for await (const part of compressLog(bytes, { level: 'fast', ...options })) parts.push(part)
  const reader = await openLog(concatBytes(parts))
  open.push(reader)
  return reader
}

function textsOf({ texts }: ColumnBatch): string[] | undefined {
  if (texts === undefined) return undefined
  const { bytes, offsets } = texts
  return Array.from({ length: offsets.length - 1 }, (_, i) =>
    String.fromCharCode(...bytes.subarray(offsets[i], offsets[i + 1])),
  )
}

async function collect(reader: LogReader, wanted: SlotName): Promise<[number, number | string][]> {
  const all: [number, number | string][] = []
  for await (const batch of reader.column(wanted)) {
    const values = batch.numbers ?? batch.times ?? textsOf(batch)!
    expect(values.length).toBe(batch.lines.length)
    for (const [i, line] of batch.lines.entries()) all.push([line, values[i]!])
  }
  return all
}

describe.each(['fast', 'default', 'max'] as const)('columns at level %s', (level) => {
  const start = Date.UTC(2024, 4, 6, 7, 8, 9)
  const rows = Array.from({ length: 1200 }, (_, i) => ({
    time: start + i * 3000,
    user: `user${String.fromCharCode(97 + ((i * 7) % 26))}x`,
    ms: (i * 7919) % 5000,
    code: [200, 404, 500][i % 3]!,
    other: i % 4 === 3,
  }))
  const spell = (time: number): string => new Date(time).toISOString().slice(0, 19).replace('T', ' ')
  const lines = rows.map(({ time, user, ms, code, other }) =>
    other ? `${spell(time)} queue has ${ms} jobs` : `${spell(time)} GET by ${user} took ${ms} ms: ${code}`,
  )
  const reader = readerOf(`${lines.join('\n')}\n`, { level, chunkBytes: level === 'max' ? 2 ** 15 : 2 ** 14 })

  test('say what each slot of each template holds', async () => {
    const columns = await (await reader).columns()
    const templates = new Set((await (await reader).templates()).map(({ text }) => text))
    for (const { template } of columns) expect(templates.has(template)).toBe(true)
    const got = columns.filter(({ template }) => template.includes('GET'))
    expect(got.map(({ slot, kind }) => [slot, kind])).toEqual([
      [0, 'time'],
      [1, 'text'],
      [2, 'number'],
      [3, 'number'],
    ])
    expect(got[0]!.count).toBe(rows.filter(({ other }) => !other).length)
  })

  test('give the values of a slot with the lines that hold them', async () => {
    const log = await reader
    const template = (await log.columns()).find(({ template }) => template.includes('GET'))!.template
    const wanted = (value: (row: (typeof rows)[number]) => number | string): [number, number | string][] =>
      rows.flatMap((row, i): [number, number | string][] => (row.other ? [] : [[i, value(row)]]))
    expect(await collect(log, { template, slot: 0 })).toEqual(wanted(({ time }) => time))
    expect(await collect(log, { template, slot: 1 })).toEqual(wanted(({ user }) => user))
    expect(await collect(log, { template, slot: 2 })).toEqual(wanted(({ ms }) => ms))
    expect(await collect(log, { template, slot: 3 })).toEqual(wanted(({ code }) => code))
  })
})

test('a slot that one chunk codes as numbers and another as texts has one name, and each chunk its own kind', async () => {
  const numbers = Array.from({ length: 600 }, (_, i) => `job ${(i * 7919) % 10_007} ended with ${(i * i) % 3}`)
  const mixed = Array.from(
    { length: 600 },
    (_, i) => `job ${i % 2 === 0 ? `x${(i * 31) % 97}` : i} ended with ${i % 3}`,
  )
  const reader = await readerOf(`${[...numbers, ...mixed].join('\n')}\n`, { chunkBytes: 4096 })
  const slots = (await reader.columns()).filter(({ template }) => template.startsWith('job'))
  expect(slots.length).toBeGreaterThan(0)
  const found = new Map<number, string>()
  const kinds = new Set<string>()
  for (const { template } of slots.filter(({ slot }) => slot === 0)) {
    for await (const batch of reader.column({ template, slot: 0 })) {
      kinds.add(batch.numbers !== undefined ? 'numbers' : 'texts')
      const values = batch.numbers ?? textsOf(batch)!
      for (const [i, line] of batch.lines.entries()) found.set(line, String(values[i]))
    }
  }
  const all = [...numbers, ...mixed].map((line) => line.split(' ')[1]!)
  for (const [line, value] of found) expect(value).toBe(all[line])
  expect(found.size).toBeGreaterThan(600)
  expect(kinds).toEqual(new Set(['numbers', 'texts']))
})

test('numbers with leading zeros are numbers where all have one length, else texts', async () => {
  const log = async (spell: (i: number) => string): Promise<ColumnBatch> => {
    const reader = await readerOf(Array.from({ length: 90 }, (_, i) => `id ${spell(i)} done\n`).join(''))
    const [slot] = await reader.columns()
    for await (const batch of reader.column(slot!)) return batch
    throw new Error('no batch')
  }
  expect((await log((i) => String(i).padStart(4, '0'))).numbers?.[7]).toBe(7)
  const texts = await log((i) => (i % 2 === 0 ? String(i % 7) : `0${i % 5}`))
  expect(textsOf(texts)?.slice(0, 2)).toEqual(['0', '01'])
  expect(texts.numbers).toBeUndefined()
})

test('a time without a year stands in the year 2000', async () => {
  const reader = await readerOf(
    Array.from({ length: 50 }, (_, i) => `Mar  ${(i % 9) + 1} 10:00:0${i % 10} host sshd: hello ${i}\n`).join(''),
  )
  const slot = (await reader.columns()).find(({ kind }) => kind === 'time')!
  const values = await collect(reader, slot)
  expect(values[3]).toEqual([3, Date.UTC(2000, 2, 4, 10, 0, 3)])
})

test('what is no template and no slot is refused', async () => {
  const reader = await readerOf(Array.from({ length: 20 }, (_, i) => `took ${i} ms\n`).join(''))
  const first = (wanted: SlotName): Promise<unknown> => reader.column(wanted).next()
  await expect(first({ template: 'took <num> s', slot: 0 })).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(first({ template: 'took <num> ms', slot: 1 })).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(first({ template: 'took <num> ms', slot: -1 })).rejects.toMatchObject({ code: 'PITH_ARG' })
  expect(await collect(reader, { template: 'took <str> ms', slot: 0 })).toHaveLength(20)
})

test('every slot of any log can be read, and its texts stand in its lines', async () => {
  await fc.assert(
    fc.asyncProperty(logRecipes(120), fc.constantFrom(4096, 2 ** 20), async (recipe: LogRecipe, chunkBytes) => {
      const log = makeLog(recipe)
      const reader = await readerOf(log, { chunkBytes })
      const lines = Array.from(log, (c) => String.fromCharCode(c))
        .join('')
        .split('\n')
      for (const slot of (await reader.columns()).slice(0, 12)) {
        let count = 0
        for await (const batch of reader.column(slot)) {
          count += batch.lines.length
          const has = [batch.numbers, batch.times, batch.texts].filter((values) => values !== undefined)
          expect(has).toHaveLength(1)
          const values = textsOf(batch) ?? batch.numbers
          if (values === undefined) continue
          for (const [i, line] of batch.lines.entries()) expect(lines[line]).toContain(String(values[i]))
        }
        expect(count).toBe(slot.count)
      }
    }),
    { numRuns: 25 },
  )
})
