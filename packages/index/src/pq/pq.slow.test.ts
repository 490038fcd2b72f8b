import { type Progress, Random } from '@pith/core'
import { expect, test } from 'vitest'
import { encodePq, PqIndex, trainPq } from './index.ts'

const random = new Random(2)
const X = { n: 20_000, dim: 32, data: Float32Array.from({ length: 20_000 * 32 }, () => random.normal()) }

test('rows in several tasks give the same for any threads, and progress is told', async () => {
  const seen: Progress[] = []
  const options = { m: 8, bits: 8, rounds: 2, iters: 4, sample: 15_000 } as const
  const one = await trainPq(X, { ...options, onProgress: (progress) => void seen.push(progress) })
  expect(await trainPq(X, { ...options, threads: 3 })).toEqual(one)
  expect(await trainPq(X, { ...options, threads: 1, responsive: true })).toEqual(one)
  expect(seen[0]?.done).toBe(0)
  expect(seen.at(-1)?.done).toBe(seen.at(-1)?.total)
  expect(await encodePq(one, X, { threads: 2 })).toEqual(await encodePq(one, X))
})

test('a training and a coding that are given up reject with the reason', async () => {
  for (const threads of [1, 2]) {
    const controller = new AbortController()
    const onProgress = ({ done }: Progress): void => {
      if (done >= 1) controller.abort('enough')
    }
    const run = { threads, signal: controller.signal, onProgress }
    await expect(trainPq(X, { m: 8, rounds: 50, iters: 1, ...run })).rejects.toBe('enough')
  }
})

test('both targets find the same in many rows', async () => {
  for (const bits of [8, 4] as const) {
    const pq = await trainPq(X, { m: 16, bits, rounds: 1, iters: 2, sample: 5000 })
    const codes = await encodePq(pq, X)
    const [wasm, twin] = (['wasm', 'twin'] as const).map((target) => new PqIndex(pq, codes, { target }))
    for (let i = 0; i < 20; i++) {
      const query = X.data.subarray(32 * i, 32 * (i + 1))
      expect(wasm?.search(query, 50)).toEqual(twin?.search(query, 50))
    }
  }
})
