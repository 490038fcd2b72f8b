import { isPithError } from '@pith/core'
import { describe, expect, it } from 'vitest'
import { jit } from '../array/jit.ts'
import { Graph, type Value } from '../ir/graph.ts'
import { registerOp } from '../ir/registry.ts'
import { compile } from '../runtime/compile.ts'
import { Tensor } from '../tensor.ts'
import { Build } from './build.ts'
import { checkGradients } from './check.ts'
import { checkpoint } from './checkpoint.ts'
import { customVjp, stopGradient, straightThrough } from './custom.ts'
import { grad, splitGrad, valueAndGrad } from './grad.ts'
import { vjp } from './vjp.ts'

const floats = (...values: number[]): Tensor => new Tensor(Float32Array.from(values))

async function run(outputs: Record<string, Value>, feeds: Record<string, Tensor>): Promise<Record<string, number[]>> {
  const session = await compile(outputs)
  const results = await session.run(feeds)
  await session.dispose()
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data as Float32Array, (x) => x)]),
  )
}

function op(name: string, ...inputs: Value[]): Value {
  return inputs[0].graph.emit(name, inputs)[0]
}

function total(x: Value): Value {
  return new Build(x.graph).sum(x, [...x.shape.keys()], false)
}

function caught(f: () => unknown): unknown {
  try {
    f()
  } catch (error) {
    return error
  }
  return undefined
}

describe('grad', () => {
  it('adds up all ways to a value, also one that a node makes', async () => {
    const graph = new Graph()
    const x = graph.input('x', 'f32', [2])
    const h = op('Mul', x, x)
    const loss = total(op('Add', op('Mul', h, x), h))
    const [dx, dh] = grad(loss, [x, h])
    expect(await run({ dx, dh }, { x: floats(2, 3) })).toEqual({ dx: [16, 33], dh: [3, 4] })
  })

  it('is zero for what the loss does not depend on', async () => {
    const graph = new Graph()
    const [x, w] = [graph.input('x', 'f32', [1]), graph.input('w', 'f32', [2, 2])]
    const [dx, dw] = grad(total(x), [x, w])
    expect(dw.shape).toEqual([2, 2])
    expect(await run({ dx, dw }, { x: floats(1), w: new Tensor(new Float32Array(4), [2, 2]) })).toEqual({
      dx: [1],
      dw: [0, 0, 0, 0],
    })
  })

  it('follows inputs of a decomposed operator that depend on each other once', async () => {
    const x = new Tensor(Float32Array.of(0.5, -0.7, 0.9, 0.3), [2, 2])
    const f = (value: Value): Value => value.graph.emit('RMSNormalization', [value, op('Sin', value)], { axis: 0 })[0]
    await expect(checkGradients(f, [x])).resolves.toHaveLength(1)
  })

  it('differentiates gradients', async () => {
    const graph = new Graph()
    const x = graph.input('x', 'f32', [2])
    const [first] = grad(total(op('Mul', op('Mul', x, x), x)), [x])
    const [second] = grad(total(first), [x])
    expect(await run({ second }, { x: floats(1, 2) })).toEqual({ second: [6, 12] })
  })

  it('refuses a loss of several elements and integers', () => {
    const graph = new Graph()
    const [x, ids] = [graph.input('x', 'f32', [2]), graph.input('ids', 'i64', [2])]
    expect(
      isPithError(
        caught(() => grad(x, [x])),
        'PITH_SHAPE',
      ),
    ).toBe(true)
    expect(
      isPithError(
        caught(() => grad(total(x), [ids])),
        'PITH_DTYPE',
      ),
    ).toBe(true)
    expect(
      isPithError(
        caught(() => grad(total(x), [new Graph().input('y', 'f32', [])])),
        'PITH_ARG',
      ),
    ).toBe(true)
  })

  it('names the operator without a rule, its node and the path through it, before it emits anything', () => {
    const graph = new Graph()
    const w = graph.input('layer.weight', 'f32', [1, 3, 3])
    const [sampled] = graph.emit('Hardmax', [op('Relu', w)])
    sampled.name = 'sampled'
    const loss = total(op('Exp', sampled))
    const before = graph.nodes.length
    const error = caught(() => grad(loss, [w]))
    expect(isPithError(error, 'PITH_GRADIENT')).toBe(true)
    const { message, at } = error as { message: string; at: { node: string } }
    expect(message).toContain('Hardmax has no gradient')
    expect(message).toContain('layer.weight -> Relu -> Hardmax (sampled) -> Exp -> ReduceSum -> loss')
    expect(at.node).toBe('sampled')
    expect(graph.nodes.length).toBe(before)
    expect(() => grad(loss, [])).not.toThrow()
  })

  it('asks for the lengths of axes that are not known', () => {
    const graph = new Graph()
    const x = graph.input('x', 'f32', [-1, 2])
    expect(
      isPithError(
        caught(() => grad(total(op('Exp', x)), [x])),
        'PITH_SHAPE',
      ),
    ).toBe(true)
  })

  it('uses the rule that comes with a user operator', async () => {
    registerOp({
      name: 'Halve',
      domain: 'test.vjp',
      infer: ({ inputs }) => [inputs[0] as Value],
      vjp: ({ graph, cotangents }) => [new Build(graph).mul(cotangents[0] as Value, 0.5)],
    })
    const graph = new Graph()
    const x = graph.input('x', 'f32', [2])
    const [dx] = grad(total(graph.emit('Halve', [x], {}, { domain: 'test.vjp' })[0]), [x])
    expect(await run({ dx }, { x: floats(1, 2) })).toEqual({ dx: [0.5, 0.5] })
  })

  it('makes a function of a loss and its gradients by name', async () => {
    const f = jit(valueAndGrad(({ x, w }) => total(op('Mul', x, w))))
    const results = await f({ x: floats(1, 2), w: floats(3, 4) })
    expect(Object.keys(results).sort()).toEqual(['grad.w', 'grad.x', 'value'])
    expect([...(results['grad.w'].data as Float32Array), ...(results['value'].data as Float32Array)]).toEqual([
      1, 2, 11,
    ])
    await f.dispose()
    const wrong = valueAndGrad(({ x }) => total(x), ['y'])
    expect(
      isPithError(
        caught(() => wrong({ x: new Graph().input('x', 'f32', [1]) })),
        'PITH_ARG',
      ),
    ).toBe(true)
  })

  it('leaves the rows of a table apart where they are asked for', async () => {
    const graph = new Graph()
    const [table, w] = [graph.input('table', 'f32', [3, 2]), graph.input('w', 'f32', [2])]
    const ids = graph.input('ids', 'i64', [2, 2])
    const [rows] = graph.emit('Gather', [table, ids], { axis: 0 })
    const loss = total(op('Mul', rows, w))
    const [split, plain] = splitGrad(loss, [table, w])
    expect(split.dense).toBeUndefined()
    expect(plain.rows).toEqual([])
    const [{ indices, values }] = split.rows
    expect([indices.shape, values.shape]).toEqual([[4], [4, 2]])
    const [dense] = grad(loss, [table])
    const feeds = {
      table: new Tensor(new Float32Array(6), [3, 2]),
      w: floats(2, 3),
      ids: new Tensor(BigInt64Array.of(1n, 1n, -1n, 0n), [2, 2]),
    }
    expect(await run({ dense, values }, feeds)).toEqual({
      dense: [2, 3, 4, 6, 2, 3],
      values: [2, 3, 2, 3, 2, 3, 2, 3],
    })
  })
})

describe('gradients that are given', () => {
  it('customVjp replaces the gradient, with residuals and zeros for outputs that are not used', async () => {
    const graph = new Graph()
    const x = graph.input('x', 'f32', [2])
    const b = new Build(graph)
    const odd = customVjp(
      (a) => ({ outputs: [op('Exp', a), b.mul(a, 2)], residuals: [a] }),
      ([a], [first, second]) => [b.add(b.mul(first, a), b.add(second, 10))],
    )
    const [, doubled] = odd(x)
    const [dx] = grad(total(doubled), [x])
    const [kept] = grad(total(op('Exp', x)), [x])
    const results = await run({ dx, doubled, kept: op('Log', kept) }, { x: floats(1, 2) })
    expect(results['dx']).toEqual([11, 11])
    expect(results['doubled']).toEqual([2, 4])
    expect(results['kept'].map((value) => Math.round(value * 1e5) / 1e5)).toEqual([1, 2])
  })

  it('stopGradient passes the value alone, straightThrough the gradient of the soft one', async () => {
    const graph = new Graph()
    const x = graph.input('x', 'f32', [2])
    const soft = op('Mul', x, x)
    const hard = straightThrough(op('Round', x), soft)
    const [dx] = grad(total(op('Mul', hard, stopGradient(x))), [x])
    expect(await run({ dx, hard }, { x: floats(1.25, 3) })).toEqual({ dx: [3.125, 18], hard: [1, 3] })
    expect(
      isPithError(
        caught(() => straightThrough(x, total(x))),
        'PITH_SHAPE',
      ),
    ).toBe(true)
  })
})

describe('checkpoint', () => {
  /** Three layers h = tanh(h w) + h, each recomputed or not. */
  function layers(graph: Graph, isRecomputed: boolean): { loss: Value; wrt: Value[] } {
    const x = graph.input('x', 'f32', [2, 3])
    const weights = [0, 1, 2].map((i) => graph.input(`w${i}`, 'f32', [3, 3]))
    let h = x
    for (const w of weights) {
      const layer = (a: Value): Value[] => [op('Add', op('Tanh', op('MatMul', a, w)), a)]
      h = (isRecomputed ? checkpoint(layer)(h) : layer(h))[0]
    }
    return { loss: total(op('Mul', h, h)), wrt: [x, ...weights] }
  }

  const feeds = {
    x: new Tensor(
      Float32Array.from({ length: 6 }, (_, i) => i / 3 - 1),
      [2, 3],
    ),
    ...Object.fromEntries(
      [0, 1, 2].map((i) => [
        `w${i}`,
        new Tensor(
          Float32Array.from({ length: 9 }, (_, k) => Math.sin(k + i)),
          [3, 3],
        ),
      ]),
    ),
  }

  it('gives the same loss and gradients, and computes the layers again', async () => {
    const results = []
    for (const isRecomputed of [false, true]) {
      const graph = new Graph()
      const { loss, wrt } = layers(graph, isRecomputed)
      const outputs = { loss, ...Object.fromEntries(grad(loss, wrt).map((value, i) => [`g${i}`, value])) }
      expect(graph.live(Object.values(outputs)).filter(({ op: name }) => name === 'Tanh')).toHaveLength(
        isRecomputed ? 6 : 3,
      )
      results.push(await run(outputs, feeds))
    }
    expect(results[1]).toEqual(results[0])
  })

  it('can stand within itself, beside regions and with values from around it', async () => {
    const f = (x: Value, w: Value): Value =>
      checkpoint((a, same) => {
        const [inner] = checkpoint((c) => [op('Sigmoid', op('Mul', c, w)), op('Exp', c)])(op('Mul', a, same))
        return [op('Mul', inner, straightThrough(op('Mul', a, w), op('Sin', a)))]
      })(x, x)[0]
    const graph = new Graph()
    const [x, w] = [graph.input('x', 'f32', [2]), graph.input('w', 'f32', [2])]
    const [dx, dw] = grad(total(f(x, w)), [x, w])
    const s = (v: number): number => 1 / (1 + Math.exp(-v))
    const [[x0, x1], [w0, w1]] = [
      [0.5, 1.5],
      [0.7, -0.4],
    ]
    const slope = (a: number, c: number): number => s(a * a * c) * (1 - s(a * a * c))
    const results = await run({ dx, dw }, { x: floats(x0, x1), w: floats(w0, w1) })
    const wanted = {
      dx: [
        [x0, w0],
        [x1, w1],
      ].map(([a, c]) => slope(a, c) * 2 * a * c * (a * c) + s(a * a * c) * Math.cos(a)),
      dw: [
        [x0, w0],
        [x1, w1],
      ].map(([a, c]) => slope(a, c) * a * a * (a * c)),
    }
    for (const name of ['dx', 'dw'] as const) {
      for (const [i, value] of wanted[name].entries()) expect(results[name][i]).toBeCloseTo(value, 5)
    }
  })
})

describe('vjp', () => {
  it('refuses cotangents that do not fit', () => {
    const graph = new Graph()
    const x = graph.input('x', 'f32', [2])
    expect(
      isPithError(
        caught(() => vjp([x], [graph.scalar(1)], [x])),
        'PITH_SHAPE',
      ),
    ).toBe(true)
  })
})

describe('checkGradients', () => {
  it('finds a gradient that is wrong, and not one that is right', async () => {
    const wrong = customVjp(
      (x) => ({ outputs: [op('Mul', x, x)], residuals: [x] }),
      ([x], [g]) => [op('Mul', g, x)],
    )
    const x = floats(0.5, -0.7, 0.9)
    await expect(checkGradients((value) => wrong(value), [x])).rejects.toMatchObject({ code: 'PITH_GRADIENT' })
    const [right] = await checkGradients((value) => op('Mul', value, value), [x], { order: 2 })
    expect(right.error).toBeLessThan(1e-3)
  })
})
