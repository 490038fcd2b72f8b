import { describe, expect, it } from 'vitest'
import { failure } from '../../test/errors.ts'
import { add, exp, mul, sin, tanh } from '../array/elementwise.ts'
import { matmul } from '../array/linear.ts'
import { sum } from '../array/reduce.ts'
import { Graph, type Value } from '../ir/graph.ts'
import { compile } from '../runtime/compile.ts'
import { Tensor } from '../tensor.ts'
import { hvp, jvp } from './jvp.ts'

async function run(outputs: Record<string, Value>, feeds: Record<string, Tensor>): Promise<Record<string, number[]>> {
  const session = await compile(outputs)
  const given = Object.fromEntries(Object.keys(session.inputs).map((name) => [name, feeds[name]]))
  const results = await session.run(given)
  await session.dispose()
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, Array.from(data as Float32Array)]))
}

const draw = (...shape: number[]): Tensor => {
  const length = shape.reduce((a, b) => a * b, 1)
  return new Tensor(
    Float32Array.from({ length }, (_, i) => Math.sin(3 * i + length)),
    shape,
  )
}

function close(got: readonly number[], want: readonly number[], digits: number): void {
  expect(got.length).toBe(want.length)
  for (const [i, value] of got.entries()) expect(value).toBeCloseTo(want[i], digits)
}

describe('jvp', () => {
  it('is the difference along a direction', async () => {
    const feeds = { x: draw(2, 3), w: draw(3, 2), dx: draw(2, 3), dw: draw(3, 2) }
    const f = (x: Value, w: Value): Value => tanh(matmul(sin(x), w))
    const graph = new Graph()
    const [x, w, dx, dw] = Object.entries(feeds).map(([name, { shape }]) => graph.input(name, 'f32', shape))
    const h = 0.01
    const at = (t: number): Value => f(add(x, mul(dx, t)), add(w, mul(dw, t)))
    const [along] = jvp([f(x, w)], [x, w], [dx, dw])
    const { up, down, own } = await run({ up: at(h), down: at(-h), own: along }, feeds)
    close(
      own,
      up.map((value, i) => (value - down[i]) / (2 * h)),
      3,
    )
  })

  it('is exact for a product, and zero for what does not depend on the values', async () => {
    const graph = new Graph()
    const [x, dx, other] = ['x', 'dx', 'other'].map((name) => graph.input(name, 'f32', [3]))
    const [along, none] = jvp([mul(x, x), exp(other)], [x], [dx])
    const feeds = { x: draw(3), dx: new Tensor(Float32Array.of(1, 2, 3)), other: draw(3) }
    const results = await run({ along, none }, feeds)
    close(
      results['along'],
      Array.from(feeds.x.data as Float32Array, (value, i) => 2 * value * (i + 1)),
      5,
    )
    expect(results['none']).toEqual([0, 0, 0])
  })

  it('refuses tangents that do not fit', () => {
    const graph = new Graph()
    const [x, short] = [graph.input('x', 'f32', [3]), graph.input('short', 'f32', [2])]
    expect(failure(() => jvp([x], [x], [short])).code).toBe('PITH_SHAPE')
    expect(failure(() => hvp(sum(x), [x], [])).code).toBe('PITH_SHAPE')
  })
})

describe('hvp', () => {
  it('is the product with the second derivatives', async () => {
    const graph = new Graph()
    const [x, v] = [graph.input('x', 'f32', [2]), graph.input('v', 'f32', [2])]
    const [first, second] = [sum(mul(x, graph.constant(new Tensor(Float32Array.of(1, 0))))), sum(x)]
    // x0 (x0 + x1)^2: derivatives of second order 4 s + 2 x0, 2 s + 2 x0 and 2 x0 with s = x0 + x1.
    const [hv] = hvp(mul(first, mul(second, second)), [x], [v])
    const feeds = { x: new Tensor(Float32Array.of(2, 1)), v: new Tensor(Float32Array.of(1, -1)) }
    const [x0, s] = [2, 3]
    const [h00, h01, h11] = [4 * s + 2 * x0, 2 * s + 2 * x0, 2 * x0]
    close((await run({ hv }, feeds))['hv'], [h00 - h01, h01 - h11], 4)
  })
})
