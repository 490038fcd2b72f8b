import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { Graph, loadRuntime, ops, Tensor, type Value, webgpuSupported } from '@pith/engine'
import { readNpz } from '@pith/engine/io'
import { toModel, writeModel } from '@pith/engine/onnx'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPage, type TestPage } from '../../../../scripts/browser/open-page.ts'
import type { InPage, Ran } from './page.ts'
import { errorOf, type Plain, toPlain } from './plain.ts'

declare const inPage: InPage

const SAMPLE = new URL('../../../../examples/sample/', import.meta.url)

let chromium: TestPage
let reference: Readonly<Record<string, Tensor>>

beforeAll(async () => {
  reference = await readNpz(await fs.readFile(new URL('net.npz', SAMPLE)))
  chromium = await openPage({ page: new URL('./page.ts', import.meta.url) }, { gpu: 'software' })
  await fs.copyFile(new URL('net.onnx', SAMPLE), join(chromium.folder, 'net.onnx'))
}, 60_000)
afterAll(() => chromium.close())

function numbersOf(tensor: Tensor | undefined): number[] {
  return Array.from(tensor?.data as ArrayLike<number | bigint>, Number)
}

function modelOf(outputs: Readonly<Record<string, Value>>): Uint8Array {
  const [first] = Object.values(outputs)
  return writeModel(toModel((first as Value).graph, outputs))
}

async function runThere(model: Uint8Array, feeds: Readonly<Record<string, Tensor>>): Promise<Ran> {
  const plain = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toPlain(tensor)]))
  const call = [Buffer.from(model).toString('latin1'), plain] as const
  return await chromium.page.evaluate(([own, given]) => inPage.run(own, given, { prefer: 'webgpu' }), call)
}

async function runHere(
  model: Uint8Array,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Readonly<Record<string, Plain>>> {
  const session = await (await loadRuntime()).create(model)
  const outputs = await session.run(feeds)
  await session.dispose()
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, toPlain(tensor)]))
}

describe('on WebGPU', () => {
  test('an imported model is tuned to the losses of WebAssembly', async () => {
    const { page } = chromium
    const call = [numbersOf(reference['x']), numbersOf(reference['t'])] as const
    const tuned = await page.evaluate(([x, t]) => inPage.fineTune('net.onnx', x, t, { prefer: 'webgpu' }), call)
    const plain = await page.evaluate(([x, t]) => inPage.fineTune('net.onnx', x, t), call)
    expect(await page.evaluate(() => inPage.runtime({ prefer: 'webgpu' }))).toEqual({ name: 'ort-webgpu', notes: [] })
    expect(tuned.losses.at(-1)).toBeLessThan((tuned.losses[0] as number) / 2)
    expect(Math.max(...tuned.losses.map((loss, i) => Math.abs(loss - (plain.losses[i] as number))))).toBeLessThan(1e-4)
  })

  test('two sessions at once take turns', async () => {
    const model = modelOf({ y: ops.tanh(new Graph().input('x', 'f32', [3])) })
    const runs = [1, 2, 3].map((value) => runThere(model, { x: new Tensor(Float32Array.of(value, 0, -value)) }))
    for (const [i, { outputs, notes }] of (await Promise.all(runs)).entries()) {
      expect(notes).toEqual([])
      expect(outputs['y']?.data[0]).toBeCloseTo(Math.tanh(i + 1), 5)
    }
  })

  test('64-bit integers come and go, and integers that need 64 bits are refused', async () => {
    const graph = new Graph()
    const places = graph.input('places', 'i64', [3])
    const table = graph.constant(new Tensor(Float32Array.of(0.5, 1.5, 2.5, 3.5), [4]))
    const [capped] = graph.emit('Min', [places, graph.constant(new Tensor(BigInt64Array.of(3n), []))]) as [Value]
    const model = modelOf({ y: ops.gatherRows(table, capped), capped })
    const feeds = { places: new Tensor(BigInt64Array.of(2n, 0n, 7n)) }
    const { outputs, notes } = await runThere(model, feeds)
    expect(notes).toEqual([])
    expect(outputs).toEqual(await runHere(model, feeds))
    expect(outputs['capped']).toMatchObject({ dtype: 'i64', data: [2, 0, 3] })
    const wide = runThere(model, { places: new Tensor(BigInt64Array.of(1n, 2n ** 40n, 1n)) })
    await expect(wide).rejects.toThrow('input places has integers of more than 32 bits')
  })

  test('an operator that it lacks is named in a note, and the model is right as WebAssembly', async () => {
    const graph = new Graph()
    const x = graph.input('x', 'f32', [4])
    const [y] = graph.emit('Round', [x]) as [Value]
    expect(webgpuSupported([y])).toEqual({ isSupported: false, missing: ['Round'] })
    const { outputs, notes } = await runThere(modelOf({ y }), { x: new Tensor(Float32Array.of(0.5, 1.5, -2.5, 2.6)) })
    expect(outputs['y']?.data.map(Number)).toEqual([0, 2, -2, 3])
    expect(notes).toEqual(['a model runs as WebAssembly: WebGPU lacks Round'])
  })

  test('what it computes wrongly is computed in another way', async () => {
    const graph = new Graph()
    const x = graph.input('x', 'f32', [8])
    const [backwards] = graph.emit('Slice', [x, graph.ints([6]), graph.ints([-99]), graph.ints([0]), graph.ints([-3])])
    const [large] = graph.emit('ReduceLogSumExp', [x], { keepdims: 0 })
    const model = modelOf({ backwards: backwards as Value, large: large as Value })
    const feeds = { x: new Tensor(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 800)) }
    const [{ outputs, notes }, want] = [await runThere(model, feeds), await runHere(model, feeds)]
    expect(notes).toEqual([])
    expect(outputs['backwards']?.data).toEqual([7, 4, 1])
    for (const [name, plain] of Object.entries(want)) expect(errorOf(outputs[name] as Plain, plain)).toBeLessThan(1e-6)
  })

  test('all came from the server of the page', () => {
    const { server, requested, errors } = chromium
    expect(requested.filter((url) => !url.startsWith(server.url) && !url.startsWith('data:'))).toEqual([])
    expect(errors).toEqual([])
  })
})

test('a page without an adapter says so, and runs WebAssembly', async () => {
  const plain = await openPage({ page: new URL('./page.ts', import.meta.url) })
  try {
    const told = await plain.page.evaluate(() => inPage.runtime({ prefer: 'webgpu' }))
    expect(told).toEqual({
      name: 'ort-web',
      notes: ['WebGPU is not used: the browser gives no adapter. Models run as WebAssembly'],
    })
  } finally {
    await plain.close()
  }
})
