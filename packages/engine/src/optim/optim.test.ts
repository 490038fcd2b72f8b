import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Params, Tensor } from '../tensor.ts'
import {
  adamw,
  clipByNorm,
  clipByValue,
  Ema,
  globalNorm,
  isHiddenMatrix,
  lion,
  muon,
  type Optimizer,
  orthogonalize,
  ParamStore,
  sgd,
} from './index.ts'

type Flat = Record<string, number[]>

interface Vectors {
  readonly lr: number
  readonly shapes: Record<string, number[]>
  readonly weights: Flat
  readonly gradients: Flat[]
  readonly results: Record<string, Flat>
  readonly norms: number[]
}

const VECTORS = JSON.parse(readFileSync(new URL('../../test/golden/optim.json', import.meta.url), 'utf8')) as Vectors

function paramsOf(flat: Flat): Params {
  return Object.fromEntries(
    Object.entries(flat).map(([name, data]) => [name, new Tensor(Float32Array.from(data), VECTORS.shapes[name])]),
  )
}

function run(optimizer: Optimizer, from = 0, to: number = VECTORS.gradients.length, store?: ParamStore): ParamStore {
  const own = store ?? new ParamStore(paramsOf(VECTORS.weights))
  const bound = optimizer.bind(own)
  for (let step = from; step < to; step++) {
    own.load(paramsOf(VECTORS.gradients[step] as Flat), own.gradients)
    bound.update(step + 1, VECTORS.lr)
  }
  return own
}

describe('optimisers', () => {
  test.each<[string, Optimizer]>([
    ['adamw', adamw()],
    ['adamw-settings', adamw({ betas: [0.8, 0.95], eps: 1e-3, weightDecay: 0.3 })],
    ['sgd', sgd()],
    ['sgd-decay', sgd({ weightDecay: 0.2 })],
    ['sgd-momentum', sgd({ momentum: 0.9, weightDecay: 0.2 })],
    ['sgd-nesterov', sgd({ momentum: 0.9, nesterov: true })],
    ['lion', lion()],
    ['lion-decay', lion({ betas: [0.95, 0.98], weightDecay: 0.5 })],
    ['muon', muon({ weightDecay: 0.1 })],
  ])('%s is that of the reference in double precision', (name, optimizer) => {
    const store = run(optimizer)
    for (const [param, want] of Object.entries(VECTORS.results[name] as Flat)) {
      const got = store.params[param]?.data as Float32Array
      for (const [i, value] of want.entries()) expect(Math.abs((got[i] as number) - value)).toBeLessThan(2e-6)
    }
  })

  test('leave the gaps between parameters at zero', () => {
    for (const optimizer of [adamw(), sgd({ momentum: 0.5 }), lion(), muon()]) {
      const { weights, slots } = run(optimizer)
      for (const { offset, size } of slots) {
        const gap = weights.subarray(offset + size, Math.ceil((offset + size) / 16) * 16)
        expect(gap.every((value) => value === 0)).toBe(true)
      }
    }
  })

  test('take weights away only where decayIf says so', () => {
    const only = adamw({ weightDecay: 0.5, decayIf: (_name, shape) => shape.length === 2 })
    const [some, none, all] = [run(only), run(adamw({ weightDecay: 0 })), run(adamw({ weightDecay: 0.5 }))]
    expect(some.params['a.bias']?.data).toEqual(none.params['a.bias']?.data)
    expect(some.params['a.weight']?.data).toEqual(all.params['a.weight']?.data)
    expect(some.params['a.weight']?.data).not.toEqual(none.params['a.weight']?.data)
  })

  test('refuse settings out of range', () => {
    for (const make of [
      () => adamw({ betas: [1, 0.9] }),
      () => adamw({ eps: -1 }),
      () => sgd({ nesterov: true }),
      () => sgd({ momentum: Number.NaN }),
      () => lion({ weightDecay: -1 }),
      () => muon({ steps: 0 }),
    ]) {
      expect(make).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
    }
  })

  test('muon makes all singular values about one, and leaves embeddings, heads and vectors to AdamW', () => {
    const rows = 3
    const columns = 5
    const matrix = Float64Array.from({ length: 15 }, (_, i) => Math.sin(i * i + 1))
    for (const wide of [true, false]) {
      const [n, m] = wide ? [rows, columns] : [columns, rows]
      const x = orthogonalize(matrix, n, m, 8)
      // The trace of the gram matrix is the sum of the squares of the singular values.
      const trace = x.reduce((sum, value) => sum + value * value, 0)
      expect(trace).toBeGreaterThan(rows * 0.7 ** 2)
      expect(trace).toBeLessThan(rows * 1.25 ** 2)
    }
    expect(isHiddenMatrix('blocks.0.mlp.up', [8, 32])).toBe(true)
    expect(isHiddenMatrix('head.weight', [8, 32])).toBe(false)
    expect(isHiddenMatrix('token_embedding', [8, 32])).toBe(false)
    expect(isHiddenMatrix('blocks.0.attention.heads', [8, 32])).toBe(true)
    expect(isHiddenMatrix('bias', [32])).toBe(false)
  })
})

describe('the store', () => {
  test('holds parameters in one array, each at a multiple of 64 bytes', () => {
    const store = new ParamStore(paramsOf(VECTORS.weights))
    expect(store.slots.map(({ name, offset, size }) => [name, offset, size])).toEqual([
      ['a.weight', 0, 24],
      ['a.bias', 32, 5],
      ['b.weight', 48, 21],
    ])
    expect(store.length).toBe(80)
    store.weights[33] = 7
    expect(store.params['a.bias']?.data[1]).toBe(7)
    expect(store.ranges((_name, shape) => shape.length === 2)).toEqual([
      { start: 0, end: 32 },
      { start: 48, end: 80 },
    ])
    expect(store.ranges()).toEqual([{ start: 0, end: 80 }])
  })

  test('refuses what does not fit', () => {
    const store = new ParamStore({ w: Tensor.zeros([2, 3]) })
    const shape = expect.objectContaining({ code: 'PITH_SHAPE' })
    expect(() => store.load({})).toThrow(shape)
    expect(() => store.load({ w: Tensor.zeros([3, 2]) })).toThrow(shape)
    expect(() => store.load({ w: Tensor.zeros([2, 3]), v: Tensor.zeros([1]) })).toThrow(shape)
    expect(() => store.views(new Float32Array(3))).toThrow(shape)
    expect(() => new ParamStore({ w: Tensor.zeros([2], 'f64') })).toThrow(
      expect.objectContaining({ code: 'PITH_DTYPE' }),
    )
  })

  test('can share its weights with workers', () => {
    const store = new ParamStore({ w: Tensor.zeros([2]) }, { shared: true })
    expect(store.weights.buffer).toBeInstanceOf(SharedArrayBuffer)
  })
})

describe('clipping', () => {
  test('the norm is that of all parameters together', () => {
    const store = new ParamStore(paramsOf(VECTORS.weights))
    for (const [step, want] of VECTORS.norms.entries()) {
      store.load(paramsOf(VECTORS.gradients[step] as Flat), store.gradients)
      expect(Math.abs(globalNorm(store.gradients) - want)).toBeLessThan(1e-12)
    }
    expect(globalNorm(Float32Array.of(3, 0, 0, 0, 4))).toBe(5)
  })

  test('by norm keeps the direction, and leaves small gradients alone', () => {
    const flat = Float32Array.of(3, -4, 0)
    expect(clipByNorm(flat, 10)).toBe(5)
    expect([...flat]).toEqual([3, -4, 0])
    expect(clipByNorm(flat, 2.5)).toBe(5)
    expect([...flat]).toEqual([1.5, -2, 0])
    const broken = Float32Array.of(1, Number.NaN)
    expect(clipByNorm(broken, 0.5)).toBeNaN()
    expect(broken[0]).toBe(1)
  })

  test('by value bounds each element', () => {
    const flat = Float32Array.of(3, -4, 0.25, Number.NEGATIVE_INFINITY)
    clipByValue(flat, 0.5)
    expect([...flat]).toEqual([0.5, -0.5, 0.25, -0.5])
  })
})

test('the running average starts at the weights and follows them', () => {
  const store = new ParamStore({ w: new Tensor(Float32Array.of(1, 2), [2]) })
  const ema = new Ema(store, 0.75)
  store.weights.set([5, 2])
  ema.update()
  expect(ema.params['w']?.data).toEqual(Float32Array.of(2, 2))
  ema.update()
  expect(ema.params['w']?.data[0]).toBe(2.75)
  expect(() => new Ema(store, 1)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
})
