import { createHash } from 'node:crypto'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { concatBytes, MemorySink, readAll, toSource } from '@pith/core'
import { createContainer, openContainer } from '@pith/core/container'
import { generalCodec } from '@pith/core/general'
import { compressLog, decompressLog, type Level, logzipCodec } from '@pith/text/logzip'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPage, type TestPage } from '../../../../scripts/browser/open-page.ts'
import type { InPage } from './page.ts'
import { serviceLog } from './service-log.ts'

declare const inPage: InPage

const LEVELS: readonly Level[] = ['fast', 'default', 'max']

let chromium: TestPage
let large: Uint8Array
let small: Uint8Array

beforeAll(async () => {
  const here = (name: string): URL => new URL(name, import.meta.url)
  chromium = await openPage({
    page: here('page.ts'),
    search: here('search.ts'),
    worker: here('worker.ts'),
  })
  small = (await fs.readFile(new URL('../../../../examples/sample/error.log', import.meta.url))).subarray(0, 40_000)
  large = serviceLog(3e6, 3)
}, 30_000)
afterAll(() => chromium.close())

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function serve(name: string, bytes: Uint8Array): Promise<void> {
  await fs.writeFile(join(chromium.folder, name), bytes)
}

async function compressed(bytes: Uint8Array, level: Level, chunkBytes?: number): Promise<Uint8Array> {
  return await collect(compressLog(bytes, { level, ...(chunkBytes === undefined ? {} : { chunkBytes }) }))
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const piece of pieces) parts.push(piece)
  return concatBytes(parts)
}

async function archive(level: Level, files: readonly [path: string, bytes: Uint8Array][]): Promise<Uint8Array> {
  const sink = new MemorySink()
  const container = createContainer(sink)
  for (const [path, bytes] of files) {
    const codec = path.endsWith('.log') ? logzipCodec : generalCodec
    const entry = await container.entry({ path, codec: codec.id, version: codec.version })
    await codec.encode(toSource(bytes), entry, { level })
    await entry.finish()
  }
  await container.finish()
  return sink.bytes()
}

function percent(share: number): string {
  return (100 * share).toFixed(1)
}

describe.each(LEVELS)('written by Node at level %s', (level) => {
  test('a small file of one block is decoded in the page', async () => {
    await serve('small.pith', await compressed(small, level))
    expect(await chromium.page.evaluate(() => inPage.decode('small.pith', 1))).toEqual([
      { codec: 'logzip', bytes: small.length, sha256: sha256(small) },
    ])
  })

  test('a file of many chunks is decoded in the page and in its workers', async () => {
    const log = large.subarray(0, level === 'max' ? 50_000 : 300_000)
    await serve('chunks.pith', await compressed(log, level, 16384))
    const expected = [{ codec: 'logzip', bytes: log.length, sha256: sha256(log) }]
    expect(await chromium.page.evaluate(() => inPage.decode('chunks.pith', 1))).toEqual(expected)
    expect(await chromium.page.evaluate(() => inPage.decode('chunks.pith', 2))).toEqual(expected)
  })

  test('an archive of logs and other files is decoded in the page', async () => {
    const files: [string, Uint8Array][] = [
      ['a/app.log', small],
      ['a/empty', new Uint8Array(0)],
      ['b/numbers.bin', Uint8Array.from({ length: 30_000 }, (_, i) => (i * i) >> 7)],
      ['b/large.log', large.subarray(0, 50_000)],
    ]
    await serve('archive.pith', await archive(level, files))
    expect(await chromium.page.evaluate(() => inPage.decode('archive.pith', 1))).toEqual(
      files.map(([path, bytes]) => ({
        path,
        codec: path.endsWith('.log') ? 'logzip' : 'general',
        bytes: bytes.length,
        sha256: sha256(bytes),
      })),
    )
  })

  test('a file written in the page is decoded on Node', async () => {
    const log = small.subarray(0, 20_000)
    await serve('plain.log', log)
    for (const threads of [1, 2]) {
      const options = { level, chunkBytes: 8192 }
      const text = await chromium.page.evaluate((own) => inPage.compress('plain.log', own), { ...options, threads })
      const bytes = Buffer.from(text, 'latin1')
      expect(sha256(await collect(decompressLog(bytes)))).toBe(sha256(log))
      // Its coders are our own; of the other levels the bytes depend on the host's brotli.
      if (level === 'max') expect(sha256(bytes)).toBe(sha256(await compressed(log, level, options.chunkBytes)))
    }
  })
})

describe.each(['fast', 'default'] as const)('searching a log of 3 MB of level %s', (level) => {
  let lines: string[]
  let size: number

  beforeAll(async () => {
    const bytes = await compressed(large, level, 2 ** 19)
    size = bytes.length
    await serve('large.pith', bytes)
    lines = Buffer.from(large).toString('latin1').replace(/\n$/, '').split('\n')
  })

  const search = (as: 'file' | 'url', pattern: string): ReturnType<InPage['search']> =>
    chromium.page.evaluate(([how, text]) => inPage.search('large.pith', how, { patterns: [text], fixed: true }), [
      as,
      pattern,
    ] as const)
  const having = (pattern: string): number[] => lines.flatMap((line, index) => (line.includes(pattern) ? [index] : []))

  test.each(['file', 'url'] as const)('a worker finds the lines of a %s', async (as) => {
    const pattern = (lines[17_234] as string).slice(0, 40)
    const expected = having(pattern)
    const answer = await search(as, pattern)
    expect(answer.lines).toEqual(expected)
    expect(answer.text).toBe(`${expected.map((line) => lines[line]).join('\n')}\n`)
  })

  test.each([
    ['a word', 'Segmentation'],
    ['a word and a number', 'DELETE /orders/77'],
  ])('%s that no line has: few requests, at most two fifths of the file', async (_, pattern) => {
    expect(having(pattern)).toEqual([])
    const { requests, bytes } = await search('url', pattern)
    console.log(`${level}, ${pattern}: ${requests} requests, ${bytes} of ${size} bytes, ${percent(bytes / size)} %`)
    expect(bytes / size).toBeLessThanOrEqual(0.4)
    expect(requests).toBeLessThanOrEqual(8)
  })

  test.each([
    ['an id among random ones', 'id=00c0ffee00c0ffee'],
    ['digits that columns of numbers may hold', '88888888888'],
  ])('%s: at most the whole file', async (_, pattern) => {
    expect(having(pattern)).toEqual([])
    const { requests, bytes } = await search('url', pattern)
    console.log(`${level}, ${pattern}: ${requests} requests, ${bytes} of ${size} bytes, ${percent(bytes / size)} %`)
    expect(bytes / size).toBeLessThanOrEqual(1.05)
    expect(requests).toBeLessThanOrEqual(24)
  })

  test('what is counted is what the server sent; a file is read as little', async () => {
    await search('url', 'Segmentation')
    chromium.server.resetCounts()
    const answer = await search('url', 'Segmentation')
    const { requests, bytes } = chromium.server
    // The worker's script and what it imports come from the same server.
    expect(requests).toBeGreaterThanOrEqual(answer.requests)
    expect(bytes).toBeGreaterThanOrEqual(answer.bytes)
    expect((await search('file', 'Segmentation')).bytes).toBe(answer.bytes)
  })
})

test('what is not a log goes through the page with the general codec', async () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * i) >> 9)
  await serve('numbers.bin', bytes)
  const text = await chromium.page.evaluate(() => inPage.compressGeneral('numbers.bin'))
  const container = await openContainer(Buffer.from(text, 'latin1'))
  const entry = await container.entry(1)
  expect(sha256(await readAll(generalCodec.decode(entry!)))).toBe(sha256(bytes))
  await container.close()
})

test('nothing failed on the way', () => {
  expect(chromium.errors).toEqual([])
})
