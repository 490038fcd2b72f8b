import { afterEach, describe, expect, it } from 'vitest'
import { f32, i64, Tensor } from '../tensor.ts'
import { type JitOptions, type Jitted, jit } from './jit.ts'
import * as ops from './ops.ts'
import { type Traceable, trace } from './trace.ts'

const lines = (...data: number[]): Tensor => new Tensor(Float32Array.from(data))

describe('trace', () => {
  it('gives a graph with the inputs in their order and the named outputs', () => {
    const { graph, inputs, outputs } = trace(({ b, a }) => ({ y: ops.add(a!, b!) }), { a: f32(2), b: f32(3, 2) })
    expect(graph.inputs.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(graph.inputs[0]).toBe(inputs['a'])
    expect(graph.nodes.map(({ op }) => op)).toEqual(['Add'])
    expect(outputs['y']).toMatchObject(f32(3, 2))
  })

  it('refuses inputs without elements, no outputs and values of other traces', () => {
    const { x: other } = trace(({ x }) => ({ x: x! }), { x: f32(1) }).outputs
    const refused =
      (f: Traceable, spec = f32(2)): (() => unknown) =>
      () =>
        trace(f, { x: spec })
    expect(refused(({ x }) => ({ x: x! }), f32(2, 0))).toThrow(expect.objectContaining({ code: 'PITH_SHAPE' }))
    expect(refused(({ x }) => ({ x: x! }), f32(-1))).toThrow(expect.objectContaining({ code: 'PITH_SHAPE' }))
    expect(refused(() => ({}))).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
    expect(refused(() => ({ y: other! }))).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
    expect(refused(({ x }) => ({ y: ops.add(x!, other!) }))).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
    expect(refused(({ x, gone }) => ({ y: ops.add(x!, gone!) }))).toThrow('an operand is undefined')
    expect(refused(({ gone }) => ({ y: ops.tanh(gone!) }))).toThrow('an operand is undefined')
  })

  it('emits equal nodes once', () => {
    const { graph } = trace(({ x }) => ({ y: ops.add(ops.exp(x!), ops.exp(x!)) }), { x: f32(2) })
    expect(graph.nodes.map(({ op }) => op)).toEqual(['Exp', 'Add'])
  })
})

describe('functions on values', () => {
  const { x, p } = trace((inputs) => inputs, { x: f32(2, 3), p: i64(2) }).inputs
  const cases: [string, () => unknown, string][] = [
    ['lengths that do not chain', () => ops.matmul(x!, x!), 'PITH_SHAPE'],
    ['scalars as matrices', () => ops.matmul(ops.sum(x!), x!), 'PITH_SHAPE'],
    ['shapes that do not broadcast', () => ops.add(x!, ops.cast(p!, 'f32')), 'PITH_SHAPE'],
    ['types that differ', () => ops.add(x!, p!), 'PITH_DTYPE'],
    ['fractions as whole numbers', () => ops.add(p!, 0.5), 'PITH_DTYPE'],
    ['an axis that is not there', () => ops.softmax(x!, 2), 'PITH_SHAPE'],
    ['another number of elements', () => ops.reshape(x!, [4, -1]), 'PITH_SHAPE'],
    ['an order that leaves axes out', () => ops.transpose(x!, [0, 0]), 'PITH_SHAPE'],
    ['long axes to squeeze', () => ops.squeeze(x!, 0), 'PITH_SHAPE'],
    ['uneven parts', () => ops.split(x!, 2, 1), 'PITH_SHAPE'],
    ['margins for other axes', () => ops.pad(x!, [[1, 1]]), 'PITH_SHAPE'],
    ['no operand that is a value', () => ops.add(1, 2), 'PITH_ARG'],
    ['no values to join', () => ops.concat([], 0), 'PITH_ARG'],
    ['an equation with a letter from nowhere', () => ops.einsum('ij->ik', x!), 'PITH_MODEL'],
    ['two lengths of a letter', () => ops.einsum('ij,jk->ik', x!, x!), 'PITH_SHAPE'],
    ['images without four axes', () => ops.conv2d(x!, x!), 'PITH_SHAPE'],
    ['an odd width to rotate', () => ops.rope(x!, x!, x!), 'PITH_SHAPE'],
    ['rows that are not as many as places', () => ops.scatterAddRows(3, p!, ops.transpose(x!)), 'PITH_SHAPE'],
  ]
  it.each(cases)('refuse %s', (_, build, code) => {
    expect(build).toThrow(expect.objectContaining({ code }))
  })

  it('lower to few nodes: no general power, no transpose before a product, one flat product for a stack', () => {
    const { graph } = trace(
      ({ a, w, k }) => {
        const flat = ops.matmul(a!, w!, { transB: true })
        return { flat, stack: ops.einsum('bqd,bkd->bqk', a!, k!), cube: ops.pow(a!, 3) }
      },
      { a: f32(2, 3, 4), w: f32(5, 4), k: f32(2, 6, 4) },
    )
    expect(graph.nodes.map(({ op }) => op).sort()).toEqual(['FusedMatMul', 'Gemm', 'Mul', 'Mul', 'Reshape', 'Reshape'])
  })
})

describe('jit', () => {
  let own: Jitted | undefined
  afterEach(() => own?.dispose())
  const start = (f: Traceable, options?: JitOptions): Jitted => (own = jit(f, options))

  it('runs a function, traced once for each signature', async () => {
    const f = start(({ x }) => ({ y: ops.mul(x!, 2), n: ops.sum(ops.square(x!)) }))
    const { y, n } = await f({ x: lines(1, 2, 3) })
    expect(y?.data).toEqual(Float32Array.of(2, 4, 6))
    expect(n?.data).toEqual(Float32Array.of(14))
    expect(n?.shape).toEqual([])
    await f({ x: lines(3, 2, 1) })
    expect(f.stats()).toEqual({ traces: 1, sessions: 1 })
    expect((await f({ x: lines(1, 2) }))['y']?.data).toEqual(Float32Array.of(2, 4))
    expect((await f({ x: new Tensor(Float64Array.of(1.5)) }))['y']?.data).toEqual(Float64Array.of(3))
    expect(f.stats()).toEqual({ traces: 3, sessions: 3 })
  })

  it('does not care for the order of the inputs', async () => {
    const f = start(({ a, b }) => ({ y: ops.sub(a!, b!) }))
    await f({ a: lines(3), b: lines(1) })
    expect((await f({ b: lines(1), a: lines(3) }))['y']?.data[0]).toBe(2)
    expect(f.stats().traces).toBe(1)
  })

  it('writes outputs in place', async () => {
    const f = start(({ x }) => ({ y: ops.exp(x!), z: ops.neg(x!) }))
    const y = Tensor.zeros([2])
    const results = await f({ x: lines(0, 0) }, { y })
    expect(results['y']).toBe(y)
    expect([...y.data]).toEqual([1, 1])
    expect(results['z']?.shape).toEqual([2])
  })

  it('keeps only so many sessions', async () => {
    const f = start(({ x }) => ({ y: ops.neg(x!) }), { maxSessions: 2 })
    for (const n of [1, 2, 3, 1]) await f({ x: Tensor.zeros([n]) })
    expect(f.stats()).toEqual({ traces: 4, sessions: 2 })
  })

  it('runs calls of many signatures at once', async () => {
    const f = start(({ x }) => ({ y: ops.sum(x!) }), { maxSessions: 1 })
    const sizes = [1, 2, 3, 1, 2, 3]
    const all = await Promise.all(sizes.map((n) => f({ x: new Tensor(new Float32Array(n).fill(1)) })))
    expect(all.map(({ y }) => y?.data[0])).toEqual(sizes)
  })

  it('gives the errors of the function, and traces again after them', async () => {
    let calls = 0
    const f = start(({ x }) => {
      if (calls++ === 0) throw new RangeError('the first call')
      return { y: x! }
    })
    await expect(f({ x: lines(1) })).rejects.toThrow('the first call')
    expect((await f({ x: lines(1) }))['y']?.data[0]).toBe(1)
  })

  it('gives inputs and constants as outputs', async () => {
    const f = start(({ x }) => ({ a: x!, b: x!, c: ops.constant(x!, lines(7)) }))
    const { a, b, c } = await f({ x: lines(1) })
    expect([a, b, c].map((tensor) => tensor?.data[0])).toEqual([1, 1, 7])
  })

  it('gives the same bits in a new session', async () => {
    const f = start(({ x, w }) => ({ y: ops.softmax(ops.matmul(ops.tanh(x!), w!)) }))
    const wave = (n: number, step: number): Float32Array =>
      Float32Array.from({ length: n }, (_, i) => Math.sin(i * step))
    const inputs = { x: new Tensor(wave(640, 0.37), [20, 32]), w: new Tensor(wave(512, 0.91), [32, 16]) }
    const first = await f(inputs)
    await f.dispose()
    expect((await f(inputs))['y']?.data).toEqual(first['y']?.data)
    expect(f.stats().traces).toBe(2)
  })
})
