import * as fs from 'node:fs/promises'
import { loadRuntime, Tensor } from '@pith/engine'
import { fromModel, readModel } from '@pith/engine/onnx'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildExample } from '../../../../examples/browser/build.ts'
import { makePoints, POINTS } from '../../../../examples/browser/train-data.ts'
import { openFolder, type TestPage } from '../../../../scripts/browser/open-page.ts'

let chromium: TestPage

beforeAll(async () => {
  chromium = await openFolder((folder) => buildExample(folder, { pages: ['train.html'] }), { file: 'train.html' })
}, 60_000)
afterAll(() => chromium.close())

/** The places of the curve of losses, from the left. */
async function curve(): Promise<number[]> {
  const path = (await chromium.page.locator('#line').getAttribute('d')) ?? ''
  return [...path.matchAll(/[ML]([\d.]+) ([\d.]+)/g)].map((match) => Number(match[2]))
}

test('a network learns the spirals, and its curve of losses falls', async () => {
  const { page } = chromium
  await page.getByRole('button', { name: 'Train' }).click()
  await page.getByText(/^Update 600 of 600: .* 600 updates, \d+ a second \(ort-web\)$/).waitFor({ timeout: 20_000 })
  const text = (await page.locator('#status').textContent()) ?? ''
  expect(Number(/loss ([\d.]+)/.exec(text)?.[1])).toBeLessThan(0.1)
  expect(Number(/(\d+) % right/.exec(text)?.[1])).toBeGreaterThanOrEqual(97)
  const heights = await curve()
  expect(heights.length).toBe(600)
  // The axis points down.
  expect(heights.at(-1)).toBeGreaterThan((heights[0] as number) + 100)
})

test('the network that the page saves gives each point its class in Node', async () => {
  const { page } = chromium
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save as .onnx' }).click(),
  ])
  expect(download.suggestedFilename()).toBe('points.onnx')
  const file = await fs.readFile(await download.path())
  expect(Object.keys(fromModel(readModel(new Uint8Array(file))).inputs)).toEqual(['x'])
  const session = await (await loadRuntime()).create(new Uint8Array(file))
  const { points, classes } = makePoints('spirals', 1)
  let right = 0
  for (let i = 0; i < POINTS; i++) {
    const x = new Tensor(points.slice(2 * i, 2 * i + 2), [1, 2])
    const [first = 0, second = 0] = ((await session.run({ x }))['logits'] as Tensor).data as Float32Array
    if (second > first === (classes[i] === 1)) right++
  }
  await session.dispose()
  expect(right / POINTS).toBeGreaterThanOrEqual(0.97)
})

test('a training that is stopped says so, and another one begins anew', async () => {
  const { page } = chromium
  await page.locator('#shape').selectOption('rings')
  await page.getByRole('button', { name: 'Train' }).click()
  await page.getByText(/^Update \d+ of 600/).waitFor()
  await page.getByRole('button', { name: 'Stop' }).click()
  await page.getByText(/\(ort-web\)$/).waitFor()
  const stopped = (await curve()).length
  expect(stopped).toBeGreaterThan(0)
  expect(stopped).toBeLessThan(600)
  await page.locator('#shape').selectOption('squares')
  await page.getByRole('button', { name: 'Train' }).click()
  await page.getByText(/^Update 600 of 600.*\(ort-web\)$/).waitFor({ timeout: 20_000 })
  expect((await curve()).length).toBe(600)
  expect(chromium.errors).toEqual([])
})
