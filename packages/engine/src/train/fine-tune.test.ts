import { Random } from '@pith/core'
import { expect, test } from 'vitest'
import { relu } from '../array/elementwise.ts'
import { conv2d, matmul } from '../array/linear.ts'
import { mean } from '../array/reduce.ts'
import { Graph, type Value } from '../ir/graph.ts'
import * as nn from '../nn/index.ts'
import { fromModel, type ImportedModel, readModel, toModel, writeModel } from '../onnx/index.ts'
import { adamw } from '../optim/index.ts'
import { loadRuntime } from '../runtime/load.ts'
import { type Params, Tensor } from '../tensor.ts'
import { fineTune } from './index.ts'

const RANDOM = new Random(4)
const draw = (...shape: number[]): Tensor => new Tensor(nn.normal(0.5)(RANDOM, shape), shape)

const PARAMS: Params = {
  'conv.weight': draw(4, 2, 3, 3),
  'norm.weight': new Tensor(Float32Array.of(1, 0.5, 2, 1)),
  'norm.bias': draw(4),
  'norm.running_mean': draw(4),
  'norm.running_var': new Tensor(Float32Array.of(1, 2, 0.5, 1)),
  'head.weight': draw(4, 3),
}

/** A file of a small convolutional network whose batches have no fixed size. */
function makeFile(): Uint8Array {
  const graph = new Graph()
  const x = graph.input('x', 'f32', [6, 2, 5, 5])
  const p = Object.fromEntries(
    Object.entries(PARAMS).map(([name, { shape }]) => [name, graph.input(name, 'f32', shape)]),
  ) as Record<string, Value>
  const convolved = conv2d(x, p['conv.weight'] as Value, { pads: 1 })
  const normal = ['norm.weight', 'norm.bias', 'norm.running_mean', 'norm.running_var'].map((name) => p[name])
  const [y] = graph.emit('BatchNormalization', [convolved, ...normal]) as [Value]
  const logits = matmul(mean(relu(y), [2, 3]), p['head.weight'] as Value)
  const model = toModel(graph, { logits }, { initialisers: PARAMS })
  const [batch] = model.graph?.input?.[0]?.type?.tensorType?.shape?.dim ?? []
  if (batch !== undefined) {
    delete batch.dimValue
    batch.dimParam = 'batch'
  }
  return writeModel(model)
}

const BYTES = makeFile()
const open = (dims: Record<string, number> = { batch: 6 }): ImportedModel => fromModel(readModel(BYTES), { dims })
const loss = ({ logits }: Readonly<Record<string, Value>>, { t }: Readonly<Record<string, Value>>): Value =>
  nn.crossEntropy(logits as Value, t as Value)
const TARGETS = new Tensor(BigInt64Array.of(0n, 1n, 2n, 2n, 1n, 0n))

test('an imported model learns, is written back, and gives the same in onnxruntime', async () => {
  const model = open()
  const step = await fineTune(model, loss, {
    batch: { t: TARGETS },
    optimizer: adamw({ lr: 0.03 }),
    frozen: (name) => name === 'norm.bias',
  })
  const batch = { x: draw(6, 2, 5, 5), t: TARGETS }
  const before = (await step.evaluate(batch)).loss
  for (let i = 0; i < 60; i++) await step.step(batch)
  const after = (await step.evaluate(batch)).loss
  expect(after).toBeLessThan(before / 2)
  const saved = readModel(writeModel(toModel(model.graph, model.outputs, { initialisers: step.params })))
  const again = fromModel(saved, { dims: { batch: 6 } })
  for (const name of ['norm.bias', 'norm.running_mean', 'norm.running_var']) {
    expect(again.tensors[name]?.data).toEqual(PARAMS[name]?.data)
  }
  expect(again.tensors['conv.weight']?.data).not.toEqual(PARAMS['conv.weight']?.data)
  const session = await (await loadRuntime()).create(writeModel(saved))
  expect(Object.keys(session.inputs)).toEqual(['x'])
  const logits = (await session.run({ x: batch.x }))['logits'] as Tensor
  const rows = Array.from({ length: 6 }, (_, row) =>
    Array.from(logits.data as Float32Array).slice(3 * row, 3 * row + 3),
  )
  const losses = rows.map((row, i) => {
    const sum = row.reduce((total, value) => total + Math.exp(value), 0)
    return Math.log(sum) - (row[Number(TARGETS.data[i])] as number)
  })
  expect(losses.reduce((sum, value) => sum + value, 0) / 6).toBeCloseTo(after, 5)
  await Promise.all([session.dispose(), step.dispose()])
})

test('the imported model itself is not changed', async () => {
  const model = open()
  const count = [model.graph.nodes.length, model.graph.inputs.length]
  const step = await fineTune(model, loss, { batch: { t: TARGETS }, optimizer: adamw() })
  await step.step({ x: draw(6, 2, 5, 5), t: TARGETS })
  await step.dispose()
  expect([model.graph.nodes.length, model.graph.inputs.length]).toEqual(count)
  expect(model.tensors['conv.weight']?.data).toEqual(PARAMS['conv.weight']?.data)
})

test('axes of unknown length are refused', async () => {
  const tuned = fineTune(open({}), loss, { batch: { t: TARGETS }, optimizer: adamw() })
  await expect(tuned).rejects.toMatchObject({ code: 'PITH_SHAPE', hint: expect.stringContaining('dims') })
})
