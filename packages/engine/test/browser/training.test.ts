import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { loadRuntime, type RuntimeOptions, type Tensor } from '@pith/engine'
import { readNpz } from '@pith/engine/io'
import { fromModel, readModel } from '@pith/engine/onnx'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPage, type TestPage } from '../../../../scripts/browser/open-page.ts'
import { compileLanguageModel, type ModelSizes, trainLanguageModel } from './language-model.ts'
import type { InPage } from './page.ts'

declare const inPage: InPage

const SIZES: ModelSizes = { layers: 2, width: 32, heads: 2, words: 64, rows: 4, tokens: 32 }
const UPDATES = 20
const SAMPLE = new URL('../../../../examples/sample/', import.meta.url)

let chromium: TestPage

beforeAll(async () => {
  chromium = await openPage({ page: new URL('./page.ts', import.meta.url) })
  await fs.copyFile(new URL('net.onnx', SAMPLE), join(chromium.folder, 'net.onnx'))
}, 60_000)
afterAll(() => chromium.close())

function numbersOf(tensor: Tensor | undefined): number[] {
  return Array.from(tensor?.data as ArrayLike<number | bigint>, Number)
}

/** The largest distance of two lists of one length. */
function distance(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length)
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))))
}

async function trainHere(): Promise<number[]> {
  const backend = await loadRuntime()
  expect(backend.name).toBe('ort-node')
  const step = await compileLanguageModel(SIZES, backend)
  const losses = await trainLanguageModel(step, SIZES, UPDATES)
  await step.dispose()
  return losses
}

async function trainThere({ page }: TestPage, options: RuntimeOptions = {}): Promise<number[]> {
  await page.evaluate(([sizes, own]) => inPage.begin(sizes, own), [SIZES, options] as const)
  return await page.evaluate((updates) => inPage.train(updates), UPDATES)
}

test('twenty updates of a language model have the losses of the native runtime', async () => {
  const here = await trainHere()
  expect(here.at(-1)).toBeLessThan((here[0] as number) - 0.3)
  expect(distance(await trainThere(chromium), here)).toBeLessThanOrEqual(1e-4)
})

test('an imported model is tuned and written back in the page; its file gives the same in Node', async () => {
  const reference = await readNpz(await fs.readFile(new URL('net.npz', SAMPLE)))
  const call = [numbersOf(reference['x']), numbersOf(reference['t'])] as const
  const tuned = await chromium.page.evaluate(([x, t]) => inPage.fineTune('net.onnx', [...x], [...t]), call)
  expect(tuned.losses.at(-1)).toBeLessThan((tuned.losses[0] as number) / 2)

  const file = new Uint8Array(Buffer.from(tuned.file, 'latin1'))
  const session = await (await loadRuntime()).create(file)
  const { y } = await session.run({ x: reference['x'] as Tensor })
  await session.dispose()
  expect(distance(tuned.outputs, numbersOf(y))).toBeLessThanOrEqual(1e-5)

  const before = fromModel(readModel(await fs.readFile(new URL('net.onnx', SAMPLE)))).tensors
  const after = fromModel(readModel(file)).tensors
  expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort())
  for (const [name, { data }] of Object.entries(before)) {
    if (name.startsWith('first.')) expect(after[name]?.data).toEqual(data)
    else expect(after[name]?.data).not.toEqual(data)
  }
})

test('what is no model is a typed error', async () => {
  expect(await chromium.page.evaluate(() => inPage.refuse([1, 2, 3]))).toBe('PITH_MODEL')
})

test('the page asks for threads and gets one: it is not isolated, and says so', async () => {
  expect(await chromium.page.evaluate(() => inPage.isIsolated())).toBe(false)
  const { name, notes } = await chromium.page.evaluate(() => inPage.runtime({ threads: 2 }))
  expect(name).toBe('ort-web')
  expect(notes).toEqual([expect.stringMatching(/^1 thread instead of 2: .*Cross-Origin-Opener-Policy/)])
})

test('a page without the .wasm file says what to serve', async () => {
  const bare = await openPage({ page: new URL('./page.ts', import.meta.url) })
  try {
    for (const name of await fs.readdir(bare.folder)) {
      if (name.endsWith('.wasm')) await fs.rm(join(bare.folder, name))
    }
    expect(await bare.page.evaluate(() => inPage.refuse([1, 2, 3]))).toBe('PITH_CAPABILITY')
  } finally {
    await bare.close()
  }
})

test('everything came from the server of the page, and nothing failed', () => {
  const { server, requested, errors } = chromium
  expect(requested.filter((url) => !url.startsWith(server.url) && !url.startsWith('data:'))).toEqual([])
  expect(requested.some((url) => url.endsWith('.wasm'))).toBe(true)
  expect(errors).toEqual([])
})

test('an isolated page trains with two threads, to the same losses', async () => {
  const isolated = await openPage({ page: new URL('./page.ts', import.meta.url) }, { isIsolated: true })
  try {
    const { page } = isolated
    expect(await page.evaluate(() => inPage.isIsolated())).toBe(true)
    expect(await page.evaluate(() => inPage.runtime({ threads: 2 }))).toEqual({ name: 'ort-web', notes: [] })
    const workers = page.workers().length
    const losses = await trainThere(isolated, { threads: 2 })
    expect(page.workers().length).toBeGreaterThan(workers)
    expect(distance(losses, await trainHere())).toBeLessThanOrEqual(1e-4)
    expect(isolated.errors).toEqual([])
  } finally {
    await isolated.close()
  }
})
