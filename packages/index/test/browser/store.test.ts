import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { Random } from '@pith/core'
import type { IndexDocument } from '@pith/index'
import type { IndexReader } from '@pith/index/store'
import { createIndex, exportIndex, openIndex } from '@pith/index/store/node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPage, type TestPage } from '../../../../scripts/browser/open-page.ts'
import type { InPage } from './page.ts'

declare const inPage: InPage

const DOCUMENTS = 11_000
const QUERIES = ['taba kori melu', 'dasi', 'rolo nebi gatu sife', 'kori -taba']

let chromium: TestPage
let index: IndexReader

/** Words of two or three syllables, the first of them often and the last seldom, as words are. */
function wordOf(random: Random): string {
  const rank = Math.floor(30_000 ** random.uniform())
  const syllables = ['ta', 'ko', 'me', 'da', 'ro', 'ne', 'ga', 'si', 'lu', 'ba', 'ri', 'fe']
  let word = ''
  for (let rest = rank + 12; rest > 0; rest = Math.floor(rest / 12)) word += syllables[rest % 12]
  return word
}

function someDocuments(): IndexDocument[] {
  const random = new Random(11)
  return Array.from({ length: DOCUMENTS }, (_, i) => ({
    id: `paper-${i}`,
    title: `${wordOf(random)} ${wordOf(random)}`,
    text: Array.from({ length: 15 + random.integer(20) }, () => wordOf(random)).join(' '),
    fields: { year: 1960 + (i % 60) },
  }))
}

beforeAll(async () => {
  chromium = await openPage({ page: new URL('page.ts', import.meta.url) })
  const writer = await createIndex(join(chromium.folder, 'folder.pith'), { durability: 'none' })
  await writer.add(someDocuments())
  await writer.close()
  const folder = await openIndex(join(chromium.folder, 'folder.pith'))
  await exportIndex(folder, join(chromium.folder, 'papers.pith'))
  await folder.close()
  index = await openIndex(join(chromium.folder, 'papers.pith'))
}, 60_000)
afterAll(async () => {
  await index.close()
  await chromium.close()
})

test('the first answer from an index of 11,000 documents on a server costs less than 300 KB', async () => {
  for (const text of QUERIES) {
    // The code is here before: what is counted is the index.
    chromium.server.resetCounts()
    expect(await chromium.page.evaluate(() => inPage.open('papers.pith', 'url'))).toBe(DOCUMENTS)
    const found = await chromium.page.evaluate((own) => inPage.search(own), text)
    const { bytes } = chromium.server
    expect(found).toEqual(await index.search(text))
    expect(found?.hits.length).toBe(10)
    expect(bytes).toBeLessThan(300_000)
    expect(bytes).toBeGreaterThan(20_000)
  }
})

test.each(['url', 'blob'] as const)(
  'documents, conditions and facets are the same in the page, from a %s',
  async (how) => {
    await chromium.page.evaluate((own) => inPage.open('papers.pith', own), how)
    const query = {
      text: QUERIES[0],
      where: { year: { gte: 2000 } },
      facets: ['year'],
      total: true,
      documents: true,
      k: 5,
    }
    expect(await chromium.page.evaluate((own) => inPage.search(own), query)).toEqual(await index.search(query))
  },
)

test('what is no index is told by its code', async () => {
  await fs.writeFile(join(chromium.folder, 'text.pith'), 'no index at all')
  expect(await chromium.page.evaluate(() => inPage.failure('text.pith'))).toBe('PITH_CORRUPT')
  // The page writes to its console that a file is missing.
  expect(await chromium.page.evaluate(() => inPage.failure('missing.pith'))).toBe('PITH_NETWORK')
  expect(chromium.errors).toEqual([expect.stringContaining('404')])
})
