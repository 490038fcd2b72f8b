import { Random } from '@pith/core'
import { expect, test } from 'vitest'
import { failure } from '../../test/errors.ts'
import { tanh } from '../array/elementwise.ts'
import { conv2d, matmul } from '../array/linear.ts'
import { mean } from '../array/reduce.ts'
import { Graph, type Value } from '../ir/graph.ts'
import * as nn from '../nn/index.ts'
import { fromModel, readModel, toModel, writeModel } from '../onnx/index.ts'
import { adamw } from '../optim/index.ts'
import { compile } from '../runtime/compile.ts'
import { f32, i64, type Params, Tensor } from '../tensor.ts'
import { compileTrainStep, fineTune, isAdapter, loraParams, mergeLora, restoreState, saveState } from './index.ts'

const random = new Random(2)
const draw = (...shape: number[]): Tensor => new Tensor(nn.normal(0.5)(random, shape), shape)
const PARAMS: Params = { 'conv.w': draw(4, 2, 3, 3), 'conv.b': draw(4), 'head.w': draw(4, 3), 'head.b': draw(3) }
const TARGETS = new Tensor(BigInt64Array.of(0n, 1n, 2n, 2n, 1n, 0n))
const BATCH = { x: draw(6, 2, 5, 5), t: TARGETS }

function logitsOf(p: Readonly<Record<string, Value>>, x: Value): Value {
  const hidden = tanh(conv2d(x, p['conv.w'] as Value, { pads: 1, bias: p['conv.b'] as Value }))
  return matmul(mean(hidden, [2, 3]), p['head.w'] as Value, { bias: p['head.b'] as Value })
}

const LORA = { rank: 2, alpha: 6 }
const open = (lora = LORA) =>
  compileTrainStep(
    (p, { x, t }) => {
      const logits = logitsOf(p, x as Value)
      return { loss: nn.crossEntropy(logits, t as Value), aux: { logits } }
    },
    { params: PARAMS, batch: { x: f32(6, 2, 5, 5), t: i64(6) }, optimizer: adamw({ lr: 0.03 }), lora },
  )

test('at first nothing changes; then only thin matrices are trained, and merged weights give the same', async () => {
  const step = await open()
  const plain = await compileTrainStep((p, { x, t }) => nn.crossEntropy(logitsOf(p, x as Value), t as Value), {
    params: PARAMS,
    batch: { x: f32(6, 2, 5, 5), t: i64(6) },
    optimizer: adamw(),
  })
  const before = (await step.evaluate(BATCH)).loss
  expect(before).toBeCloseTo((await plain.evaluate(BATCH)).loss, 6)
  expect(step.store.slots.map(({ name, shape }) => [name, shape])).toEqual([
    ['conv.w.lora_A', [4, 2]],
    ['conv.w.lora_B', [2, 18]],
    ['head.w.lora_A', [4, 2]],
    ['head.w.lora_B', [2, 3]],
  ])
  for (let i = 0; i < 60; i++) await step.step(BATCH)
  const { loss, aux } = await step.evaluate(BATCH)
  expect(loss).toBeLessThan(before / 2)
  const merged = mergeLora(step.params, LORA)
  expect(Object.keys(merged)).toEqual(Object.keys(PARAMS))
  expect(merged['head.b']).toBe(PARAMS['head.b'])
  expect(step.params['conv.w']?.data).toEqual(PARAMS['conv.w']?.data)
  const graph = new Graph()
  const values = Object.fromEntries(Object.entries(merged).map(([name, own]) => [name, graph.constant(own)]))
  const session = await compile({ y: logitsOf(values, graph.input('x', 'f32', [6, 2, 5, 5])) })
  const y = (await session.run({ x: BATCH.x }))['y']?.data as Float32Array
  const worst = y.reduce((most, value, i) => Math.max(most, Math.abs(value - Number(aux['logits']?.data[i]))), 0)
  expect(worst).toBeLessThan(1e-5)
  await Promise.all([session.dispose(), step.dispose(), plain.dispose()])
})

test('a checkpoint goes on bit for bit, and another scale is refused', async () => {
  const [one, two, other] = [await open(), await open(), await open({ rank: 2, alpha: 4 })]
  for (let i = 0; i < 4; i++) await one.step(BATCH)
  for (let i = 0; i < 2; i++) await two.step(BATCH)
  const files = saveState(two)
  const again = await open()
  await restoreState(again, files)
  for (let i = 0; i < 2; i++) await again.step(BATCH)
  expect(again.store.weights).toEqual(one.store.weights)
  await expect(restoreState(other, files)).rejects.toMatchObject({ code: 'PITH_ARG' })
  await Promise.all([one.dispose(), two.dispose(), other.dispose(), again.dispose()])
})

test('an imported model is adapted where asked for, and saved merged', async () => {
  const graph = new Graph()
  const p = Object.fromEntries(
    Object.entries(PARAMS).map(([name, { shape }]) => [name, graph.input(name, 'f32', shape)]),
  )
  const y = logitsOf(p, graph.input('x', 'f32', [6, 2, 5, 5]))
  const model = fromModel(readModel(writeModel(toModel(graph, { y }, { initialisers: PARAMS }))))
  const step = await fineTune(model, (outputs, batch) => nn.crossEntropy(outputs['y'] as Value, batch['t'] as Value), {
    batch: { t: TARGETS },
    optimizer: adamw({ lr: 0.05 }),
    lora: { rank: 1, targets: (name) => name.startsWith('head') },
    frozen: (name) => name === 'conv.w',
  })
  expect(step.store.slots.map(({ name }) => name)).toEqual(['head.w.lora_A', 'head.w.lora_B'])
  const before = (await step.evaluate(BATCH)).loss
  for (let i = 0; i < 40; i++) await step.step(BATCH)
  const after = (await step.evaluate(BATCH)).loss
  expect(after).toBeLessThan(before)
  const saved = fromModel(
    readModel(writeModel(toModel(model.graph, model.outputs, { initialisers: mergeLora(step.params, { rank: 1 }) }))),
  )
  expect(Object.keys(saved.tensors).some(isAdapter)).toBe(false)
  expect(saved.tensors['conv.w']?.data).toEqual(PARAMS['conv.w']?.data)
  expect(saved.tensors['head.w']?.data).not.toEqual(PARAMS['head.w']?.data)
  await step.dispose()
})

test('draws depend on seed and name alone', () => {
  const all = loraParams(PARAMS, { rank: 3 }, 5)
  const one = loraParams({ 'head.w': f32(4, 3) }, { rank: 3 }, 5)
  expect(one['head.w.lora_A']?.data).toEqual(all['head.w.lora_A']?.data)
  expect(loraParams(PARAMS, { rank: 3 }, 6)['head.w.lora_A']?.data).not.toEqual(one['head.w.lora_A']?.data)
})

test('settings that make no sense are refused', () => {
  expect(failure(() => loraParams(PARAMS, { rank: 0 })).code).toBe('PITH_ARG')
  expect(failure(() => loraParams(PARAMS, { rank: 1, alpha: -1 })).code).toBe('PITH_ARG')
  expect(failure(() => loraParams({ b: f32(3) }, { rank: 1 })).message).toBe('there is no matrix to adapt')
})
