import { readFileSync } from 'node:fs'
import { Random } from '@pith/core'
import { beforeAll, describe, expect, test } from 'vitest'
import { add, square, tanh } from '../array/elementwise.ts'
import { gatherRows } from '../array/indexing.ts'
import { mean } from '../array/reduce.ts'
import { checkpoint } from '../autodiff/checkpoint.ts'
import { grad } from '../autodiff/grad.ts'
import { readNpz } from '../io/npz.ts'
import { Graph, type Value } from '../ir/graph.ts'
import * as nn from '../nn/index.ts'
import { adamw, sgd } from '../optim/index.ts'
import { compile } from '../runtime/compile.ts'
import { i64, type Params, Tensor } from '../tensor.ts'
import {
  type Batch,
  compileTrainStep,
  restoreState,
  saveState,
  type TrainStep,
  type TrainStepOptions,
} from './index.ts'

// The network of scripts/make-transformer-vectors.py.
const [LAYERS, WIDTH, HEADS, VOCABULARY, BATCH, TOKENS] = [3, 24, 3, 40, 4, 12]
const LIMIT = 2e-6

function network(recompute: boolean = false): nn.Module<readonly [Value], Value> {
  return nn.module((scope: nn.Scope, ids: Value) => {
    const places = scope.param('places', [TOKENS, WIDTH], nn.normal())
    let x = add(nn.embedding(scope.at('tokens'), ids, { rows: VOCABULARY, width: WIDTH }), places)
    for (let layer = 0; layer < LAYERS; layer++) {
      const own = scope.at(layer)
      const block = (h: Value): Value => {
        const seen = add(h, nn.mha(own.at('mha'), nn.layerNorm(own.at('ln1'), h), { heads: HEADS, causal: true }))
        return add(seen, nn.mlp(own.at('mlp'), nn.layerNorm(own.at('ln2'), seen), { hidden: 4 * WIDTH }))
      }
      x = recompute ? (checkpoint((h) => [block(h)])(x)[0] as Value) : block(x)
    }
    return nn.linear(scope.at('head'), nn.layerNorm(scope.at('ln'), x), { outputs: VOCABULARY })
  })
}

let params: Params
let batch: Batch
let wanted: Params
let wantedLoss: number

beforeAll(async () => {
  const bytes = readFileSync(new URL('../../test/golden/transformer.npz', import.meta.url))
  const arrays = await readNpz(new Uint8Array(bytes))
  const named = (prefix: string): Params =>
    Object.fromEntries(
      Object.entries(arrays).flatMap(([name, tensor]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
      ),
    )
  params = named('param.')
  wanted = named('grad.')
  batch = { ids: arrays['ids'] as Tensor, next: arrays['next'] as Tensor }
  wantedLoss = arrays['loss']?.data[0] as number
})

function makeStep(options: Partial<TrainStepOptions> & { recompute?: boolean } = {}): Promise<TrainStep> {
  const { recompute = false, ...rest } = options
  const net = network(recompute)
  return compileTrainStep((own, { ids, next }) => nn.crossEntropy(net.apply(own, ids as Value), next as Value), {
    params,
    batch: { ids: i64(BATCH, TOKENS), next: i64(BATCH, TOKENS) },
    optimizer: sgd({ lr: 0 }),
    ...rest,
  })
}

/** Largest difference of each tensor relative to the largest wanted number in it. */
function errorsOf(got: Params): Record<string, number> {
  expect(Object.keys(got).sort()).toEqual(Object.keys(wanted).sort())
  return Object.fromEntries(
    Object.entries(wanted).map(([name, { data, shape }]) => {
      expect(got[name]?.shape).toEqual(shape)
      const own = got[name]?.data as Float32Array
      let largest = 0
      let worst = 0
      for (const [i, value] of (data as Float32Array).entries()) {
        largest = Math.max(largest, Math.abs(value))
        worst = Math.max(worst, Math.abs(value - (own[i] as number)))
      }
      return [name, worst / largest]
    }),
  )
}

/** The bits of everything that an update changes. */
function bitsOf(step: TrainStep): Record<string, Uint32Array> {
  const flats = { weights: step.store.weights, ...step.moments }
  return Object.fromEntries(Object.entries(flats).map(([name, flat]) => [name, new Uint32Array(flat.slice().buffer)]))
}

/** Batches of few tokens, which come many times in each. */
function batchAt(index: number): Batch {
  const random = new Random(index)
  const draw = (): Tensor =>
    new Tensor(
      BigInt64Array.from({ length: BATCH * TOKENS }, () => BigInt(Math.floor(random.uniform() ** 3 * VOCABULARY))),
      [BATCH, TOKENS],
    )
  return { ids: draw(), next: draw() }
}

async function advance(step: TrainStep, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) await step.step(batchAt(i))
}

const TRAINING: Partial<TrainStepOptions> = { optimizer: adamw({ lr: 3e-3 }), clip: { norm: 1 } }

describe('a whole transformer against PyTorch in double precision', () => {
  test.each([
    ['as a training step', false],
    ['with its layers recomputed', true],
  ])('%s: the loss, and every gradient within 2e-6 of its tensor', async (_name, recompute) => {
    const step = await makeStep({ recompute })
    const { loss } = await step.step(batch)
    const errors = errorsOf(step.grads)
    await step.dispose()
    expect(Math.abs(loss / wantedLoss - 1)).toBeLessThan(1e-6)
    expect(Object.entries(errors).filter(([, error]) => !(error <= LIMIT))).toEqual([])
  })

  test('as values of its graph, the table of tokens among them', async () => {
    const graph = new Graph()
    const values = Object.fromEntries(
      Object.entries(params).map(([name, { dtype, shape }]) => [name, graph.input(name, dtype, shape)]),
    )
    const ids = graph.input('ids', 'i64', [BATCH, TOKENS])
    const next = graph.input('next', 'i64', [BATCH, TOKENS])
    const loss = nn.crossEntropy(network().apply(values, ids), next)
    const gradients = grad(loss, Object.values(values))
    const names = Object.keys(values)
    const session = await compile(Object.fromEntries(names.map((name, i) => [`grad.${name}`, gradients[i] as Value])))
    const outputs = await session.run({ ...params, ...batch })
    await session.dispose()
    const errors = errorsOf(Object.fromEntries(names.map((name) => [name, outputs[`grad.${name}`] as Tensor])))
    expect(Object.entries(errors).filter(([, error]) => !(error <= LIMIT))).toEqual([])
  })
})

describe('the bits of a training', () => {
  test('are the same after 50 steps, again and on two threads', async () => {
    const runs = []
    for (const threads of [1, 1, 2]) {
      const step = await makeStep({ ...TRAINING, threads })
      await advance(step, 0, 50)
      runs.push(bitsOf(step))
      await step.dispose()
    }
    expect(runs[1]).toEqual(runs[0])
    expect(runs[2]).toEqual(runs[0])
  })

  test('are the same after 20 steps, and after 10, a checkpoint, and 10 more', async () => {
    const whole = await makeStep(TRAINING)
    await advance(whole, 0, 10)
    const files = saveState(whole)
    await advance(whole, 10, 20)
    const resumed = await makeStep(TRAINING)
    await restoreState(resumed, files)
    await advance(resumed, 10, 20)
    expect(bitsOf(resumed)).toEqual(bitsOf(whole))
    expect(resumed.counts).toEqual(whole.counts)
    await Promise.all([whole.dispose(), resumed.dispose()])
  })

  test('are the same on one thread and two where rows of a value are taken many times', async () => {
    const [rows, width, taken] = [200, 64, 4096]
    const places = Array.from({ length: taken }, (_, i) => BigInt((i * i) % 23))
    const runs = []
    for (const threads of [1, 2, 2]) {
      const step = await compileTrainStep(
        ({ w }, batch) => mean(square(gatherRows(tanh(w as Value), batch['places'] as Value))),
        {
          params: {
            w: new Tensor(
              Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i)),
              [rows, width],
            ),
          },
          batch: { places: i64(taken) },
          optimizer: adamw({ lr: 0.01 }),
          threads,
        },
      )
      for (let i = 0; i < 20; i++) await step.step({ places: new Tensor(BigInt64Array.from(places)) })
      runs.push(bitsOf(step))
      await step.dispose()
    }
    expect(runs[1]).toEqual(runs[0])
    expect(runs[2]).toEqual(runs[0])
  })
})
