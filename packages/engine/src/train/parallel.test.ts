import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Random } from '@pith/core'
import { workersEnding } from '@pith/core/workers'
import { afterAll, afterEach, expect, test } from 'vitest'
import { mul } from '../array/elementwise.ts'
import { matmul } from '../array/linear.ts'
import { Graph, type Value } from '../ir/graph.ts'
import * as nn from '../nn/index.ts'
import { fromModel, toModel } from '../onnx/index.ts'
import { adamw } from '../optim/index.ts'
import { f32, i64, Tensor } from '../tensor.ts'
import {
  type Batch,
  batchesOf,
  compileTrainStep,
  fineTune,
  type TrainStep,
  type TrainStepOptions,
  fit as train,
} from './index.ts'
import { loadCheckpoint, saveCheckpoint } from './node/index.ts'

const ROWS = 8

const NET = nn.module((s: nn.Scope, ids: Value, mask: Value) => {
  const x = nn.dropout(nn.embedding(s.at('embed'), ids, { rows: 9, width: 6 }), mask)
  return nn.linear(s.at('out'), nn.layerNorm(s.at('norm'), nn.mlp(s.at('mlp'), x, { hidden: 8 })), { outputs: 9 })
})

const steps: TrainStep[] = []
afterEach(async () => {
  await Promise.all(steps.splice(0).map((step) => step.dispose()))
  await expect.poll(workersEnding, { timeout: 15_000 }).toBe(0)
})

let folder = ''
afterAll(async () => {
  if (folder !== '') await rm(folder, { recursive: true })
})

async function make(options: Partial<TrainStepOptions> = {}): Promise<TrainStep> {
  const step = await compileTrainStep(
    (params, { x, t, mask, weight }) => {
      const loss = nn.crossEntropy(NET.apply(params, x as Value, mask as Value), t as Value)
      return { loss: mul(loss, weight as Value), aux: { double: mul(loss, 2) } }
    },
    {
      params: NET.init(3, i64(ROWS), f32(ROWS, 6)),
      batch: { x: i64(ROWS), t: i64(ROWS), weight: f32() },
      noise: { mask: nn.dropoutNoise([ROWS, 6], 0.2) },
      optimizer: adamw({ lr: 0.02 }),
      clip: { norm: 1 },
      frozen: (name) => name === 'norm.b',
      ...options,
    },
  )
  steps.push(step)
  return step
}

const RANDOM = new Random(8)
const ids = (): Tensor =>
  new Tensor(
    BigInt64Array.from({ length: 40 }, () => BigInt(RANDOM.integer(9))),
    [40],
  )
const ROWS_OF_DATA = { x: ids(), t: ids() }
const DATA = (from: number): Iterable<Record<string, Tensor>> => {
  const batches = batchesOf(ROWS_OF_DATA, { size: ROWS, seed: 1 })(from)
  return (function* () {
    for (const batch of batches) yield { ...batch, weight: Tensor.scalar(1) }
  })()
}
const [FIRST] = DATA(0) as Iterable<Batch> as [Batch]

const bitsOf = (step: TrainStep): number[] => [...new Uint32Array(step.store.weights.slice().buffer)]

test('any number of workers gives the bits of one', async () => {
  const results = []
  for (const [workers, shards, accumulate] of [
    [undefined, 4, 1],
    [1, 4, 1],
    [3, 4, 1],
    [1, 1, 2],
    [2, 1, 2],
  ] as const) {
    const step = await make({ shards, accumulate, ...(workers === undefined ? {} : { workers }) })
    const losses: number[] = []
    await train(step, DATA, { steps: 6, onStep: ({ loss }) => losses.push(loss) })
    results.push({ losses, bits: bitsOf(step), noise: step.counts })
  }
  expect(results.slice(1, 3)).toEqual([results[0], results[0]])
  expect(results[4]).toEqual(results[3])
})

test('workers are told of running statistics, which change beside the weights', async () => {
  const results = []
  for (const workers of [1, 2]) {
    const net = nn.module((s: nn.Scope, x: Value, training: Value) =>
      nn.linear(s.at('out'), nn.batchNorm(s.at('norm'), x, { training }), { outputs: 2 }),
    )
    const step = await compileTrainStep(
      // A training that uses the running statistics as well as those of the batch.
      (params, { x, t, training }) =>
        nn.crossEntropy(net.apply(params, x as Value, mul(training as Value, 0.5)), t as Value),
      {
        params: net.init(1, f32(4, 3), f32()),
        batch: { x: f32(8, 3), t: i64(8) },
        noise: { training: nn.trainingFlag() },
        optimizer: adamw(),
        workers,
      },
    )
    steps.push(step)
    const x = new Tensor(
      Float32Array.from({ length: 24 }, (_, i) => i % 7),
      [8, 3],
    )
    const t = new Tensor(BigInt64Array.from({ length: 8 }, (_, i) => BigInt(i % 2)))
    const losses: number[] = []
    for (let i = 0; i < 4; i++) losses.push((await step.step({ x, t })).loss)
    expect(step.params['norm.mean']?.data[0]).not.toBe(0)
    results.push({ losses, bits: bitsOf(step), mean: step.params['norm.mean'] })
  }
  expect(results[1]).toEqual(results[0])
})

test('workers share the accumulated batches of an imported model, which is not split', async () => {
  const graph = new Graph()
  const [x, w] = [graph.input('x', 'f32', [4, 3]), graph.input('w', 'f32', [3, 2])]
  const initialisers = { w: new Tensor(Float32Array.of(0.1, -0.2, 0.3, 0.4, -0.5, 0.6), [3, 2]) }
  const model = fromModel(toModel(graph, { y: matmul(x, w) }, { initialisers }))
  const tune = (options: Partial<TrainStepOptions>): Promise<TrainStep> =>
    fineTune(model, ({ y }, { t }) => nn.crossEntropy(y as Value, t as Value), {
      batch: { t: i64(4) },
      optimizer: adamw({ lr: 0.1 }),
      ...options,
    })
  const batches = [1, 2].map((seed) => ({
    x: new Tensor(nn.normal(1)(new Random(seed), [4, 3]), [4, 3]),
    t: new Tensor(BigInt64Array.of(0n, 1n, 1n, 0n)),
  }))
  const bits: number[][] = []
  for (const workers of [1, 2]) {
    const step = await tune({ accumulate: 2, workers })
    steps.push(step)
    for (let i = 0; i < 3; i++) await step.step(batches)
    bits.push(bitsOf(step))
  }
  expect(bits[1]).toEqual(bits[0])
  await expect(tune({ workers: 2 })).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(tune({ shards: 2 })).rejects.toMatchObject({ code: 'PITH_ARG' })
})

test('parts of a batch have the gradient of the whole, and the loss is measured on the whole', async () => {
  const whole = await make()
  const split = await make({ workers: 2 })
  const [a, b] = [await whole.step(FIRST), await split.step(FIRST)]
  expect(b.loss).toBeCloseTo(a.loss, 5)
  expect(b.gradNorm).toBeCloseTo(a.gradNorm, 5)
  expect(b.aux['double']?.data[0]).toBeGreaterThan(0)
  expect(split.settings).toMatchObject({ shards: 2 })
  const measured = await split.evaluate(FIRST)
  expect(measured.loss).toBeCloseTo((await whole.evaluate(FIRST)).loss, 4)
  expect(measured.aux['double']?.data[0]).toBeCloseTo(2 * measured.loss, 4)
})

test('a resumed training with other workers gives the bits of one that was not interrupted: 10 + 10 = 20', async () => {
  folder = await mkdtemp(join(tmpdir(), 'pith-parallel-'))
  const whole = await make({ workers: 2 })
  await train(whole, DATA, { steps: 20 })
  const first = await make({ workers: 2 })
  await train(first, DATA, {
    steps: 10,
    checkpoint: { every: 10, save: async (own) => void (await saveCheckpoint(folder, own)) },
  })
  const second = await make({ workers: 1 })
  await loadCheckpoint(folder, second)
  await train(second, DATA, { steps: 20 })
  expect(bitsOf(second)).toEqual(bitsOf(whole))
  expect(second.moments).toEqual(whole.moments)
  const other = await make({ shards: 4 })
  await expect(loadCheckpoint(folder, other)).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(loadCheckpoint(folder, await make())).rejects.toMatchObject({ code: 'PITH_ARG' })
})

test('an abort within an update rejects at once and leaves everything as it was; the next update is done', async () => {
  const step = await make({ workers: 2 })
  const calm = await make({ workers: 1 })
  for (const own of [step, calm]) await own.step(FIRST)
  const before = [bitsOf(step), { ...step.counts }]
  const abort = new AbortController()
  const update = step.step(FIRST, { signal: abort.signal })
  abort.abort('enough')
  await expect(update).rejects.toBe('enough')
  await expect(step.step(FIRST, { signal: abort.signal })).rejects.toBe('enough')
  expect([bitsOf(step), step.counts]).toEqual(before)
  for (const own of [step, calm]) for (let i = 0; i < 3; i++) await own.step(FIRST)
  expect(bitsOf(step)).toEqual(bitsOf(calm))
})

test('fit passes its signal on', async () => {
  const step = await make({ workers: 2 })
  const abort = new AbortController()
  const reason = { why: 'enough' }
  const training = train(step, DATA, {
    steps: 1000,
    signal: abort.signal,
    onStep: ({ step: number }) => {
      if (number === 3) queueMicrotask(() => abort.abort(reason))
    },
  })
  await expect(training).rejects.toBe(reason)
  expect(step.counts.steps).toBe(3)
})

test('a batch that does not fit rejects, and the next update is done', async () => {
  const step = await make({ workers: 2 })
  const before = bitsOf(step)
  await expect(step.step({ ...FIRST, x: Tensor.zeros([ROWS], 'f32') })).rejects.toMatchObject({
    code: 'PITH_DTYPE',
  })
  await expect(step.step({ x: ids() })).rejects.toMatchObject({ code: 'PITH_ARG' })
  expect(bitsOf(step)).toEqual(before)
  expect((await step.step(FIRST)).isApplied).toBe(true)
})

test('what can not be shared is refused', async () => {
  const cases: [Partial<TrainStepOptions>, string][] = [
    [{ workers: 0 }, 'PITH_ARG'],
    [{ workers: 65, shards: 8 }, 'PITH_ARG'],
    [{ workers: 3 }, 'PITH_ARG'],
    [{ shards: 3 }, 'PITH_SHAPE'],
    [{ shards: 0 }, 'PITH_ARG'],
    [{ workers: 2, limits: { memoryBytes: 2000 } }, 'PITH_LIMIT'],
    [{ limits: { memoryBytes: 1000 } }, 'PITH_LIMIT'],
    [{ shards: 2, batch: { x: i64(ROWS), t: i64(ROWS), weight: f32(1) } }, 'PITH_SHAPE'],
  ]
  for (const [options, code] of cases) await expect(make(options)).rejects.toMatchObject({ code })
  for (const workers of [1, 2]) {
    await expect(make({ workers, signal: AbortSignal.abort('enough') })).rejects.toBe('enough')
  }
})
