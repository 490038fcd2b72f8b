import { describe, expect, it } from 'vitest'
import { failure } from '../../test/errors.ts'
import { Graph, type Value } from '../ir/graph.ts'
import { sgd } from '../optim/sgd.ts'
import { f32, Tensor } from '../tensor.ts'
import { fit as train } from '../train/fit.ts'
import { restoreState, saveState } from '../train/state.ts'
import { type Batch, compileTrainStep, type TrainStep } from '../train/step.ts'
import * as nn from './index.ts'

const net = nn.module((scope: nn.Scope, x: Value, training?: Value) =>
  nn.batchNorm(scope.at('norm'), x, training === undefined ? {} : { training }),
)

const x = new Tensor(
  Float32Array.from({ length: 12 }, (_, i) => Math.sin(5 * i) + i / 4),
  [3, 2, 2],
)
const t = Tensor.zeros([3, 2, 2])

function compile(options: { shards?: number; workers?: number } = {}): Promise<TrainStep> {
  return compileTrainStep((params, batch) => nn.mse(net.apply(params, batch['x']!, batch['training']), batch['t']!), {
    params: net.init(1, f32(3, 2, 2)),
    batch: { x, t },
    noise: { training: nn.trainingFlag() },
    optimizer: sgd({ lr: 0.1 }),
    ...options,
  })
}

/** Mean and unbiased variance of a channel. */
function statistics(channel: number): [number, number] {
  const own = [0, 1, 2].flatMap((n) => [0, 1].map((i) => x.data[4 * n + 2 * channel + i] as number))
  const mean = own.reduce((a, b) => a + b) / 6
  return [mean, own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 5]
}

const listOf = (step: TrainStep, name: string): number[] => Array.from(step.params[name]!.data as Float32Array)

describe('batchNorm in a training step', () => {
  it('moves the running statistics towards those of each batch, and trains only weight and bias', async () => {
    const step = await compile()
    expect(step.running).toEqual(['norm.mean', 'norm.var'])
    expect(step.store.slots.map(({ name }) => name)).toEqual(['norm.w', 'norm.b'])
    const { aux } = await step.step({ x, t })
    expect(aux).toEqual({})
    for (const [channel, [mean, variance]] of [statistics(0), statistics(1)].entries()) {
      expect(listOf(step, 'norm.mean')[channel]).toBeCloseTo(0.1 * mean, 5)
      expect(listOf(step, 'norm.var')[channel]).toBeCloseTo(0.9 + 0.1 * variance, 5)
    }
    await step.dispose()
  })

  it('follows the last part of a batch, with workers too', async () => {
    const steps = await Promise.all([compile({ shards: 3 }), compile({ shards: 3, workers: 2 })])
    for (const step of steps) {
      await step.step({ x, t })
      await step.step({ x, t })
      const [a, b] = [x.data[8] as number, x.data[9] as number]
      expect(listOf(step, 'norm.mean')[0]).toBeCloseTo(0.19 * ((a + b) / 2), 5)
      expect(listOf(step, 'norm.var')[0]).toBeCloseTo(0.81 + 0.19 * ((a - b) ** 2 / 2), 5)
      await step.dispose()
    }
    expect(listOf(steps[1], 'norm.w')).toEqual(listOf(steps[0], 'norm.w'))
  })

  it('evaluates with the running statistics', async () => {
    const step = await compile()
    for (const name of ['norm.mean', 'norm.var']) (step.params[name]!.data as Float32Array).set([2, 3])
    const { loss } = await step.evaluate({ x, t })
    const wanted = Array.from(x.data as Float32Array, (value, i) => {
      const kept = [2, 3][Math.floor(i / 2) % 2]!
      return (value - kept) ** 2 / (kept + 1e-5)
    })
    expect(loss).toBeCloseTo(wanted.reduce((a, b) => a + b) / 12, 4)
    expect(listOf(step, 'norm.mean')).toEqual([2, 3])
    await step.dispose()
  })

  it('goes on from a checkpoint bit for bit', async () => {
    const [whole, second] = [await compile(), await compile()]
    await whole.step({ x, t })
    await restoreState(second, saveState(whole))
    expect(listOf(second, 'norm.var')).toEqual(listOf(whole, 'norm.var'))
    const [a, b] = [await whole.step({ x, t }), await second.step({ x, t })]
    expect(b.loss).toBe(a.loss)
    expect(listOf(second, 'norm.mean')).toEqual(listOf(whole, 'norm.mean'))
    await Promise.all([whole.dispose(), second.dispose()])
  })

  it('gives the running statistics of the best measurement back, from a checkpoint too', async () => {
    const [whole, second] = [await compile(), await compile()]
    const kept: number[][] = []
    const validation = { batches: [{ x, t: x }], every: 1, restoreBest: true }
    const onMeasured = (): unknown => kept.push(listOf(whole, 'norm.mean'))
    const data = (): Batch[] => Array.from({ length: 9 }, () => ({ x, t }))
    const { best } = await train(whole, data, { steps: 4, validation, onMeasured })
    // The target of the training is not that of the measurement, which gets worse.
    expect(best?.step).toBe(1)
    expect(kept[3]).not.toEqual(kept[0])
    expect(listOf(whole, 'norm.mean')).toEqual(kept[0])
    await restoreState(second, saveState(whole))
    await train(second, data, { steps: 5, validation })
    expect(listOf(second, 'norm.mean')).toEqual(kept[0])
    await Promise.all([whole.dispose(), second.dispose()])
  })

  it('leaves the parameters that it was made from as they are', async () => {
    const params = net.init(1, f32(3, 2, 2))
    const step = await compileTrainStep(
      (own, batch) => nn.mse(net.apply(own, batch['x']!, batch['training']), batch['t']!),
      {
        params,
        batch: { x, t },
        noise: { training: nn.trainingFlag() },
        optimizer: sgd({ lr: 0.1 }),
      },
    )
    await step.step({ x, t })
    expect(Array.from(params['norm.mean']!.data as Float32Array)).toEqual([0, 0])
    await step.dispose()
  })

  it('refuses one element for each channel in training', () => {
    const graph = new Graph()
    const one = graph.input('x', 'f32', [1, 2])
    const scope = new nn.Scope((name, shape) => graph.input(name, 'f32', shape))
    expect(failure(() => nn.batchNorm(scope, one, { training: graph.scalar(1) })).code).toBe('PITH_SHAPE')
  })
})
