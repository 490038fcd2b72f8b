import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createIndex, exportIndex, openIndex } from '@pith/index/store/node'
import { expect, test } from 'vitest'
import { buildExample } from '../../../../examples/browser/build.ts'
import { openFolder } from '../../../../scripts/browser/open-page.ts'
import { openCollection } from '../../src/readers/node/index.ts'

test('a search box over a folder of Markdown, in a static page', async () => {
  const tmp = await mkdtemp(join(tmpdir(), 'pith-search-page-'))
  const chromium = await openFolder(
    async (folder) => {
      await buildExample(folder, { pages: ['search.html'] })
      const garden = await openCollection(new URL('../../../../examples/sample/garden', import.meta.url).pathname)
      const writer = await createIndex(join(tmp, 'x.pith'))
      for await (const document of garden.documents()) await writer.add(document)
      await writer.close()
      const index = await openIndex(join(tmp, 'x.pith'))
      await exportIndex(index, join(folder, 'docs.pith'))
      await index.close()
    },
    { file: 'search.html' },
  )
  try {
    const { page, errors } = chromium
    await page.locator('#query:enabled').waitFor()
    expect(await page.locator('#status').textContent()).toBe('10 documents')
    await page.keyboard.type('pruning appl')
    await page.getByText(/\d found in \d+ ms, [\d.]+ kB of [\d.]+ kB read so far/).waitFor()
    const link = page.locator('#hits h2 a').first()
    await expect.poll(() => link.textContent()).toBe('Pruning apple trees')
    expect(await link.getAttribute('href')).toMatch(/\/pruning-apples\.html#pruning-apple-trees$/)
    expect(await page.locator('#hits mark').first().textContent()).toBe('Pruning')
    expect(errors).toEqual([])
  } finally {
    await chromium.close()
    await rm(tmp, { recursive: true })
  }
})
