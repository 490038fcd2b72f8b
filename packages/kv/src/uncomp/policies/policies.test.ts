import { readFileSync } from 'node:fs'
import { Random } from '@pith/core'
import { type EvictionPolicy, type Prompt, smoothed } from '@pith/lm'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { CONFIG, smallModel, texts } from '../../../test/model.ts'
import { adaKv, h2o, pyramidKv, snapKv, streamingLlm } from './index.ts'
import { windowScores } from './scores.ts'
import { spread, tokensOf } from './spread.ts'
import { watchWindow } from './watch.ts'

interface Golden {
  readonly prompt: {
    readonly layers: number
    readonly heads: number
    readonly tokens: number
    readonly window: number
    readonly kernel: number
    readonly budget: number
    readonly recent: number[][]
    readonly every: number[][]
  }
  readonly kept: Record<string, number[][][]>
}

const golden = JSON.parse(readFileSync(new URL('../../../test/golden/uncomp.json', import.meta.url), 'utf8')) as Golden
const { layers, heads, tokens, window, kernel, budget } = golden.prompt
const shape = { layers, kvHeads: heads, headDim: 2 }
const prompt: Prompt = {
  tokens: new Int32Array(tokens),
  window,
  logits: new Float32Array(1),
  layers: golden.prompt.recent.map((recent, layer) => ({
    positions: Int32Array.from({ length: tokens }, (_, i) => i),
    keys: new Float32Array(tokens * heads * 2),
    values: new Float32Array(tokens * heads * 2),
    recent: Float32Array.from(recent),
    every: Float32Array.from(golden.prompt.every[layer] as number[]),
  })),
}
const lm = smallModel(2)
afterAll(() => lm.close())

function kept(policy: EvictionPolicy): number[][][] {
  return policy.keep(prompt, shape).map((own) => own.map((places) => [...places]))
}

test('what is kept of a prompt is what the papers would keep of it', () => {
  expect(kept(snapKv({ budget, window, kernel }))).toEqual(golden.kept['snapkv'])
  expect(kept(adaKv({ budget, window, kernel }))).toEqual(golden.kept['adakv'])
  expect(kept(h2o({ budget }))).toEqual(golden.kept['h2o'])
  expect(kept(streamingLlm({ budget }))).toEqual(golden.kept['streaming'])
})

test('a pyramid gives to early layers what it takes from late ones', () => {
  const counts = kept(pyramidKv({ budget, window, kernel })).map((own) => own.map((places) => places.length))
  expect(counts.flat().reduce((sum, count) => sum + count, 0)).toBe(budget * layers * heads)
  // Beyond the window of 4: 2 - 1 / 20, 1 and 1 / 20 of the mean 8.
  expect(counts.map(([count]) => count)).toEqual([20, 12, 4])
})

test('whole numbers in a ratio have the sum that they must have', () => {
  const weights = fc.array(fc.double({ min: 0.01, max: 10, noNaN: true }), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(weights, fc.nat(500), fc.nat(20), fc.integer({ min: 1, max: 60 }), (own, total, floor, ceiling) => {
      const out = spread(own, total, floor, ceiling)
      const sum = Math.min(total, own.length * ceiling)
      expect(out.reduce((a, b) => a + b, 0)).toBe(sum)
      const least = Math.min(floor, Math.floor(sum / own.length), ceiling)
      for (const count of out) {
        expect(count).toBeGreaterThanOrEqual(least)
        expect(count).toBeLessThanOrEqual(ceiling)
      }
      for (const [i, a] of own.entries()) {
        for (const [j, b] of own.entries()) if (a > b) expect(out[i]).toBeGreaterThanOrEqual((out[j] as number) - 1)
      }
    }),
  )
  expect([...spread([2 / 3, 4 / 3, 2 / 3, 4 / 3], 120, 8, 100)]).toEqual([20, 40, 20, 40])
  expect([...spread([1, 3], 10, 0, 6)]).toEqual([4, 6])
})

test('budgets are parts of a prompt or tokens, and never less than must be kept', () => {
  expect([tokensOf(0.1, 200, 8), tokensOf(0.1, 50, 8), tokensOf(30, 200, 8), tokensOf(300, 200, 8)]).toEqual([
    20, 8, 30, 200,
  ])
  for (const bad of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => snapKv({ budget: bad })).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  }
  expect(() => snapKv({ budget, window: 0 })).toThrow(/window/)
  expect(() => adaKv({ budget, kernel: 1.5 })).toThrow(/kernel/)
  expect(() => pyramidKv({ budget, beta: 0 })).toThrow(/beta/)
  expect(() => streamingLlm({ budget, sinks: -1 })).toThrow(/sinks/)
})

/** Attention of random queries. */
const prompts = fc
  .record({
    layers: fc.integer({ min: 1, max: 4 }),
    kvHeads: fc.integer({ min: 1, max: 4 }),
    n: fc.integer({ min: 1, max: 60 }),
    window: fc.integer({ min: 1, max: 12 }),
    seed: fc.nat(),
  })
  .map(({ layers: count, kvHeads, n, window: wanted, seed }) => {
    const random = new Random(seed)
    const rows = Math.min(wanted, n)
    const numbers = (size: number): Float32Array => Float32Array.from({ length: size }, () => random.uniform())
    return {
      shape: { layers: count, kvHeads, headDim: 2 },
      window: wanted,
      prompt: {
        tokens: new Int32Array(n),
        window: rows,
        logits: new Float32Array(1),
        layers: Array.from({ length: count }, () => ({
          positions: Int32Array.from({ length: n }, (_, i) => i),
          keys: numbers(n * kvHeads * 2),
          values: numbers(n * kvHeads * 2),
          recent: numbers(kvHeads * rows * n),
          every: numbers(kvHeads * n),
        })),
      },
    }
  })

test('of any prompt each head keeps tokens that are there, the last ones among them, and all together as many as the budget says', () => {
  const budgets = fc.oneof(fc.double({ min: 0.01, max: 0.99, noNaN: true }), fc.integer({ min: 1, max: 80 }))
  const kernels = fc.constantFrom(1, 5, 9)
  fc.assert(
    fc.property(prompts, budgets, kernels, ({ shape: own, window: last, prompt: read }, share, wide) => {
      const n = read.tokens.length
      const options = { budget: share, window: last, kernel: wide }
      const judging = [snapKv(options), pyramidKv(options), adaKv(options)]
      for (const policy of [...judging, streamingLlm({ budget: share }), h2o({ budget: share })]) {
        const heads = policy.keep(read, own).flat()
        expect(heads.length).toBe(own.layers * own.kvHeads)
        const least = judging.includes(policy) ? last : policy.name === 'h2o' ? 2 : 5
        const mean = tokensOf(share, n, least)
        expect(heads.reduce((sum, places) => sum + places.length, 0)).toBe(heads.length * mean)
        for (const places of heads) {
          const all = [...places]
          expect(all).toEqual([...new Set(all)].sort((a, b) => a - b))
          expect(all.every((place) => place >= 0 && place < n)).toBe(true)
          const spared = Math.min(n, judging.includes(policy) ? last : 1)
          expect(all.slice(-spared)).toEqual(Array.from({ length: spared }, (_, i) => n - spared + i))
        }
      }
    }),
    { numRuns: 60 },
  )
})

test('sums that are kept up are those that are made anew, whatever was dropped', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 5 }), (seed, last) => {
      const random = new Random(seed)
      const row = (length: number): number[] => Array.from({ length }, () => Math.fround(random.uniform()))
      const start = [row(6), row(6)]
      const layer = {
        positions: Int32Array.of(0, 1, 2, 3, 4, 5),
        keys: new Float32Array(12),
        values: new Float32Array(12),
        recent: Float32Array.from(start.flat()),
      }
      const watch = watchWindow({ ...prompt, window: 2, layers: [layer] }, 0, 0, [0, 1, 2, 3, 4, 5], last)
      const positions = [0, 1, 2, 3, 4, 5]
      /** Rows by position. */
      const rows: Map<number, number>[] = start.slice(-last).map((own) => new Map(own.map((x, i) => [i, x])))
      for (let next = 6; next < 20; next++) {
        positions.push(next)
        const own = row(positions.length)
        watch.push(Float32Array.from(own))
        rows.push(new Map(positions.map((position, i) => [position, own[i] as number])))
        if (rows.length > last) rows.shift()
        const worth = (position: number): number => rows.reduce((sum, seen) => sum + (seen.get(position) ?? 0), 0)
        const open = positions.filter((position) => position <= next - last)
        const place = watch.worst(positions)
        const given = positions[place] as number
        if (open.length > 0) {
          expect(open).toContain(given)
          for (const other of open) expect(worth(given)).toBeLessThanOrEqual(worth(other) + 1e-9)
        } else expect(given).toBe(Math.min(...positions))
        positions[place] = positions.at(-1) as number
        positions.length--
        watch.drop(place)
      }
    }),
  )
})

test('scores are means over neighbours', () => {
  expect([...smoothed(Float64Array.of(5, 0, 0, 10), 5)]).toEqual([1, 3, 3, 2])
  expect(windowScores(prompt, 0, 1, 2, 1).length).toBe(tokens - 2)
})

const POLICIES: Record<string, (bounded: boolean) => EvictionPolicy> = {
  streaming: (bounded) => streamingLlm({ budget: 20, bounded }),
  h2o: (bounded) => h2o({ budget: 20, bounded }),
  snapkv: (bounded) => snapKv({ budget: 20, bounded }),
  pyramidkv: (bounded) => pyramidKv({ budget: 20, bounded }),
  adakv: (bounded) => adaKv({ budget: 20, bounded }),
}

test.each(Object.keys(POLICIES))('a model goes on behind %s, in memory that is as small as it says', async (name) => {
  const [ids = new Int32Array(0)] = texts(1, 100, 4)
  const make = POLICIES[name] as (bounded: boolean) => EvictionPolicy
  const head = 8 * CONFIG.headDim * CONFIG.layers * CONFIG.kvHeads
  const whole = lm.session()
  await whole.prefill(ids)
  for (const bounded of [false, true]) {
    const session = lm.session({ policy: make(bounded) })
    const logits = await session.prefill(ids)
    expect(session.heldBytes).toBe(20 * head)
    // Space of whole blocks of 8.
    expect(session.bytes).toBeLessThanOrEqual(session.heldBytes + 8 * head)
    expect(session.bytes).toBeLessThan(whole.bytes / 3)
    expect(logits.every(Number.isFinite)).toBe(true)
    for (let i = 0; i < 12; i++) expect((await session.decode(i)).every(Number.isFinite)).toBe(true)
    expect(session.heldBytes).toBe((bounded ? 20 : 32) * head)
    expect(session.positions(0, 0).at(-1)).toBe(111)
  }
})

test('forks of bounded sessions go on alike', async () => {
  const [ids = new Int32Array(0)] = texts(1, 100, 6)
  for (const make of Object.values(POLICIES)) {
    const session = lm.session({ policy: make(true) })
    await session.prefill(ids)
    await session.decode(1)
    const other = session.fork()
    for (const id of [2, 3, 4]) expect(await other.decode(id)).toEqual(await session.decode(id))
    expect(other.positions(1, 1)).toEqual(session.positions(1, 1))
  }
})

test('bounded heads give up what is worth least, and never what is last', async () => {
  const [ids = new Int32Array(0)] = texts(1, 100, 5)
  const after = async (policy: EvictionPolicy): Promise<number[]> => {
    const session = lm.session({ policy })
    await session.prefill(ids)
    await session.prefill(Int32Array.from({ length: 30 }, (_, i) => i))
    return [...session.positions(2, 1)]
  }
  const streaming = await after(streamingLlm({ budget: 20, bounded: true }))
  expect(streaming).toEqual([0, 1, 2, 3, ...Array.from({ length: 16 }, (_, i) => 114 + i)])
  for (const policy of [
    snapKv({ budget: 20, bounded: true }),
    h2o({ budget: 20, bounded: true }),
    adaKv({ budget: 20, bounded: true }),
  ]) {
    const positions = await after(policy)
    expect(positions.slice(-8)).toEqual([122, 123, 124, 125, 126, 127, 128, 129])
  }
})

test('sums that are kept up are those of the last rows', async () => {
  // One layer and head, a window of 2: rows are pushed by hand.
  const watch = snapKv({ budget: 5, window: 2, kernel: 1, bounded: true }).watch?.(
    {
      ...prompt,
      window: 2,
      layers: [
        {
          positions: Int32Array.of(0, 1, 2, 3),
          keys: new Float32Array(8),
          values: new Float32Array(8),
          recent: Float32Array.of(0.1, 0.5, 0.4, 0, 0.3, 0.1, 0.3, 0.3),
        },
      ],
    },
    0,
    0,
    [0, 1, 2, 3],
  )
  if (watch === undefined) throw new Error('nothing is watched')
  const positions = [0, 1, 2, 3]
  const step = (row: number[]): number => {
    positions.push((positions.reduce((a, b) => Math.max(a, b)) + 1) as number)
    watch.push(Float32Array.from(row))
    const worst = watch.worst(positions)
    const given = positions[worst] as number
    positions[worst] = positions.at(-1) as number
    positions.length--
    watch.drop(worst)
    return given
  }
  // Last two rows: [.3 .1 .3 .3] + [.2 .2 .05 .3 .25]: position 1 has .3, 2 has .35, and 3 and 4 are the last two.
  expect(step([0.2, 0.2, 0.05, 0.3, 0.25])).toBe(1)
  expect(positions).toEqual([0, 4, 2, 3])
  // [.2 - .05 .3], then places 0, 4, 2, 3, 5: 0 has .2 + .1, 2 has .05 + .3, 3 has .3 + .1.
  expect(step([0.1, 0.2, 0.3, 0.1, 0.3])).toBe(0)
  expect(positions).toEqual([5, 4, 2, 3])
  expect(step([0.3, 0.1, 0.3, 0.01, 0.29])).toBe(3)
})
