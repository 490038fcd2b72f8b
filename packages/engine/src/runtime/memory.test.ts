import { describe, expect, it } from 'vitest'
import * as ops from '../array/ops.ts'
import { Graph, type Value } from '../ir/graph.ts'
import { Tensor } from '../tensor.ts'
import { checkMemory, estimateMemory } from './memory.ts'

describe('estimateMemory', () => {
  it('counts values from the node that makes them to the last that reads them', () => {
    const x = new Graph().input('x', 'f32', [100])
    let y = x
    for (let i = 0; i < 10; i++) y = ops.exp(y)
    // A chain holds two values at a time.
    expect(estimateMemory([y])).toEqual({ inputs: 400, weights: 0, activations: 800, total: 1200, isLowerBound: false })
  })

  it('counts values that are read late as long', () => {
    const x = new Graph().input('x', 'f32', [100])
    const early = ops.exp(x)
    let y = early
    for (let i = 0; i < 4; i++) y = ops.sin(y)
    expect(estimateMemory([ops.add(y, early)]).activations).toBe(1200)
  })

  it('counts outputs to the end, weights twice and other shapes of a value once', () => {
    const x = new Graph().input('x', 'f32', [10, 10])
    const weights = new Tensor(new Float32Array(100).fill(1), [10, 10])
    const y = ops.reshape(ops.mul(x, weights), [100])
    const z = ops.sum(ops.exp(y))
    // The shape and the axes are two constants of 8 bytes.
    expect(estimateMemory([y, z])).toMatchObject({ weights: 832, activations: 804 })
  })

  it('counts the values and constants of inner graphs while their node runs', () => {
    const graph = new Graph()
    const x = graph.input('x', 'f32', [100])
    const body = new Graph(graph)
    const step = body.input('step', 'f32', [100])
    const next = ops.sin(ops.mul(step, new Tensor(new Float32Array(100).fill(2))))
    const specs = [{ dtype: 'f32', shape: [100] } as const]
    const [y] = graph.emit('Inner', [x], {}, { bodies: { body: { graph: body, outputs: [next] } }, specs })
    expect(estimateMemory([y as Value])).toMatchObject({ inputs: 400, weights: 800, activations: 1200 })
  })

  it('says that it is a lower bound where shapes are not known', () => {
    const x = new Graph().input('x', 'f32', [-1, 10])
    expect(estimateMemory([ops.exp(x)])).toMatchObject({ isLowerBound: true, inputs: 40 })
  })

  it('leaves out what outputs do not need', () => {
    const x = new Graph().input('x', 'f32', [100])
    ops.exp(x)
    expect(estimateMemory([ops.neg(x)]).activations).toBe(400)
    expect(estimateMemory([]).total).toBe(0)
  })
})

describe('checkMemory', () => {
  it('refuses what is above the limit', () => {
    const estimate = estimateMemory([ops.exp(new Graph().input('x', 'f32', [100]))])
    expect(() => checkMemory(estimate, 800)).not.toThrow()
    expect(() => checkMemory(estimate, 799)).toThrow(expect.objectContaining({ code: 'PITH_LIMIT' }))
  })
})
