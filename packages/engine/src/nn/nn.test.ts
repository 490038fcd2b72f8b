import { Random } from '@pith/core'
import { describe, expect, test } from 'vitest'
import { relu, tanh } from '../array/elementwise.ts'
import type { Value } from '../ir/graph.ts'
import { Graph } from '../ir/graph.ts'
import { f32, i64, type Params, type Spec } from '../tensor.ts'
import * as nn from './index.ts'

const SHAPE = expect.objectContaining({ code: 'PITH_SHAPE' })
const ARG = expect.objectContaining({ code: 'PITH_ARG' })

/** Shapes of the parameters by name. */
function shapesOf(params: Params): Record<string, readonly number[]> {
  return Object.fromEntries(Object.entries(params).map(([name, { shape }]) => [name, shape]))
}

/** Parameters of a network of one input and the shape of its result. */
function build(network: (scope: nn.Scope, x: Value) => Value, input: Spec): { shape: unknown; params: unknown } {
  const net = nn.module(network)
  const params = net.init(1, input)
  const graph = new Graph()
  const values = Object.fromEntries(
    Object.entries(params).map(([name, { dtype, shape }]) => [name, graph.input(name, dtype, shape)]),
  )
  return {
    shape: net.apply(values, graph.input('the input', input.dtype, input.shape)).shape,
    params: shapesOf(params),
  }
}

describe('layers name their parameters and give shapes', () => {
  test.each<[string, (scope: nn.Scope, x: Value) => Value, Spec, readonly number[], Record<string, number[]>]>([
    ['linear', (s, x) => nn.linear(s, x, { outputs: 5 }), f32(2, 7, 3), [2, 7, 5], { w: [3, 5], b: [5] }],
    ['linear without bias', (s, x) => nn.linear(s, x, { outputs: 5, bias: false }), f32(2, 3), [2, 5], { w: [3, 5] }],
    [
      'conv1d',
      (s, x) => nn.conv1d(s, x, { outputs: 4, size: 3, pads: 1, strides: 2 }),
      f32(2, 6, 10),
      [2, 4, 5],
      { w: [4, 6, 3], b: [4] },
    ],
    [
      'conv2d in groups',
      (s, x) => nn.conv2d(s, x, { outputs: 8, size: [3, 5], groups: 2 }),
      f32(1, 6, 9, 9),
      [1, 8, 7, 5],
      { w: [8, 3, 3, 5], b: [8] },
    ],
    [
      'convT2d',
      (s, x) => nn.convT2d(s, x, { outputs: 4, size: 4, strides: 2, pads: 1, groups: 2 }),
      f32(1, 6, 5, 5),
      [1, 4, 10, 10],
      { w: [6, 2, 4, 4], b: [4] },
    ],
    ['layerNorm', (s, x) => nn.layerNorm(s, x), f32(2, 3, 8), [2, 3, 8], { w: [8], b: [8] }],
    ['rmsNorm', (s, x) => nn.rmsNorm(s, x), f32(2, 3, 8), [2, 3, 8], { w: [8] }],
    ['groupNorm', (s, x) => nn.groupNorm(s, x, { groups: 2 }), f32(2, 6, 4, 4), [2, 6, 4, 4], { w: [6], b: [6] }],
    ['embedding', (s, x) => nn.embedding(s, x, { rows: 11, width: 4 }), i64(2, 3), [2, 3, 4], { w: [11, 4] }],
    [
      'mha',
      (s, x) => nn.mha(s.at('attn'), x, { heads: 2, causal: true, bias: true }),
      f32(2, 5, 8),
      [2, 5, 8],
      {
        'attn.wq': [8, 8],
        'attn.bq': [8],
        'attn.wk': [8, 8],
        'attn.bk': [8],
        'attn.wv': [8, 8],
        'attn.bv': [8],
        'attn.wo': [8, 8],
        'attn.bo': [8],
      },
    ],
    [
      'mlp with a gate',
      (s, x) => nn.mlp(s.at('blocks.0').at('mlp'), x, { hidden: 12, gated: true, bias: false, activation: relu }),
      f32(2, 8),
      [2, 8],
      { 'blocks.0.mlp.up.w': [8, 12], 'blocks.0.mlp.gate.w': [8, 12], 'blocks.0.mlp.down.w': [12, 8] },
    ],
  ])('%s', (_name, network, input, shape, params) => {
    expect(build(network, input)).toEqual({ shape, params })
  })

  test('shapes that do not fit are refused', () => {
    expect(() => build((s, x) => nn.mha(s, x, { heads: 3 }), f32(2, 5, 8))).toThrow(SHAPE)
    expect(() => build((s, x) => nn.conv2d(s, x, { outputs: 4, size: 3 }), f32(2, 5, 8))).toThrow(SHAPE)
    expect(() => build((s, x) => nn.conv1d(s, x, { outputs: 4, size: 3, groups: 2 }), f32(2, 5, 8))).toThrow(SHAPE)
    expect(() => build((s, x) => nn.linear(s, x, { outputs: 2 }), f32())).toThrow(SHAPE)
  })
})

describe('modules', () => {
  const net = nn.module((s: nn.Scope, x: Value) =>
    nn.linear(s.at('b'), tanh(nn.linear(s.at('a'), x, { outputs: 4 })), { outputs: 2 }),
  )

  test('the same seed gives the same parameters, and another layer changes none of them', () => {
    const params = net.init(7, f32(1, 3))
    expect(net.init(new Random(7), f32(9, 3))).toEqual(params)
    expect(net.init(8, f32(1, 3))['a.w']).not.toEqual(params['a.w'])
    const longer = nn.module((s: nn.Scope, x: Value) => {
      const y = nn.linear(s.at('z'), x, { outputs: 3 })
      return nn.linear(s.at('a'), y, { outputs: 4 })
    })
    expect(longer.init(7, f32(1, 3))['a.w']).toEqual(params['a.w'])
  })

  test('a name that is asked for twice is one parameter, with one shape', () => {
    const shared = nn.module((s: nn.Scope, x: Value) => nn.linear(s, nn.linear(s, x, { outputs: 3 }), { outputs: 3 }))
    expect(shapesOf(shared.init(0, f32(1, 3)))).toEqual({ w: [3, 3], b: [3] })
    const clash = nn.module((s: nn.Scope, x: Value) => nn.linear(s, nn.linear(s, x, { outputs: 4 }), { outputs: 3 }))
    expect(() => clash.init(0, f32(1, 3))).toThrow(SHAPE)
  })

  test('parameters that are missing or of another shape, and odd names, are refused', () => {
    const graph = new Graph()
    const x = graph.input('x', 'f32', [1, 3])
    expect(() => net.apply({}, x)).toThrow(ARG)
    expect(() => net.apply({ 'a.w': graph.input('a.w', 'f32', [3, 5]) }, x)).toThrow(SHAPE)
    for (const name of ['', 'a b', '.a', 'a.', 'a..b']) {
      expect(() => nn.module((s: nn.Scope, y: Value) => nn.layerNorm(s.at(name), y)).init(0, f32(3))).toThrow(ARG)
    }
  })
})

describe('first values', () => {
  test.each<[string, nn.Initializer, readonly number[], number]>([
    ['lecun of a matrix', nn.lecun(), [50, 80], 1 / 50],
    ['he of a kernel', nn.he(), [40, 10, 3, 3], 2 / 90],
    ['glorot', nn.glorot(), [30, 90], 2 / 120],
    ['torch', nn.torchUniform(), [50, 80], 1 / 150],
    ['normal', nn.normal(0.5), [4000], 0.25],
    ['uniform', nn.uniform(3), [4000], 3],
  ])('%s has its variance', (_name, init, shape, want) => {
    const values = init(new Random(3), shape)
    const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length
    expect(Math.abs(variance / want - 1)).toBeLessThan(0.08)
  })

  test('vectors have no inputs and outputs', () => {
    expect(() => nn.lecun()(new Random(0), [4])).toThrow(SHAPE)
    expect(nn.full(2)(new Random(0), [2])).toEqual(Float32Array.of(2, 2))
  })
})

describe('noise', () => {
  test('a mask of dropout keeps its mean and its rate', () => {
    const { fill } = nn.dropoutNoise([10_000], 0.25)
    const mask = new Float32Array(10_000)
    fill(new Random(5), mask)
    expect(new Set(mask)).toEqual(new Set([0, Math.fround(4 / 3)]))
    const dropped = mask.filter((value) => value === 0).length
    expect(Math.abs(dropped - 2500)).toBeLessThan(150)
    for (const rate of [-0.1, 1, Number.NaN]) expect(() => nn.dropoutNoise([1], rate)).toThrow(ARG)
  })

  test('normal and uniform draws have their spread', () => {
    const out = new Float32Array(5000)
    nn.normalNoise([5000]).fill(new Random(1), out)
    expect(Math.abs(out.reduce((sum, value) => sum + value * value, 0) / 5000 - 1)).toBeLessThan(0.08)
    nn.uniformNoise([5000], 2, 4).fill(new Random(1), out)
    expect(out.every((value) => value >= 2 && value < 4)).toBe(true)
    expect(nn.uniformNoise([1], 2, 4).rest).toBe(3)
  })
})
