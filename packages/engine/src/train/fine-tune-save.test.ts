import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { expect, test } from 'vitest'
import { failure } from '../../test/errors.ts'
import type { Value } from '../ir/graph.ts'
import { crossEntropy } from '../nn/losses.ts'
import { fromModel, fromTensor, type ModelProto, readModel, writeModel } from '../onnx/index.ts'
import { adamw } from '../optim/index.ts'
import { loadRuntime } from '../runtime/load.ts'
import { type Params, Tensor } from '../tensor.ts'
import { fineTune, tunedModel } from './index.ts'

const NET = readModel(new Uint8Array(readFileSync(join(import.meta.dirname, '../../../../examples/sample/net.onnx'))))
const X = new Tensor(Float32Array.of(1, -2, 3, 0.5, 0.25, -1), [2, 3])

/** Every weight a little larger. */
function changed(tensors: Params, names: readonly string[]): Params {
  return Object.fromEntries(
    names.map((name) => {
      const { data, shape } = tensors[name] as Tensor
      return [
        name,
        new Tensor(
          (data as Float32Array).map((value) => value * 1.5 + 0.25),
          shape,
        ),
      ]
    }),
  )
}

async function run(model: ModelProto, x: Tensor): Promise<Tensor> {
  const session = await (await loadRuntime()).create(writeModel(model))
  const { y } = await session.run({ x })
  await session.dispose()
  return y as Tensor
}

const weights = (model: ModelProto) => (model.graph?.initializer ?? []).map(({ name, dims }) => [name, dims])

test('a trained weight has its name and layout of PyTorch again, all else stays to the byte', async () => {
  const model = fromModel(NET, { dims: { batch: 2 } })
  const trained = changed(model.tensors, ['onnx::MatMul_9', 'first.bias'])
  const saved = readModel(writeModel(tunedModel(NET, trained)))
  expect(weights(saved)).toEqual([
    ['first.bias', [5]],
    ['second.weight', [2, 5]],
    ['second.bias', [2]],
    ['first.weight', [5, 3]],
  ])
  expect(saved.graph?.input).toEqual(NET.graph?.input)
  expect(saved.graph?.node?.slice(1)).toEqual(NET.graph?.node)
  const [, second, bias] = saved.graph?.initializer ?? []
  expect([second?.rawData, bias?.rawData]).toEqual([
    NET.graph?.initializer?.[1]?.rawData,
    NET.graph?.initializer?.[2]?.rawData,
  ])
  const kept = structuredClone(NET)
  for (const tensor of kept.graph?.initializer ?? []) {
    const own = trained[tensor.name ?? '']
    if (own !== undefined) Object.assign(tensor, fromTensor(own, tensor.name))
  }
  expect(await run(saved, X)).toEqual(await run(kept, X))
})

/** y = x * a * b + c with equal `a` and `b`, which the exporter has merged. */
function tied(irVersion: number): ModelProto {
  const line = (name: string) => ({ name, type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 2 }] } } } })
  return {
    irVersion,
    producerName: 'pytorch',
    opsetImport: [{ domain: '', version: 13 }],
    graph: {
      name: 'tied',
      input: [line('x'), ...(irVersion < 4 ? [line('a'), line('c')] : [])],
      output: [line('y')],
      initializer: [
        fromTensor(new Tensor(Float32Array.of(2, 3)), 'a'),
        fromTensor(new Tensor(Float32Array.of(1, 1)), 'c'),
      ],
      valueInfo: [line('b'), line('p')],
      node: [
        { opType: 'Identity', name: 'Identity_0', input: ['a'], output: ['b'] },
        { opType: 'Mul', input: ['x', 'a'], output: ['p'] },
        { opType: 'Mul', input: ['p', 'b'], output: ['q'] },
        { opType: 'Add', input: ['q', 'c'], output: ['y'] },
      ],
    },
  }
}

test.each([3, 8])('weights that the exporter merged come back, in version %i of the format', async (version) => {
  const file = tied(version)
  const model = fromModel(file)
  expect(Object.keys(model.params)).toEqual(['a', 'c', 'b'])
  const saved = readModel(writeModel(tunedModel(file, { b: new Tensor(Float32Array.of(10, 20)) })))
  expect(weights(saved)).toEqual([
    ['a', [2]],
    ['c', [2]],
    ['b', [2]],
  ])
  expect(saved.graph?.node?.map(({ opType }) => opType)).toEqual(['Mul', 'Mul', 'Add'])
  expect(saved.graph?.valueInfo?.map(({ name }) => name)).toEqual(['p'])
  expect(saved.graph?.input?.map(({ name }) => name)).toEqual(version < 4 ? ['x', 'a', 'c', 'b'] : ['x'])
  expect([...(await run(saved, new Tensor(Float32Array.of(1, 2)))).data]).toEqual([21, 121])
  const both = tunedModel(file, { a: new Tensor(Float32Array.of(0, 1)), b: new Tensor(Float32Array.of(5, 6)) })
  expect([...(await run(both, new Tensor(Float32Array.of(1, 2)))).data]).toEqual([1, 13])
})

test('what was merged with a trained weight stays as it is', async () => {
  const file = tied(8)
  const saved = tunedModel(file, { a: new Tensor(Float32Array.of(0, 1)) })
  expect(saved.graph?.initializer?.map(({ name }) => name)).toEqual(['a', 'c', 'b'])
  expect(saved.graph?.initializer?.[2]?.rawData).toEqual(file.graph?.initializer?.[0]?.rawData)
  expect([...(await run(saved, new Tensor(Float32Array.of(1, 2)))).data]).toEqual([1, 7])
  const still = tunedModel(file, { a: new Tensor(Float32Array.of(0, 1)) }, false)
  expect(still.graph?.node?.length).toBe(4)
  expect([...(await run(still, new Tensor(Float32Array.of(1, 2)))).data]).toEqual([1, 3])
})

test('the sample learns, and its file gives in plain onnxruntime what the engine gave', async () => {
  const model = fromModel(NET, { dims: { batch: 4 } })
  const t = new Tensor(BigInt64Array.of(0n, 1n, 1n, 0n))
  const x = new Tensor(
    Float32Array.from({ length: 12 }, (_, i) => Math.cos(i * i)),
    [4, 3],
  )
  const step = await fineTune(
    model,
    ({ y }, batch) => ({ loss: crossEntropy(y as Value, batch['t'] as Value), aux: { y: y as Value } }),
    { batch: { t }, optimizer: adamw({ lr: 0.03 }), frozen: (name) => name === 'second.weight' },
  )
  const before = (await step.evaluate({ x, t })).loss
  for (let i = 0; i < 200; i++) await step.step({ x, t })
  const { loss, aux } = await step.evaluate({ x, t })
  expect(loss).toBeLessThan(before / 2)
  const saved = readModel(writeModel(tunedModel(NET, step.params)))
  await step.dispose()
  const frozen = (file: ModelProto) => file.graph?.initializer?.find(({ name }) => name === 'second.weight')?.rawData
  expect(frozen(saved)).toEqual(frozen(NET))
  const session = await InferenceSession.create(writeModel(saved))
  const found = await session.run({ x: new OrtTensor('float32', x.data as Float32Array, [4, 3]) })
  await session.release()
  const [there, here] = [found['y']?.data as Float32Array, aux['y']?.data as Float32Array]
  expect(there.length).toBe(8)
  for (const [i, value] of there.entries()) expect(value).toBeCloseTo(here[i] as number, 5)
})

test('copies of copies part as well', async () => {
  const file = tied(8)
  file.graph?.node?.splice(1, 0, { opType: 'Identity', input: ['b'], output: ['d'] })
  const last = file.graph?.node?.at(-1)
  last?.input?.splice(1, 1, 'd')
  const saved = tunedModel(file, { b: new Tensor(Float32Array.of(5, 5)) })
  expect(saved.graph?.initializer?.map(({ name }) => name)).toEqual(['a', 'c', 'b', 'd'])
  expect([...(await run(saved, new Tensor(Float32Array.of(1, 2)))).data]).toEqual([12, 33])
})

test('parameters of a step that did not change leave the file as it is', () => {
  expect(tunedModel(NET, fromModel(NET, { dims: { batch: 2 } }).tensors)).toEqual(NET)
  const file = tied(8)
  expect(tunedModel(file, fromModel(file).tensors)).toEqual(file)
  const [a] = file.graph?.initializer ?? []
  Object.assign(a as object, fromTensor(new Tensor(Float64Array.of(0.1, 3)), 'a'))
  const { tensors } = fromModel(file, { f64: 'cast' })
  expect(tensors['a']?.dtype).toBe('f32')
  expect(tunedModel(file, tensors)).toEqual(file)
})

test('single precision goes back into a file of double precision', () => {
  const file = tied(8)
  const [a] = file.graph?.initializer ?? []
  Object.assign(a as object, fromTensor(new Tensor(Float64Array.of(2, 3)), 'a'))
  const saved = tunedModel(file, { a: new Tensor(Float32Array.of(4, 5)) })
  expect(saved.graph?.initializer?.[0]).toEqual(fromTensor(new Tensor(Float64Array.of(4, 5)), 'a'))
})

test('weights that the file has not are refused', () => {
  const file = tied(8)
  expect(failure(() => tunedModel(file, { d: Tensor.zeros([2]) })).message).toBe('the model has no weight "d"')
  expect(failure(() => tunedModel(file, { a: Tensor.zeros([3]) })).message).toBe('the weight a is f32[2], not f32[3]')
})
