import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Random } from '@pith/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Value } from '../../ir/graph.ts'
import * as nn from '../../nn/index.ts'
import { adamw, lion, muon, type Optimizer, schedules, sgd } from '../../optim/index.ts'
import { f32, i64, type Params, Tensor } from '../../tensor.ts'
import { batchesOf, compileTrainStep, type TrainStep, type TrainStepOptions, fit as train } from '../index.ts'
import { restoreState, type StateFiles, saveState } from '../state.ts'
import { listCheckpoints, loadCheckpoint, saveCheckpoint } from './index.ts'

const ROWS = 4

const NET = nn.module((s: nn.Scope, places: Value, mask: Value) => {
  const x = nn.dropout(nn.embedding(s.at('embed'), places, { rows: 9, width: 6 }), mask)
  return nn.linear(s.at('out'), nn.layerNorm(s.at('norm'), nn.mlp(s.at('mlp'), x, { hidden: 8 })), { outputs: 9 })
})

function makeStep(options: Partial<TrainStepOptions> = {}): Promise<TrainStep> {
  return compileTrainStep(
    (params, { x, t, mask }) => nn.crossEntropy(NET.apply(params, x as Value, mask as Value), t as Value),
    {
      params: NET.init(3, i64(ROWS), f32(ROWS, 6)),
      batch: { x: i64(ROWS), t: i64(ROWS) },
      noise: { mask: nn.dropoutNoise([ROWS, 6], 0.2) },
      optimizer: adamw(),
      lr: schedules.cosine({ lr: 0.02, warmup: 3, total: 20 }),
      clip: { norm: 1 },
      seed: 2,
      ...options,
    },
  )
}

const RANDOM = new Random(8)
const ids = (): Tensor =>
  new Tensor(
    BigInt64Array.from({ length: 40 }, () => BigInt(RANDOM.integer(9))),
    [40],
  )
const DATA = batchesOf({ x: ids(), t: ids() }, { size: ROWS, seed: 1 })

function* take<T>(items: Iterable<T>, count: number): Iterable<T> {
  let left = count
  for (const item of items) {
    if (left-- <= 0) return
    yield item
  }
}

function bitsOf(params: Params): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(params).map(([name, { data }]) => [
      name,
      [...new Uint32Array((data as Float32Array).slice().buffer)],
    ]),
  )
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pith-checkpoint-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a resumed training', () => {
  test.each<[string, Optimizer, Partial<TrainStepOptions>]>([
    ['adamw', adamw(), { ema: 0.9 }],
    ['sgd', sgd({ momentum: 0.9 }), { accumulate: 2 }],
    ['lion', lion(), { frozen: (name) => name.startsWith('norm') }],
    ['muon', muon(), {}],
  ])(
    'with %s gives the bits of one that was not interrupted: 10 + 10 = 20 updates',
    async (name, optimizer, options) => {
      const place = join(folder, name)
      const make = (): Promise<TrainStep> => makeStep({ optimizer, ...options })
      const whole = await make()
      await train(whole, DATA, { steps: 20 })
      const first = await make()
      await train(first, DATA, {
        steps: 10,
        checkpoint: { every: 10, save: async (s) => void (await saveCheckpoint(place, s)) },
      })
      await first.dispose()
      const second = await make()
      expect(await loadCheckpoint(place, second)).toBe(join(place, 'step-000010'))
      await train(second, DATA, { steps: 20 })
      expect(second.counts).toEqual(whole.counts)
      expect(bitsOf(second.params)).toEqual(bitsOf(whole.params))
      expect(second.moments).toEqual(whole.moments)
      expect(second.ema?.average).toEqual(whole.ema?.average)
      await Promise.all([whole.dispose(), second.dispose()])
    },
  )

  test('goes on with its measurements: patience, the best and its weights', async () => {
    const place = join(folder, 'watched')
    const validation = { batches: [...take(DATA(0), 2)], every: 3, patience: 3, minDelta: 0.5, restoreBest: true }
    const whole = await makeStep()
    const wanted = await train(whole, DATA, { steps: 60, validation })
    expect(wanted).toMatchObject({ end: 'patience', steps: 12, best: { step: 3 } })
    const first = await makeStep()
    const checkpoint = { every: 9, save: async (own: TrainStep) => void (await saveCheckpoint(place, own)) }
    await train(first, DATA, { steps: 9, validation, checkpoint })
    const second = await makeStep()
    await loadCheckpoint(place, second)
    expect(second.watched).toEqual(first.watched)
    expect(await train(second, DATA, { steps: 60, validation })).toEqual(wanted)
    expect(bitsOf(second.params)).toEqual(bitsOf(whole.params))
    await Promise.all([whole, first, second].map((step) => step.dispose()))
  })

  test('keeps measurements that are not finite', async () => {
    const step = await makeStep()
    step.watched.measured.push({ step: 1, loss: Number.NaN }, { step: 2, loss: Number.POSITIVE_INFINITY })
    step.watched.best = { step: 2, loss: Number.POSITIVE_INFINITY }
    const files = saveState(step)
    const saved = structuredClone(step.watched)
    step.watched.measured.length = 0
    await restoreState(step, files)
    expect(step.watched).toEqual(saved)
    await step.dispose()
  })

  test('is refused with other settings, parameters or frozen values, and nothing changes', async () => {
    const step = await makeStep()
    await train(step, DATA, { steps: 2 })
    const files = saveState(step)
    await step.dispose()
    for (const options of [
      { optimizer: lion() },
      { seed: 3 },
      { frozen: (name: string) => name === 'out.b' },
      { accumulate: 2 },
      { ema: 0.5 },
    ]) {
      const other = await makeStep(options)
      const before = bitsOf(other.params)
      await expect(restoreState(other, files)).rejects.toMatchObject({ code: 'PITH_ARG' })
      expect(bitsOf(other.params)).toEqual(before)
      await other.dispose()
    }
    const frozen = (name: string): boolean => name === 'norm.w'
    const one = await makeStep({ frozen })
    const changed = { ...NET.init(3, i64(ROWS), f32(ROWS, 6)), 'norm.w': Tensor.zeros([6]) }
    const two = await makeStep({ frozen, params: changed })
    await expect(restoreState(two, saveState(one))).rejects.toMatchObject({ code: 'PITH_ARG' })
    await Promise.all([one.dispose(), two.dispose()])
  })

  test('is refused from damaged states', async () => {
    const step = await makeStep()
    const files = saveState(step)
    const text = new TextDecoder().decode(files['state.json'])
    const before = bitsOf(step.params)
    const bad = (change: Partial<Record<keyof StateFiles, Uint8Array | string>>): StateFiles =>
      Object.fromEntries(
        Object.entries({ ...files, ...change }).map(([name, own]) => [
          name,
          typeof own === 'string' ? new TextEncoder().encode(own) : own,
        ]),
      ) as unknown as StateFiles
    const cases: [StateFiles, string][] = [
      [bad({ 'state.json': '{' }), 'PITH_CORRUPT'],
      [bad({ 'state.json': '[]' }), 'PITH_CORRUPT'],
      [bad({ 'state.json': text.replace('"version": 1', '"version": 2') }), 'PITH_VERSION'],
      [bad({ 'state.json': text.replace('"steps": 0', '"steps": -1') }), 'PITH_CORRUPT'],
      [bad({ 'state.json': text.replace('"updates": 0', '"updates": 1') }), 'PITH_CORRUPT'],
      [bad({ 'state.json': text.replace('"measured": []', '"measured": [{"step": 1, "loss": "x"}]') }), 'PITH_CORRUPT'],
      [bad({ 'state.json': text.replace('"worse": 0', '"worse": -1') }), 'PITH_CORRUPT'],
      [bad({ 'state.json': text.replace('"hasWeights": false', '"hasWeights": true') }), 'PITH_SHAPE'],
      [bad({ 'optim.safetensors': files['model.safetensors'] }), 'PITH_SHAPE'],
      [bad({ 'model.safetensors': files['model.safetensors'].subarray(0, 90) }), 'PITH_'],
    ]
    for (const [state, code] of cases) {
      await expect(restoreState(step, state)).rejects.toMatchObject({ code: expect.stringContaining(code) })
    }
    expect(bitsOf(step.params)).toEqual(before)
    const older = text.replace(/,\s*"watched": [\s\S]*/, '}')
    await restoreState(step, bad({ 'state.json': older }))
    expect(step.watched).toEqual({ measured: [], best: undefined, worse: 0, weights: undefined, running: {} })
    await step.dispose()
  })
})

describe('a folder of checkpoints', () => {
  test('keeps the newest, and never one of a larger number', async () => {
    const place = join(folder, 'keep')
    const step = await makeStep()
    step.counts.steps = 900
    await saveCheckpoint(place, step)
    for (const steps of [1, 2, 3, 4]) {
      step.counts.steps = steps
      await saveCheckpoint(place, step, { keep: 2 })
    }
    expect((await listCheckpoints(place)).map(({ number }) => number)).toEqual([3, 4, 900])
    expect((await readdir(place)).sort()).toEqual(['step-000003', 'step-000004', 'step-000900'])
    expect(await loadCheckpoint(join(place, 'step-000003'), step)).toBe(join(place, 'step-000003'))
    expect(step.counts.steps).toBe(3)
    await expect(saveCheckpoint(place, step, { keep: 0 })).rejects.toMatchObject({ code: 'PITH_ARG' })
    await step.dispose()
  })

  test('without a whole checkpoint has none to load, and a damaged one is refused', async () => {
    const step = await makeStep()
    expect(await loadCheckpoint(join(folder, 'nothing'), step)).toBeUndefined()
    const path = await saveCheckpoint(join(folder, 'damaged'), step)
    const file = join(path, '1', 'model.safetensors')
    const bytes = await readFile(file)
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
    await writeFile(file, bytes)
    await expect(loadCheckpoint(path, step)).rejects.toMatchObject({ code: 'PITH_CHECKSUM' })
    await rm(join(path, 'manifest.json'))
    expect(await loadCheckpoint(join(folder, 'damaged'), step)).toBeUndefined()
    await step.dispose()
  })
})
