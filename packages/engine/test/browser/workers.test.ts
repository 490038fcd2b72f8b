import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPage, type TestPage } from '../../../../scripts/browser/open-page.ts'
import type { WorkersInPage } from './workers-page.ts'

declare const workersInPage: WorkersInPage

describe.each([true, false])('in a page, isolated: %s', (isIsolated) => {
  let chromium: TestPage

  beforeAll(async () => {
    chromium = await openPage(
      {
        page: new URL('./workers-page.ts', import.meta.url),
        worker: new URL('../../src/worker.ts', import.meta.url),
      },
      { isIsolated },
    )
  }, 60_000)
  afterAll(() => chromium.close())

  test('workers share a training where they can share memory, and give the bits of the calling thread', async () => {
    const one = await chromium.page.evaluate(() => workersInPage.train(1))
    const two = await chromium.page.evaluate(() => workersInPage.train(2))
    expect(two).toEqual({ ...one, isShared: isIsolated })
    expect(one.losses.at(-1)).toBeLessThan(one.losses[0] as number)
  })

  if (!isIsolated) return

  test('a worker that dies within an update rejects it, and the training goes on as if nothing had been', async () => {
    const { losses, weights } = await chromium.page.evaluate(() => workersInPage.train(1))
    expect(await chromium.page.evaluate(() => workersInPage.trainOn())).toEqual({
      failure: 'PITH_INTERNAL',
      losses,
      weights,
    })
  })

  test('a model runs in a Web Worker, which a run that is given up ends', async () => {
    expect(await chromium.page.evaluate(() => workersInPage.run())).toEqual({ name: 'ort-web', notes: [], y: [3, 6] })
    expect(await chromium.page.evaluate(() => workersInPage.giveUp())).toEqual(['enough', [256, 256]])
  })

  test('eigenvalues come from a Web Worker to the same bits', async () => {
    const there = await chromium.page.evaluate(() => workersInPage.eigh(260, true))
    expect(await chromium.page.evaluate(() => workersInPage.eigh(260, false))).toEqual(there)
    expect(chromium.errors).toEqual([])
  })
})
