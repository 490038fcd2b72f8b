import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { concatBytes } from '@pith/core'
import { compressLog } from '@pith/text/logzip'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildExample } from '../../../../examples/browser/build.ts'
import { openFolder, type TestPage } from '../../../../scripts/browser/open-page.ts'

let chromium: TestPage
let lines: string[]

beforeAll(async () => {
  const access = await fs.readFile(new URL('../../../../examples/sample/access.log', import.meta.url))
  const log = access.subarray(0, access.lastIndexOf(10, 400_000) + 1)
  lines = log.toString().trimEnd().split('\n')
  const pieces: Uint8Array[] = []
  for await (const piece of compressLog(log, { level: 'fast', chunkBytes: 65536 })) pieces.push(piece)
  chromium = await openFolder(async (folder) => {
    await buildExample(folder, { pages: ['index.html'] })
    await fs.writeFile(join(folder, 'access.log.pith'), concatBytes(pieces))
    await fs.writeFile(join(folder, 'none.pith'), 'this is no pith file at all')
  })
})
afterAll(() => chromium.close())

test('a chosen file is opened, its templates are listed, its lines are found', async () => {
  const { page, folder } = chromium
  await page.locator('#file').setInputFiles(join(folder, 'access.log.pith'))
  await page.locator('#templates tbody tr').first().waitFor()
  expect(await page.locator('#status').textContent()).toMatch(/^access\.log\.pith: [\d,]+ lines, 400 kB in /)
  expect(await page.locator('#templates tbody tr').first().textContent()).toContain('<ts>')
  await page.keyboard.type('/products/18 HTTP')
  await page.keyboard.press('Enter')
  const found = lines.flatMap((line, i) => (line.includes('/products/18 HTTP') ? [[String(i + 1), line]] : []))
  await page.getByText(`${found.length} lines. Read`).waitFor()
  const rows = page.locator('#hits tbody tr')
  expect(
    await rows.evaluateAll((list) => list.map((row) => [...row.children].map((cell) => cell.textContent))),
  ).toEqual(found.map(([line, text]) => [line!.replace(/\B(?=(\d{3})+$)/g, ','), text]))
})

test('a file that is no log is refused with a hint, and the next one opens', async () => {
  const { page, folder } = chromium
  await page.locator('#file').setInputFiles(join(folder, 'none.pith'))
  await page.locator('#status.bad').waitFor()
  expect(await page.locator('#status').textContent()).toMatch(/pith/)
  await page.locator('#file').setInputFiles(join(folder, 'access.log.pith'))
  await page.getByText(/lines, 400 kB in/).waitFor()
})

test('a log on the server is read by ranges, an expression without a hit reads little', async () => {
  const { page, server } = chromium
  await page.goto(`${server.url}?url=access.log.pith`)
  await page.getByText(/lines, 400 kB in/).waitFor()
  await page.getByLabel('Find').fill('Segmentation (fault|error)')
  await page.getByLabel('expression').check()
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByText(/^0 lines\. Read /).waitFor()
  expect(chromium.errors).toEqual([])
})
