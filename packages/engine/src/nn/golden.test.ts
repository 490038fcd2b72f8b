import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { vjp } from '../autodiff/vjp.ts'
import { Graph, type Value } from '../ir/graph.ts'
import { compile } from '../runtime/compile.ts'
import { Tensor } from '../tensor.ts'
import * as nn from './index.ts'

interface Plain {
  readonly dtype: 'f32' | 'i64'
  readonly shape: number[]
  readonly data: number[]
}

interface Case {
  readonly inputs: Record<string, Plain>
  readonly params: Record<string, Plain>
  readonly factors: Plain
  readonly result: Plain
  readonly grads: Record<string, Plain>
}

const CASES = JSON.parse(readFileSync(new URL('../../test/golden/nn.json', import.meta.url), 'utf8')) as Record<
  string,
  Case
>

type Inputs = Record<string, Value>

const NETWORKS: Record<string, (s: nn.Scope, inputs: Inputs) => Value> = {
  linear: (s, { x }) => nn.linear(s, x as Value, { outputs: 5 }),
  layerNorm: (s, { x }) => nn.layerNorm(s, x as Value),
  rmsNorm: (s, { x }) => nn.rmsNorm(s, x as Value),
  groupNorm: (s, { x }) => nn.groupNorm(s, x as Value, { groups: 2 }),
  conv1d: (s, { x }) => nn.conv1d(s, x as Value, { outputs: 4, size: 3, strides: 2, pads: 1 }),
  conv2d: (s, { x }) => nn.conv2d(s, x as Value, { outputs: 2, size: 3, pads: 1, groups: 2 }),
  convT2d: (s, { x }) => nn.convT2d(s, x as Value, { outputs: 2, size: 3, strides: 2, pads: 1, outputPadding: 1 }),
  embedding: (s, { places }) => nn.embedding(s, places as Value, { rows: 5, width: 3 }),
  mha: (s, { x }) => nn.mha(s, x as Value, { heads: 2, causal: true }),
  mlp: (s, { x }) => nn.mlp(s, x as Value, { hidden: 6 }),
  crossEntropy: (_s, { logits, classes }) => nn.crossEntropy(logits as Value, classes as Value),
  'crossEntropy smoothed': (_s, { logits, classes }) =>
    nn.crossEntropy(logits as Value, classes as Value, { smoothing: 0.2 }),
  'crossEntropy weighted': (_s, { logits, classes, weights }) =>
    nn.crossEntropy(logits as Value, classes as Value, { weights: weights as Value }),
  mse: (_s, { x, target }) => nn.mse(x as Value, target as Value),
  mae: (_s, { x, target }) => nn.mae(x as Value, target as Value),
  huber: (_s, { x, target }) => nn.huber(x as Value, target as Value, 0.7),
  bce: (_s, { x, target }) => nn.bce(x as Value, target as Value),
  kl: (_s, { p, q }) => nn.kl(p as Value, q as Value),
  infoNce: (_s, { queries, keys }) => nn.infoNce(queries as Value, keys as Value, { temperature: 0.1 }),
  'infoNce symmetric': (_s, { queries, keys }) =>
    nn.infoNce(queries as Value, keys as Value, { temperature: 0.1, isSymmetric: true }),
  lstm: (s, { x }) => nn.lstm(s, x as Value, { hidden: 2 }).outputs,
  'lstm both ways': (s, { x }) => nn.lstm(s, x as Value, { hidden: 2, direction: 'bidirectional' }).outputs,
  gru: (s, { x }) => nn.gru(s, x as Value, { hidden: 2 }).outputs,
  'gru both ways': (s, { x }) => nn.gru(s, x as Value, { hidden: 2, direction: 'bidirectional' }).outputs,
  batchNorm: (s, { x }) => nn.batchNorm(s, x as Value),
  'batchNorm training': (s, { x }) => nn.batchNorm(s, x as Value, { training: (x as Value).graph.scalar(1) }),
  gdn: (s, { x }) => nn.gdn(s, x as Value),
  'gdn inverse': (s, { x }) => nn.gdn(s, x as Value, { inverse: true }),
  'upsample nearest': (_s, { x }) => nn.upsample(x as Value, { scale: [2, 3] }),
  'upsample linear': (_s, { x }) => nn.upsample(x as Value, { scale: 2, mode: 'linear' }),
  'upsample aligned': (_s, { x }) => nn.upsample(x as Value, { scale: [2, 3], mode: 'linear', alignCorners: true }),
  'upsample cubic': (_s, { x }) => nn.upsample(x as Value, { scale: 2, mode: 'cubic' }),
}

function tensorOf({ dtype, shape, data }: Plain): Tensor {
  return new Tensor(dtype === 'i64' ? BigInt64Array.from(data, BigInt) : Float32Array.from(data), shape, dtype)
}

/** Largest difference relative to the largest wanted number. */
function errorOf(got: Tensor, want: Plain): number {
  expect(got.shape).toEqual(want.shape)
  const scale = Math.max(...want.data.map(Math.abs), 1e-6)
  return Math.max(...want.data.map((value, i) => Math.abs(value - ((got.data as Float32Array)[i] as number)))) / scale
}

test('every case has a network', () => {
  expect(Object.keys(NETWORKS)).toEqual(Object.keys(CASES))
})

test.each(Object.entries(CASES))('%s gives the results and gradients of PyTorch', async (name, own) => {
  const graph = new Graph()
  const feeds: Record<string, Tensor> = {}
  const inputsOf = (tensors: Record<string, Plain>): Record<string, Value> =>
    Object.fromEntries(
      Object.entries(tensors).map(([key, plain]) => {
        feeds[key] = tensorOf(plain)
        return [key, graph.input(key, plain.dtype, plain.shape)]
      }),
    )
  const inputs = inputsOf(own.inputs)
  const params = inputsOf(own.params)
  const scope = NETWORKS[name] as (s: nn.Scope, inputs: Inputs) => Value
  const net = nn.module((s: nn.Scope) => scope(s, inputs))
  const result = net.apply(params)
  const factors = graph.constant(tensorOf(own.factors))
  const names = Object.keys(own.grads)
  const gradients = vjp(
    [result],
    [factors],
    names.map((key) => ({ ...inputs, ...params })[key] as Value),
  )
  const session = await compile({
    'the result': result,
    ...Object.fromEntries(names.map((key, i) => [`grad.${key}`, gradients[i] as Value])),
  })
  const outputs = await session.run(feeds)
  await session.dispose()
  expect(errorOf(outputs['the result'] as Tensor, own.result)).toBeLessThan(1e-5)
  for (const key of names) expect(errorOf(outputs[`grad.${key}`] as Tensor, own.grads[key] as Plain)).toBeLessThan(1e-5)
})
