import { isPithError, type PithCode } from '@pith/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Graph, type Value } from '../ir/graph.ts'
import { f32, Tensor } from '../tensor.ts'
import type { Backend, Session } from './backend.ts'
import { compile } from './compile.ts'
import { loadRuntime } from './load.ts'

function lines(data: number[], shape: number[] = [data.length]): Tensor {
  return new Tensor(Float32Array.from(data), shape)
}

async function codeOf(work: Promise<unknown>): Promise<PithCode | undefined> {
  try {
    await work
  } catch (error) {
    if (isPithError(error)) return error.code
    throw error
  }
  return undefined
}

describe.each(['node', 'wasm'] as const)('a session of %s', (prefer) => {
  let backend: Backend
  let session: Session
  const graph = new Graph()
  const x = graph.input('x', 'f32', [2, 2])
  const y = graph.input('y', 'f32', [2, 2])
  const [twice] = graph.emit('Add', [x, y]) as [Value]
  const [places] = graph.emit('ArgMax', [twice], { axis: 1, keepdims: 0 }) as [Value]
  beforeAll(async () => {
    backend = await loadRuntime({ prefer })
    session = await compile({ twice, places, same: x }, { backend })
  })
  afterAll(() => session.dispose())
  const feeds = { x: lines([1, 2, 3, 4], [2, 2]), y: lines([5, 0, 0, 5], [2, 2]) }

  it('tells the types and shapes of its ends', () => {
    expect(session.inputs).toEqual({ x: f32(2, 2), y: f32(2, 2) })
    expect(session.outputs).toEqual({
      twice: f32(2, 2),
      places: { dtype: 'i64', shape: [2] },
      same: f32(2, 2),
    })
  })

  it('gives new tensors, and those that are named in their places', async () => {
    const twice = Tensor.zeros([2, 2])
    const results = await session.run(feeds, { twice })
    expect(results['twice']).toBe(twice)
    expect([...twice.data]).toEqual([6, 2, 3, 9])
    expect(results['places']?.data).toEqual(BigInt64Array.of(0n, 1n))
    expect(results['same']?.data).toEqual(feeds.x.data)
    expect(results['same']?.data).not.toBe(feeds.x.data)
    await session.run({ ...feeds, y: lines([0, 0, 0, 0], [2, 2]) }, { twice })
    expect([...twice.data]).toEqual([1, 2, 3, 4])
  })

  it('writes to a part of a larger array', async () => {
    const all = new Float32Array(8)
    await session.run(feeds, { twice: new Tensor(all.subarray(4), [2, 2]) })
    expect([...all]).toEqual([0, 0, 0, 0, 6, 2, 3, 9])
  })

  it('reads inputs anew at each run', async () => {
    const own = lines([0, 0, 0, 0], [2, 2])
    const first = await session.run({ ...feeds, y: own })
    ;(own.data as Float32Array).fill(10)
    const second = await session.run({ ...feeds, y: own })
    expect([...(first['twice'] as Tensor).data]).toEqual([1, 2, 3, 4])
    expect([...(second['twice'] as Tensor).data]).toEqual([11, 12, 13, 14])
  })

  it('runs many calls at once', async () => {
    const runs = Array.from({ length: 8 }, (_, i) => session.run({ ...feeds, y: lines([i, i, i, i], [2, 2]) }))
    const firsts = (await Promise.all(runs)).map((results) => results['twice']?.data[0])
    expect(firsts).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('refuses tensors that do not suit it', async () => {
    expect(await codeOf(session.run({ x: feeds.x }))).toBe('PITH_ARG')
    expect(await codeOf(session.run({ ...feeds, y: lines([1, 2, 3, 4]) }))).toBe('PITH_SHAPE')
    expect(await codeOf(session.run({ ...feeds, y: Tensor.zeros([2, 2], 'i32') }))).toBe('PITH_DTYPE')
    expect(await codeOf(session.run(feeds, { z: feeds.x }))).toBe('PITH_ARG')
    expect(await codeOf(session.run(feeds, { twice: Tensor.zeros([4]) }))).toBe('PITH_SHAPE')
    expect(await codeOf(session.run(feeds, { twice: Tensor.zeros([2, 2], 'f64') }))).toBe('PITH_DTYPE')
  })

  it('ends the runs that have begun before it closes, and runs no more', async () => {
    const own = await compile({ twice }, { backend })
    const running = own.run(feeds)
    await Promise.all([own.dispose(), own.dispose()])
    expect((await running)['twice']?.data[0]).toBe(6)
    expect(await codeOf(own.run(feeds))).toBe('PITH_ARG')
  })

  it('computes the same on two threads', async () => {
    const own = await compile({ twice }, { backend, threads: 2 })
    expect([...((await own.run(feeds))['twice'] as Tensor).data]).toEqual([6, 2, 3, 9])
    await own.dispose()
  })

  it('refuses what is no model', async () => {
    expect(await codeOf(backend.create(new Uint8Array(10)))).toBe('PITH_MODEL')
    expect(await codeOf(backend.create(new Uint8Array(0)))).toBe('PITH_MODEL')
  })

  it('names the node of an operator that is missing', async () => {
    const [odd] = graph.emit('NoSuchOperator', [x], {}, { specs: [f32(2, 2)] }) as [Value]
    await expect(compile({ odd }, { backend })).rejects.toMatchObject({ code: 'PITH_MODEL' })
  })

  it('refuses half precision at its ends, and computes with it inside', async () => {
    const [half] = graph.emit('Cast', [x], { to: 10 }) as [Value]
    await expect(compile({ half }, { backend })).rejects.toMatchObject({ code: 'PITH_DTYPE' })
    const [back] = graph.emit('Cast', [half], { to: 1 }) as [Value]
    const own = await compile({ back }, { backend })
    const results = await own.run({ ...feeds, x: lines([1, 1.0001, 0.5, 3], [2, 2]) })
    expect([...(results['back'] as Tensor).data]).toEqual([1, 1, 0.5, 3])
    await own.dispose()
  })
})

describe('compile', () => {
  it('refuses nothing to compute, and values of two graphs', async () => {
    const [a, b] = [new Graph().input('a', 'f32', [1]), new Graph().input('b', 'f32', [1])]
    expect(await codeOf(compile({}))).toBe('PITH_ARG')
    expect(await codeOf(compile({ a, b }))).toBe('PITH_ARG')
  })

  it('refuses a program beyond the memory limit', async () => {
    const x = new Graph().input('x', 'f32', [1000])
    const [y] = x.graph.emit('Exp', [x]) as [Value]
    expect(await codeOf(compile({ y }, { limits: { memoryBytes: 7999 } }))).toBe('PITH_LIMIT')
    await (await compile({ y }, { limits: { memoryBytes: 8000 } })).dispose()
  })
})
