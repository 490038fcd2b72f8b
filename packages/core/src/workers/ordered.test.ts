import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mapOrdered } from './ordered.ts'

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

const ticks = async (n: number): Promise<void> => {
  for (let i = 0; i < n; i++) await Promise.resolve()
}

test('results come in the order of the items, whatever finishes first, and no more than asked are held', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(12), { maxLength: 40 }), fc.integer({ min: 1, max: 6 }), async (delays, limit) => {
      let held = 0
      let most = 0
      async function* items(): AsyncGenerator<number> {
        for (const delay of delays) {
          await ticks(delay % 3)
          most = Math.max(most, ++held)
          yield delay
        }
      }
      const results: number[] = []
      const mapped = mapOrdered(
        items(),
        async (delay, index) => {
          await ticks(delay)
          return index
        },
        { concurrency: limit },
      )
      for await (const index of mapped) {
        held--
        results.push(index)
      }
      expect(results).toEqual(delays.map((_, index) => index))
      expect(most).toBeLessThanOrEqual(limit + 1)
    }),
    { numRuns: 60 },
  )
})

test('a ready result is not kept back by a slow input', async () => {
  let release = (): void => {}
  async function* items(): AsyncGenerator<number> {
    yield 1
    await new Promise<void>((resolve) => {
      release = resolve
    })
    yield 2
  }
  const mapped = mapOrdered(items(), (n) => n * 10, { concurrency: 4 })
  expect(await mapped.next()).toEqual({ done: false, value: 10 })
  const second = mapped.next()
  await ticks(5)
  release()
  expect(await second).toEqual({ done: false, value: 20 })
})

test('the failure of the earliest item is the one that is thrown, and nothing new starts', async () => {
  const started: number[] = []
  const mapped = mapOrdered(
    Array.from({ length: 50 }, (_, index) => index),
    async (n) => {
      started.push(n)
      await ticks(n === 3 ? 30 : 1)
      if (n === 3 || n === 4) throw new Error(`item ${n}`)
      return n
    },
    { concurrency: 4 },
  )
  await expect(collect(mapped)).rejects.toThrow('item 3')
  expect(started.length).toBeLessThan(12)
})

test('a failure of the input comes after the results before it', async () => {
  async function* items(): AsyncGenerator<number> {
    yield 1
    throw new Error('input')
  }
  const mapped = mapOrdered(items(), (n) => n, { concurrency: 3 })
  expect(await mapped.next()).toEqual({ done: false, value: 1 })
  await expect(mapped.next()).rejects.toThrow('input')
})

test('leaving early closes the input', async () => {
  let closed = false
  async function* items(): AsyncGenerator<number> {
    try {
      for (let i = 0; ; i++) yield i
    } finally {
      closed = true
    }
  }
  for await (const n of mapOrdered(items(), (n) => n, { concurrency: 2 })) if (n === 3) break
  await ticks(10)
  expect(closed).toBe(true)
})

test('an abort rejects with its reason although input and work never end', async () => {
  const abort = new AbortController()
  const never = new Promise<never>(() => {})
  async function* items(): AsyncGenerator<number> {
    yield 1
    await never
  }
  const results = collect(mapOrdered(items(), () => never, { concurrency: 2, signal: abort.signal }))
  await ticks(10)
  const reason = new Error('stop')
  abort.abort(reason)
  await expect(results).rejects.toBe(reason)
})
