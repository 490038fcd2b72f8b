import { Random } from '@pith/core'
import { describe, expect, test } from 'vitest'
import { relu, tanh } from '../array/elementwise.ts'
import { mean } from '../array/reduce.ts'
import type { Value } from '../ir/graph.ts'
import * as nn from '../nn/index.ts'
import { adamw, muon, type Optimizer, schedules, sgd } from '../optim/index.ts'
import { f32, i64, type Params, Tensor } from '../tensor.ts'
import {
  type Batch,
  batchesOf,
  compileTrainStep,
  splitRows,
  type TrainStep,
  type TrainStepOptions,
  fit as train,
} from './index.ts'

const ROWS = 8

const NET = nn.module((s: nn.Scope, x: Value, mask: Value) => {
  const hidden = nn.dropout(tanh(nn.linear(s.at('a'), x, { outputs: 16 })), mask)
  return nn.linear(s.at('b'), hidden, { outputs: 2 })
})

/** Points above a parabola, or below it. */
function points(count: number, seed: number): Record<string, Tensor> {
  const random = new Random(seed)
  const x = Float32Array.from({ length: 2 * count }, () => 2 * random.uniform() - 1)
  const isAbove = (i: number): boolean => (x[2 * i + 1] as number) > (x[2 * i] as number) ** 2 - 0.3
  const t = BigInt64Array.from({ length: count }, (_, i) => (isAbove(i) ? 1n : 0n))
  return { x: new Tensor(x, [count, 2]), t: new Tensor(t, [count]) }
}

const BATCHES = batchesOf(points(96, 1), { size: ROWS })

function makeStep(options: Partial<TrainStepOptions> = {}): Promise<TrainStep> {
  return compileTrainStep(
    (params, { x, t, mask }) => {
      const logits = NET.apply(params, x as Value, mask as Value)
      return { loss: nn.crossEntropy(logits, t as Value), aux: { logits } }
    },
    {
      params: NET.init(3, f32(ROWS, 2), f32(ROWS, 16)),
      batch: { x: f32(ROWS, 2), t: i64(ROWS) },
      noise: { mask: nn.dropoutNoise([ROWS, 16], 0.1) },
      optimizer: adamw({ lr: 0.02 }),
      seed: 11,
      ...options,
    },
  )
}

function copyOf(params: Params): Record<string, number[]> {
  return Object.fromEntries(Object.entries(params).map(([name, { data }]) => [name, [...(data as Float32Array)]]))
}

async function lossesOf(step: TrainStep, steps: number): Promise<number[]> {
  const losses: number[] = []
  await train(step, BATCHES, { steps, onStep: ({ loss }) => losses.push(loss) })
  return losses
}

function numbersOf(tensor: Tensor | undefined): number[] {
  return Array.from(tensor?.data as Float32Array)
}

const average = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length

describe('a training', () => {
  test.each<[string, Optimizer]>([
    ['adamw', adamw({ lr: schedules.cosine({ lr: 0.03, warmup: 10, total: 240 }) })],
    ['sgd', sgd({ lr: 0.15, momentum: 0.9 })],
    ['muon', muon({ lr: 0.05, othersRate: 0.4 })],
  ])('with %s halves the loss of a small network', async (_name, optimizer) => {
    const step = await makeStep({ optimizer, clip: { norm: 1 } })
    const losses = await lossesOf(step, 240)
    await step.dispose()
    expect(average(losses.slice(-24))).toBeLessThan(average(losses.slice(0, 12)) / 2)
  })

  test('gives the same bits at every repetition, on one thread or two', async () => {
    const runs = []
    for (const [seed, threads] of [
      [11, 1],
      [11, 2],
      [12, 1],
    ] as const) {
      const step = await makeStep({ seed, threads })
      await lossesOf(step, 12)
      runs.push(copyOf(step.params))
      await step.dispose()
    }
    expect(runs[1]).toEqual(runs[0])
    expect(runs[2]).not.toEqual(runs[0])
  })

  test('leaves frozen parameters alone', async () => {
    const step = await makeStep({ frozen: (name) => name.startsWith('a.') })
    const before = copyOf(step.params)
    await lossesOf(step, 3)
    const after = copyOf(step.params)
    await step.dispose()
    expect([after['a.w'], after['a.b']]).toEqual([before['a.w'], before['a.b']])
    expect(after['b.w']).not.toEqual(before['b.w'])
    expect(Object.keys(step.grads)).toEqual(['b.w', 'b.b'])
    await expect(makeStep({ frozen: () => true })).rejects.toMatchObject({ code: 'PITH_ARG' })
  })

  test('accumulates the mean gradient of several batches', async () => {
    const [first, second] = [...batchesOf(points(16, 4), { size: ROWS, isShuffled: false, epochs: 1 })(0)] as [
      Batch,
      Batch,
    ]
    const still = { noise: { mask: nn.dropoutNoise([ROWS, 16], 0) }, optimizer: sgd({ lr: 0 }) }
    const single = await makeStep(still)
    const { loss: one } = await single.step(first)
    const ones = copyOf(single.grads)
    const { loss: two } = await single.step(second)
    const twos = copyOf(single.grads)
    await single.dispose()
    const both = await makeStep({ ...still, accumulate: 2 })
    const { loss } = await both.step([first, second])
    expect(loss).toBeCloseTo((one + two) / 2, 6)
    for (const [name, { data }] of Object.entries(both.grads)) {
      for (const [i, value] of (data as Float32Array).entries()) {
        const want = ((ones[name]?.[i] as number) + (twos[name]?.[i] as number)) / 2
        expect(value).toBeCloseTo(want, 6)
      }
    }
    await expect(both.step(first)).rejects.toMatchObject({ code: 'PITH_ARG' })
    const pending = both.step([first, second])
    await expect(both.step([first, second])).rejects.toMatchObject({ code: 'PITH_ARG' })
    await pending
    await both.dispose()
  })

  test('evaluates without noise and without a change', async () => {
    const step = await makeStep()
    const before = copyOf(step.params)
    const [batch] = BATCHES(0) as Iterable<Batch>
    const once = await step.evaluate(batch as Batch)
    expect(await step.evaluate(batch as Batch)).toEqual(once)
    expect(once.aux['logits']?.shape).toEqual([ROWS, 2])
    expect(copyOf(step.params)).toEqual(before)
    await expect(step.evaluate({})).rejects.toMatchObject({ code: 'PITH_ARG' })
    await step.dispose()
  })

  test('clips, follows its schedule and averages its weights', async () => {
    const lr = schedules.linear({ lr: 0.1, total: 4 })
    const step = await makeStep({ optimizer: sgd(), lr, clip: { norm: 0.01 }, ema: 0.5 })
    const rates: number[] = []
    await train(step, BATCHES, { steps: 2, onStep: (update) => rates.push(update.lr) })
    expect(rates).toEqual([0.1, 0.1 - 0.1 / 4])
    const squares = Object.values(step.grads).map(({ data }) =>
      (data as Float32Array).reduce((sum, g) => sum + g * g, 0),
    )
    expect(Math.sqrt(squares.reduce((sum, square) => sum + square, 0))).toBeCloseTo(0.01, 6)
    expect(step.ema?.params['a.w']?.data).not.toEqual(step.params['a.w']?.data)
    await step.dispose()
    const odd = await makeStep({ lr: () => Number.NaN })
    await expect(train(odd, BATCHES, { steps: 1 })).rejects.toMatchObject({ code: 'PITH_ARG' })
    await odd.dispose()
  })
})

describe('embeddings', () => {
  test('rows that come often have the sum of their gradients', async () => {
    const net = nn.module((s: nn.Scope, places: Value) => nn.embedding(s.at('e'), places, { rows: 6, width: 2 }))
    const step = await compileTrainStep((params, { places }) => mean(net.apply(params, places as Value)), {
      params: net.init(0, i64(8)),
      batch: { places: i64(8) },
      optimizer: sgd({ lr: 0 }),
    })
    const places = [0, 5, 5, 2, 5, -1, 0, 3]
    for (let i = 0; i < 2; i++) await step.step({ places: new Tensor(BigInt64Array.from(places, BigInt)) })
    const wanted = [2, 0, 1, 1, 0, 4].flatMap((count) => [count / 16, count / 16])
    expect(numbersOf(step.grads['e.w'])).toEqual(wanted)
    await step.dispose()
  })
})

describe('numbers that are not finite', () => {
  const broken: Batch = { ...points(ROWS, 1), x: new Tensor(new Float32Array(2 * ROWS).fill(Number.NaN), [ROWS, 2]) }
  const [good] = BATCHES(0) as Iterable<Batch>

  test('leave the weights as they are, and end the training when they go on', async () => {
    const step = await makeStep()
    const before = copyOf(step.params)
    expect(await step.step(broken)).toMatchObject({ isApplied: false })
    expect(await step.step(broken)).toMatchObject({ isApplied: false })
    expect(copyOf(step.params)).toEqual(before)
    expect(await step.step(good as Batch)).toMatchObject({ isApplied: true })
    expect(step.counts).toEqual({ steps: 3, updates: 1, skipped: 0 })
    for (let i = 0; i < 2; i++) await step.step(broken)
    await expect(step.step(broken)).rejects.toMatchObject({
      code: 'PITH_NONFINITE',
      message: expect.stringContaining('a.w'),
      at: { node: expect.stringContaining('Gemm') },
    })
    await step.dispose()
  })

  test('are no training, however short', async () => {
    const step = await makeStep()
    await expect(train(step, () => [broken, broken], { steps: 2 })).rejects.toMatchObject({ code: 'PITH_NONFINITE' })
    await step.dispose()
  })
})

describe('fit', () => {
  test('stops when the validation no longer gets better, and puts the best weights back', async () => {
    const parts = splitRows(points(64, 9), 0.25)
    const step = await makeStep({ optimizer: sgd({ lr: 3 }) })
    const weights: Record<string, number[]>[] = []
    const result = await train(step, batchesOf(parts.train, { size: ROWS }), {
      steps: 200,
      validation: {
        batches: [...batchesOf(parts.validation, { size: ROWS, epochs: 1 })(0)] as Batch[],
        every: 2,
        patience: 3,
        restoreBest: true,
      },
      onMeasured: () => weights.push(copyOf(step.params)),
    })
    const losses = result.measured.map(({ loss }) => loss)
    const best = losses.indexOf(Math.min(...losses))
    expect(result.end).toBe('patience')
    expect(losses.length).toBe(best + 4)
    expect(result.best).toEqual(result.measured[best])
    expect(copyOf(step.params)).toEqual(weights[best])
    await step.dispose()
  })

  test('ends with its data, reports progress, and can be aborted between updates', async () => {
    const step = await makeStep()
    const reports: number[] = []
    const data = batchesOf(points(96, 1), { size: ROWS, epochs: 1 })
    const result = await train(step, data, { steps: 500, onProgress: ({ done }) => reports.push(done) })
    expect(result).toMatchObject({ steps: 12, end: 'data' })
    expect(reports[0]).toBe(0)
    const controller = new AbortController()
    const reason = new Error('enough')
    const aborted = train(step, BATCHES, {
      steps: 100,
      signal: controller.signal,
      onStep: ({ step: now }) => now === 15 && controller.abort(reason),
    })
    await expect(aborted).rejects.toBe(reason)
    expect(step.counts.steps).toBe(15)
    await expect(train(step, BATCHES, { steps: 0 })).rejects.toMatchObject({ code: 'PITH_ARG' })
    await step.dispose()
  })
})

describe('batches', () => {
  test('go through all rows in an order of each epoch, from anywhere', () => {
    const rows = {
      i: new Tensor(
        Int32Array.from({ length: 10 }, (_, i) => i),
        [10],
      ),
    }
    const source = batchesOf(rows, { size: 3, seed: 5, epochs: 3 })
    const all = [...(source(0) as Iterable<Batch>)].map(({ i }) => numbersOf(i))
    expect(all.length).toBe(9)
    for (let epoch = 0; epoch < 3; epoch++) expect(new Set(all.slice(3 * epoch, 3 * epoch + 3).flat()).size).toBe(9)
    expect(all.slice(0, 3)).not.toEqual(all.slice(3, 6))
    const rest = [...(source(5) as Iterable<Batch>)].map(({ i }) => numbersOf(i))
    expect(rest).toEqual(all.slice(5))
  })

  test('of rows that do not fit are refused', () => {
    const shape = expect.objectContaining({ code: 'PITH_SHAPE' })
    expect(() => batchesOf({ a: Tensor.zeros([4]), b: Tensor.zeros([3]) }, { size: 2 })).toThrow(shape)
    expect(() => batchesOf({ a: Tensor.zeros([4]) }, { size: 5 })).toThrow(shape)
    expect(() => splitRows({ a: Tensor.zeros([4]) }, 1)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  })

  test('are split without a row in both parts', () => {
    const rows = {
      i: new Tensor(
        Int32Array.from({ length: 20 }, (_, i) => i),
        [20, 1],
      ),
    }
    const parts = splitRows(rows, 0.2, 3)
    expect([parts.train['i']?.shape, parts.validation['i']?.shape]).toEqual([
      [16, 1],
      [4, 1],
    ])
    const list = [parts.train, parts.validation].flatMap(({ i }) => numbersOf(i))
    expect(new Set(list).size).toBe(20)
  })
})

test('a loss that is no number is refused', async () => {
  const make = compileTrainStep((_params, { x }) => relu(x as Value), {
    params: { w: Tensor.zeros([2]) },
    batch: { x: f32(2) },
    optimizer: sgd(),
  })
  await expect(make).rejects.toMatchObject({ code: 'PITH_SHAPE' })
})
