/** Every row of the table of what WebGPU computes, against the native runtime. */
import { Graph, loadRuntime, type Value } from '@pith/engine'
import { toModel, writeModel } from '@pith/engine/onnx'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPage, type TestPage } from '../../../../scripts/browser/open-page.ts'
import { ROWS } from '../../src/runtime/webgpu-table.ts'
import { CASES } from '../gradients/all-cases.ts'
import type { Cases } from '../gradients/inputs.ts'
import { compileLanguageModel, type ModelSizes, trainLanguageModel } from './language-model.ts'
import type { InPage } from './page.ts'
import { errorOf, type Plain, toPlain } from './plain.ts'
import { MORE_CASES } from './webgpu-cases.ts'

declare const inPage: InPage

const SIZES: ModelSizes = { layers: 1, width: 16, heads: 2, words: 32, rows: 2, tokens: 16 }
const UPDATES = 20

/** Largest error relative to the largest result: WebGPU lets sines and cosines be this far off. */
const ERROR = 5e-4

/** Forms of operators that it has which it lacks. */
const LACKS: Readonly<Record<string, readonly string[]>> = {
  ':MaxPool': ['a model runs as WebAssembly: WebGPU lacks MaxPool with places'],
  ':ReduceL1': ['a model runs as WebAssembly: WebGPU lacks ReduceL1 over no axes'],
  ':ReduceL2': ['a model runs as WebAssembly: WebGPU lacks ReduceL2 over no axes'],
  ':ReduceLogSum': ['a model runs as WebAssembly: WebGPU lacks ReduceLogSum over no axes'],
  ':ReduceSumSquare': ['a model runs as WebAssembly: WebGPU lacks ReduceSumSquare over no axes'],
  ':Resize': ['a model runs as WebAssembly: WebGPU lacks Resize with antialias'],
}

/** A few cases of each operator. */
const OWN: Cases = Object.fromEntries(
  [...new Set([...ROWS, ...Object.keys(CASES), ...Object.keys(MORE_CASES)])].map((key) => [
    key,
    [...(CASES[key] ?? []).slice(0, 6), ...(MORE_CASES[key] ?? [])],
  ]),
)

let chromium: TestPage

beforeAll(async () => {
  chromium = await openPage({ page: new URL('./page.ts', import.meta.url) }, { gpu: 'software' })
}, 60_000)
afterAll(() => chromium.close())

interface Compared {
  readonly notes: readonly string[]
  readonly error: number
}

/** One case in the page and here. */
async function compare(one: Cases[string][number]): Promise<Compared> {
  const graph = new Graph()
  const inputs = one.inputs.map((tensor, i) => graph.input(`x${i}`, tensor.dtype, tensor.shape))
  const result = one.f(...inputs)
  const list: readonly Value[] = Array.isArray(result) ? result : [result as Value]
  const outputs = Object.fromEntries(list.map((value, i) => [`y${i}`, value]))
  const model = writeModel(toModel(graph, outputs))
  const feeds = Object.fromEntries(one.inputs.map((tensor, i) => [`x${i}`, tensor]))
  const session = await (await loadRuntime()).create(model)
  const want = await session.run(feeds)
  await session.dispose()
  const plain = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toPlain(tensor)]))
  const call = [Buffer.from(model).toString('latin1'), plain] as const
  const got = await chromium.page.evaluate(([own, given]) => inPage.run(own, given, { prefer: 'webgpu' }), call)
  const errors = Object.entries(want).map(([name, tensor]) => errorOf(got.outputs[name] as Plain, toPlain(tensor)))
  return { notes: got.notes, error: Math.max(...errors) }
}

describe('the table of what WebGPU computes', () => {
  test.each(ROWS)('%s is right', async (key) => {
    const cases = OWN[key] ?? []
    expect(cases.length).toBeGreaterThan(0)
    const notes: string[] = []
    for (const one of cases) {
      const compared = await compare(one)
      expect(compared.error).toBeLessThanOrEqual(ERROR)
      notes.push(...compared.notes)
    }
    expect(notes).toEqual(LACKS[key] ?? [])
  })
})

test('twenty updates of a language model have the losses of the native runtime', async () => {
  const step = await compileLanguageModel(SIZES, await loadRuntime())
  const here = await trainLanguageModel(step, SIZES, UPDATES)
  await step.dispose()
  const { page } = chromium
  await page.evaluate((sizes) => inPage.begin(sizes, { prefer: 'webgpu' }), SIZES)
  const there = await page.evaluate((updates) => inPage.train(updates), UPDATES)
  expect(here.at(-1)).toBeLessThan((here[0] as number) - 0.2)
  expect(Math.max(...here.map((loss, i) => Math.abs(loss - (there[i] as number))))).toBeLessThanOrEqual(1e-3)
})

describe('what WebGPU lacks', () => {
  const others = Object.keys(OWN).filter((key) => !ROWS.includes(key))

  test.each(others)('%s is right as other operators, or as WebAssembly with a note', async (key) => {
    for (const one of OWN[key] ?? []) expect((await compare(one)).error).toBeLessThanOrEqual(ERROR)
  })
})
