/** Cases of functions on values: all of a file in one graph, run natively and as WebAssembly, against plain JavaScript. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DType } from '../../src/dtype.ts'
import { Graph, type Value } from '../../src/ir/graph.ts'
import type { Session } from '../../src/runtime/backend.ts'
import { compile } from '../../src/runtime/compile.ts'
import { loadRuntime } from '../../src/runtime/load.ts'
import { Tensor } from '../../src/tensor.ts'
import { type Arr, make } from './plain-arrays.ts'

/** An input: its shape, and which numbers it has. */
export interface Feed {
  shape: number[]
  dtype?: DType
  /** Elements from uniform numbers of 0 .. 1; default -2 .. 2. */
  from?: (u: number) => number
}

interface Case {
  name: string
  feeds: Feed[]
  build: (...xs: Value[]) => Value
  want: (...xs: Arr[]) => Arr
}

/** Those of the test file that imports this. */
const CASES: Case[] = []

/** One case: its inputs, the function, and what it must give. */
export function given(name: string, feeds: (number[] | Feed)[], build: Case['build'], want: Case['want']): void {
  const own = feeds.map((feed) => (Array.isArray(feed) ? { shape: feed } : feed))
  CASES.push({ name, feeds: own, build, want })
}

/** Numbers above 0. */
export const positive = (shape: number[]): Feed => ({ shape, from: (u) => u * 3 + 0.1 })
/** Whole numbers from 0 to one below a bound. */
export const ids = (shape: number[], below: number, dtype: DType = 'i64'): Feed => ({
  shape,
  dtype,
  from: (u) => Math.floor(u * below),
})

/** Uniform numbers of 0 .. 1, the same in every run. */
function uniform(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

function tensorOf({ shape, data }: Arr, dtype: DType): Tensor {
  if (dtype === 'i64') return new Tensor(BigInt64Array.from(data, BigInt), shape)
  if (dtype === 'i32') return new Tensor(Int32Array.from(data), shape)
  return new Tensor(dtype === 'f64' ? Float64Array.from(data) : Float32Array.from(data), shape)
}

/** The largest distance over the largest number, at least 1. */
function distance(got: ArrayLike<number | bigint>, want: ArrayLike<number | bigint>): number {
  let worst = 0
  let scale = 1
  for (let i = 0; i < want.length; i++) {
    worst = Math.max(worst, Math.abs(Number(got[i]) - Number(want[i])))
    scale = Math.max(scale, Math.abs(Number(want[i])))
  }
  return worst / scale
}

/** Run all cases that were given, in one session each way. */
export function describeCases(title: string): void {
  const graph = new Graph()
  const feeds: Record<string, Tensor> = {}
  const outputs: Record<string, Value> = {}
  const wanted = new Map<string, Arr>()
  const failures = new Map<string, unknown>()
  for (const [index, { name, feeds: own, build, want }] of CASES.entries()) {
    const next = uniform(index + 1)
    const arrays = own.map(({ shape, from = (u: number) => u * 4 - 2 }) =>
      make([...shape], () => Math.fround(from(next()))),
    )
    const values = arrays.map((array, i) => {
      const input = `${name}.${i}`
      const tensor = tensorOf(array, own[i]?.dtype ?? 'f32')
      feeds[input] = tensor
      return graph.input(input, tensor.dtype, tensor.shape)
    })
    wanted.set(name, want(...arrays))
    try {
      outputs[name] = build(...values)
    } catch (error) {
      failures.set(name, error)
    }
  }

  describe(title, () => {
    let session: Session
    let results: Record<string, Tensor>
    beforeAll(async () => {
      session = await compile(outputs)
      results = await session.run(feeds)
    })
    afterAll(() => session.dispose())

    it.each(CASES.map(({ name }) => name))('%s', (name) => {
      if (failures.has(name)) throw failures.get(name)
      const want = wanted.get(name) as Arr
      const got = results[name] as Tensor
      expect([...got.shape]).toEqual(want.shape)
      expect([...(outputs[name] as Value).shape]).toEqual(want.shape)
      expect(distance(got.data as Float32Array, want.data)).toBeLessThan(2e-5)
    })

    it('give the same bits again, in the places that they are told', async () => {
      const into = Object.fromEntries(
        Object.keys(outputs).map((name) => {
          const { shape, dtype } = results[name] as Tensor
          return [name, Tensor.zeros(shape, dtype)]
        }),
      )
      const again = await session.run(feeds, into)
      for (const name of Object.keys(outputs)) {
        expect(again[name]).toBe(into[name])
        expect(again[name]?.data, name).toEqual(results[name]?.data)
      }
    })

    it('give the same on WebAssembly', async () => {
      const web = await compile(outputs, { backend: await loadRuntime({ prefer: 'wasm' }) })
      const other = await web.run(feeds)
      for (const name of Object.keys(outputs)) {
        const [got, want] = [other[name] as Tensor, results[name] as Tensor]
        expect(distance(got.data as Float32Array, want.data as Float32Array), name).toBeLessThan(2e-5)
      }
      await web.dispose()
    })

    it('give the same bits on two threads, where they are made for it', async () => {
      const safe = Object.fromEntries(Object.entries(outputs).filter(([name]) => !name.includes('on one thread')))
      const own = await compile(safe, { threads: 2 })
      const other = await own.run(feeds)
      for (const name of Object.keys(safe)) expect(other[name]?.data, name).toEqual(results[name]?.data)
      await own.dispose()
    })
  })
}
