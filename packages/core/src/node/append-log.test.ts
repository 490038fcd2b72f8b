import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openLog, readLog } from './append-log.ts'
import { faultyFiles, tryEveryFault } from './faulty-files.ts'
import type { FileSystem } from './file-system.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
let folder: string
let path: string

beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'pith-log-'))
  path = join(folder, 'journal')
})
afterAll(() => fs.rm(folder, { recursive: true }))
const reset = async (): Promise<void> => {
  for (const name of await fs.readdir(folder)) await fs.rm(join(folder, name))
}
beforeEach(reset)

async function write(records: readonly Uint8Array[], files?: FileSystem): Promise<void> {
  const log = await openLog(path, files === undefined ? {} : { files })
  for (const record of records) await log.append(record)
  await log.flush()
  await log.close()
}

async function read(): Promise<Uint8Array[]> {
  const records: Uint8Array[] = []
  for await (const record of readLog(path)) records.push(record)
  return records
}

test('records come back, over several openings', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), { maxLength: 4 }),
      async (batches) => {
        await reset()
        for (const batch of batches) await write(batch)
        if (batches.length > 0) expect(await read()).toEqual(batches.flat())
      },
    ),
    { numRuns: 25 },
  )
})

test('records larger than what is read ahead', async () => {
  const records = [70_000, 10, 65_536, 200_000].map((length, i) => new Uint8Array(length).fill(i + 1))
  await write(records)
  expect(await read()).toEqual(records)
})

test('appends that are not awaited stay whole and in order', async () => {
  const log = await openLog(path)
  const records = Array.from({ length: 50 }, (_, i) => text('x'.repeat(i)))
  await Promise.all(records.map((record) => log.append(record)))
  expect(log.count).toBe(50)
  await log.close()
  expect(await read()).toEqual(records)
})

test('a file cut at any byte opens with its whole records, and the rest is dropped', async () => {
  const records = [text('first'), text(''), text('third record')]
  await write(records)
  const whole = await fs.readFile(path)
  const ends = [0, 13, 21, 41]
  expect(whole.length).toBe(41)
  for (let cut = 0; cut <= whole.length; cut++) {
    await fs.writeFile(path, whole.subarray(0, cut))
    const expected = ends.filter((end) => end <= cut).length - 1
    expect(await read()).toEqual(records.slice(0, expected))
    const log = await openLog(path)
    expect(log).toMatchObject({ count: expected, droppedBytes: cut - ends[expected] })
    await log.append(text('next'))
    await log.close()
    expect(await read()).toEqual([...records.slice(0, expected), text('next')])
  }
})

test('any changed bit is noticed: records before it stay, none comes back wrong', async () => {
  const records = [text('first'), text('second'), text('third')]
  await write(records)
  const whole = await fs.readFile(path)
  for (let bit = 0; bit < 8 * whole.length; bit++) {
    const changed = new Uint8Array(whole)
    changed[bit >> 3] ^= 1 << (bit & 7)
    await fs.writeFile(path, changed)
    const got: Uint8Array[] = []
    let error: unknown
    try {
      for await (const record of readLog(path)) got.push(record)
    } catch (failure) {
      error = failure
    }
    expect(got.length).toBeLessThan(3)
    expect(got).toEqual(records.slice(0, got.length))
    if (error !== undefined) expect(error).toMatchObject({ code: 'PITH_CHECKSUM' })
  }
})

test('a damaged record before sound ones is an error with its place and nothing is cut off', async () => {
  await write([text('first'), text('second'), text('third')])
  const bytes = await fs.readFile(path)
  bytes[13 + 9] ^= 1
  await fs.writeFile(path, bytes)
  await expect(openLog(path)).rejects.toMatchObject({ code: 'PITH_CHECKSUM', at: { offset: 13 } })
  expect(await fs.readFile(path)).toEqual(bytes)
  expect(await fs.readdir(folder)).toEqual(['journal'])
})

test('zeros and lengths that nothing backs are no records', async () => {
  await write([text('first')])
  await fs.appendFile(path, new Uint8Array(100))
  expect(await read()).toEqual([text('first')])
  await fs.writeFile(path, new Uint8Array([255, 255, 255, 127, 0, 0, 0, 0, 1, 2, 3]))
  expect(await read()).toEqual([])
})

test('a record above the limit is refused', async () => {
  const log = await openLog(path, { maxRecordBytes: 4 })
  await expect(log.append(text('12345'))).rejects.toMatchObject({ code: 'PITH_LIMIT' })
  await log.append(text('1234'))
  await log.close()
  expect(await read()).toEqual([text('1234')])
})

test('whatever fails or dies, flushed records stay and the log goes on', async () => {
  const before = [text('one'), text('two')]
  const added = [text('three'), text('four')]
  await tryEveryFault(
    async () => {
      await reset()
      await write(before)
    },
    (files) => write(added, files),
    async ({ error }) => {
      // The lock names this process, which lives on in the test.
      await fs.rm(`${path}.lock`, { force: true })
      const all = [...before, ...added]
      const now = await read()
      expect(now.length).toBeGreaterThanOrEqual(2)
      expect(now).toEqual(all.slice(0, now.length))
      if (error === undefined) expect(now).toEqual(all)
      await write([text('five')])
      expect(await read()).toEqual([...now, text('five')])
    },
  )
})

test('after a failed append the log goes on behind the last whole record', async () => {
  await write([])
  const log = await openLog(path, { files: faultyFiles({ capacity: 420 }) })
  const record = new Uint8Array(92)
  let appended = 0
  let failures = 0
  for (let i = 0; i < 6; i++) {
    await log.append(record).then(
      () => appended++,
      (error) => {
        failures++
        expect(error).toMatchObject({ code: 'PITH_IO' })
      },
    )
  }
  expect(failures).toBeGreaterThan(0)
  expect(log.count).toBe(appended)
  await log.close()
  expect(await read()).toHaveLength(appended)
})
