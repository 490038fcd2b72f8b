import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { fingerprint, Random } from '@pith/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPage, type TestPage } from '../../../../scripts/browser/open-page.ts'
import { codings } from './codings.ts'
import type { InPage } from './page.ts'

declare const inPage: InPage

let chromium: TestPage

beforeAll(async () => {
  chromium = await openPage({
    page: new URL('./page.ts', import.meta.url),
    worker: new URL('./worker.ts', import.meta.url),
  })
}, 30_000)
afterAll(() => chromium.close())

test('a pool of Web Workers gives results in order', async () => {
  expect(await chromium.page.evaluate(() => inPage.mapThroughPool(7))).toEqual([0, 2, 4, 6, 8, 10, 12])
})

test('a failure in a Web Worker keeps code, hint and place', async () => {
  expect(await chromium.page.evaluate(() => inPage.failThroughPool())).toEqual({
    code: 'PITH_CORRUPT',
    message: 'the block is damaged',
    hint: 'Take another one.',
    at: { offset: 7 },
  })
})

test('an abort ends a busy Web Worker', async () => {
  expect(await chromium.page.evaluate(() => inPage.abortPool())).toBe('enough')
})

test('a Web Worker that cannot be loaded is a PITH_INTERNAL', async () => {
  expect(await chromium.page.evaluate(() => inPage.missingWorker())).toBe('PITH_INTERNAL')
})

test('parts of a file come by HTTP, and no more than they', async () => {
  const bytes = Uint8Array.from({ length: 50_000 }, (_, i) => i >> 4)
  await fs.writeFile(join(chromium.folder, 'data.pith'), bytes)
  chromium.server.resetCounts()
  expect(await chromium.page.evaluate(() => inPage.readByHttp('data.pith'))).toEqual({
    size: 50_000,
    part: [...bytes.slice(1000, 1010)],
    requests: 2,
    bytes: 10,
  })
  expect(chromium.server.bytes).toBe(10)
})

test('a File is a source with its name', async () => {
  expect(await chromium.page.evaluate(() => inPage.readFile())).toEqual({
    name: 'app.log',
    head: [1, 2],
    hash: fingerprint(new Uint8Array([1, 2, 3, 4])),
  })
})

test('random numbers are the same to the bit as in Node', async () => {
  const random = new Random(2024)
  const here = new BigUint64Array(Float64Array.from({ length: 64 }, () => random.normal()).buffer)
  expect(await chromium.page.evaluate(() => inPage.bits())).toEqual([...here].map(String))
})

test('own coders give the same bytes as in Node', async () => {
  const text = Array.from({ length: 800 }, (_, i) => 97 + (((i * i) >> 5) % 20))
  const there = await chromium.page.evaluate((input) => inPage.coded(input), text)
  expect(there).toEqual(codings(Uint8Array.from(text)).map(fingerprint))
})
