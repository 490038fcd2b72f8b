import { Random } from '@pith/core'
import type { Tensor } from '@pith/engine'
import { afterAll, expect, test } from 'vitest'
import { SMALL } from '../../test/models.ts'
import { Lm } from '../lm.ts'
import { randomParams } from '../testing/index.ts'
import { Decoder } from './decoder.ts'
import type { EvictingSession } from './evicting-session.ts'
import type { EvictionPolicy, HeadWatch, Prompt } from './eviction.ts'
import { groupByHead, groupByLayer, type HeadGroups, withoutOrder } from './head-groups.ts'
import { KvMemory } from './memory.ts'
import { bestPlaces } from './prompt.ts'
import { RaggedMemory } from './ragged-memory.ts'

const params = randomParams(SMALL, 5)
const lm = new Lm({ config: SMALL, params })
afterAll(() => lm.close())

const random = new Random(3)
const ids = Int32Array.from({ length: 40 }, () => random.integer(SMALL.vocab))

/** Keeps what a function says. */
function keeping(
  places: (layer: number, head: number, tokens: number) => number[],
  groups: HeadGroups = groupByHead(SMALL),
): EvictionPolicy {
  return {
    name: 'test',
    window: 4,
    every: false,
    groups: () => groups,
    keep: ({ layers }: Prompt, { kvHeads }) =>
      layers.map(({ positions }, layer) =>
        Array.from({ length: kvHeads }, (_, head) => places(layer, head, positions.length)),
      ),
  }
}

const all = (_layer: number, _head: number, tokens: number): number[] => Array.from({ length: tokens }, (_, i) => i)

function furthest(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length)
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))))
}

test.each([
  ['by head', groupByHead(SMALL)],
  ['by layer', groupByLayer(SMALL)],
])('a session that keeps all is an ordinary one: %s', async (_, groups) => {
  const plain = lm.session()
  const own = lm.session({ policy: keeping(all, groups) })
  expect(
    furthest(await own.prefill(ids.subarray(0, 30), { chunk: 8 }), await plain.prefill(ids.subarray(0, 30))),
  ).toBeLessThan(1e-4)
  for (const id of [1, 2, 3]) expect(furthest(await own.decode(id), await plain.decode(id))).toBeLessThan(1e-4)
  expect(furthest(await own.prefill(ids.subarray(30)), await plain.prefill(ids.subarray(30)))).toBeLessThan(1e-4)
  expect([own.length, own.tokens]).toEqual([43, plain.tokens])
})

test('what is kept is what is attended to, at its old positions', async () => {
  const kept = [0, 3, 4, 17, 28, 29]
  const policy = keeping(() => kept)
  const own = lm.session({ policy })
  await own.prefill(ids.subarray(0, 30))
  expect(own.heldBytes).toBe(kept.length * SMALL.layers * SMALL.kvHeads * SMALL.headDim * 8)
  expect(own.bytes).toBeLessThanOrEqual(own.heldBytes * (8 / 6))
  expect([...own.positions(1, 1)]).toEqual(kept)
  // The same rows in the memory of an ordinary session.
  const plain = lm.session()
  await plain.prefill(ids.subarray(0, 30))
  const kv = plain.kv()
  const memory = new KvMemory(SMALL)
  const rows = (from: Float32Array): Float32Array =>
    Float32Array.from(kept.flatMap((t) => [...from.subarray(t * kv.width, (t + 1) * kv.width)]))
  memory.appendRows(kv.keys.map(rows), kv.values.map(rows), kept.length)
  const decoder = new Decoder(SMALL, params, { quant: 'f32' })
  const computed = await decoder.run(memory, Int32Array.of(7, 8), Int32Array.of(30, 31), { rows: [0, 1] })
  expect(furthest(await own.read(Int32Array.of(7, 8), [0, 1]), computed.logits as Float32Array)).toBeLessThan(1e-4)
  await decoder.close()
})

const oldestFirst = (): HeadWatch => ({
  push: () => {},
  worst: (positions) => positions.indexOf(Math.min(...positions)),
  drop: () => {},
  clone: oldestFirst,
})

test('a session goes back to what it wrote, and its cache goes on elsewhere', async () => {
  const policy = keeping((layer, head, tokens) => all(layer, head, tokens).filter((t) => t % (head + 2) === 0))
  const own = lm.session({ policy })
  await own.prefill(ids.subarray(0, 30))
  const wanted = await own.read(Int32Array.of(5, 6, 7), [2])
  own.truncate(31)
  expect([own.length, own.positions(1, 1).at(-1)]).toEqual([31, 30])
  const kv = own.kv()
  expect(kv.heads[1]?.[1]?.positions).toEqual(own.positions(1, 1))
  expect(furthest(await own.read(Int32Array.of(6, 7), [1]), wanted)).toBeLessThan(1e-4)
  const other = lm.session({ policy })
  other.attachKv(kv)
  expect([other.length, other.tokens]).toEqual([31, own.tokens.slice(0, 31)])
  expect(furthest(await other.read(Int32Array.of(6, 7), [1]), wanted)).toBeLessThan(1e-4)
  expect(other.kv().heads).toEqual(own.kv().heads)
  const code = (name: string): unknown => expect.objectContaining({ code: name })
  expect(() => own.truncate(29)).toThrow(code('PITH_CAPABILITY'))
  expect(() => own.truncate(34)).toThrow(code('PITH_ARG'))
  expect(() => other.attachKv(kv)).toThrow(code('PITH_ARG'))
  const fresh = (): EvictingSession => lm.session({ policy })
  expect(() => fresh().kv()).toThrow(code('PITH_ARG'))
  expect(() => fresh().attachKv({ ...kv, heads: kv.heads.slice(1) })).toThrow(code('PITH_SHAPE'))
  expect(() => fresh().attachKv({ ...kv, fp: { ...kv.fp, weights: kv.fp.arch } })).toThrow(code('PITH_MODEL'))
  const bounded = lm.session({ policy: { ...policy, watch: oldestFirst } })
  expect(() => bounded.attachKv(kv)).toThrow(code('PITH_CAPABILITY'))
  await bounded.prefill(ids.subarray(0, 30))
  await bounded.decode(1)
  expect(() => bounded.truncate(30)).toThrow(code('PITH_CAPABILITY'))
})

test('heads that keep different tokens answer the same in any layout', async () => {
  const places = (layer: number, head: number, tokens: number): number[] =>
    all(layer, head, tokens).filter((t) => t % (layer + head + 2) === 0 || t >= tokens - 2)
  const answers: Float32Array[] = []
  for (const groups of [groupByHead(SMALL), groupByLayer(SMALL)]) {
    const own = lm.session({ policy: keeping(places, groups) })
    await own.prefill(ids)
    expect(own.positions(1, 1).length).toBe(12)
    answers.push(await own.read(Int32Array.of(3, 9, 4), [0, 2]))
  }
  expect(furthest(answers[0] as Float32Array, answers[1] as Float32Array)).toBeLessThan(1e-4)
  const whole = lm.session({ policy: keeping(all) })
  await whole.prefill(ids)
  expect(furthest(answers[0] as Float32Array, await whole.read(Int32Array.of(3, 9, 4), [0, 2]))).toBeGreaterThan(1e-3)
})

test('attention of the last queries, and of all, is that of the whole map', async () => {
  const n = ids.length
  const maps = await lm.attention(ids, { reduce: 'full' })
  const group = SMALL.heads / SMALL.kvHeads
  for (const chunk of [256, 7]) {
    const prompt = await lm.readPrompt(ids, { window: 5, every: true }, { chunk })
    for (const [layer, { recent, every }] of prompt.layers.entries()) {
      const map = maps[layer]?.data as Float32Array
      for (let head = 0; head < SMALL.kvHeads; head++) {
        for (let t = 0; t < n; t++) {
          const seen = Array.from({ length: n }, (_, query) =>
            Array.from({ length: group }, (_, i) => map[((head * group + i) * n + query) * n + t] as number).reduce(
              (sum, x) => sum + x,
            ),
          )
          expect(every?.[head * n + t]).toBeCloseTo(
            seen.reduce((sum, x) => sum + x),
            4,
          )
          for (let row = 0; row < 5; row++) {
            expect(recent[(head * 5 + row) * n + t]).toBeCloseTo(seen[n - 5 + row] as number, 5)
          }
        }
      }
    }
  }
})

test('tokens fall away at stages, and layers before them do not notice', async () => {
  const whole = await lm.readPrompt(ids, { window: 4, every: false })
  const plain = lm.session({ policy: keeping(all) })
  const stay = lm.session({ policy: { ...keeping(all), stages: () => [{ layer: 1, tokens: 40 }] } })
  expect(furthest(await stay.prefill(ids), await plain.prefill(ids))).toBeLessThan(1e-4)
  const staged = lm.session({ policy: { ...keeping(all), stages: () => [{ layer: 1, tokens: 15 }] } })
  await staged.prefill(ids)
  expect(staged.positions(0, 0).length).toBe(40)
  const kept = staged.positions(1, 0)
  expect([...kept.slice(-8)]).toEqual([32, 33, 34, 35, 36, 37, 38, 39])
  expect(kept.length).toBe(15)
  // The 7 others are those that the last 8 queries of the layer before attend to most.
  const first = (await lm.readPrompt(ids, { window: 8, every: false })).layers[0]?.recent as Float32Array
  const scores = new Float64Array(32)
  for (const [i, x] of first.entries()) if (i % 40 < 32) scores[i % 40] = (scores[i % 40] as number) + x
  const first8 = new Float64Array(40)
  for (const [i, x] of first.entries()) first8[i % 40] = (first8[i % 40] as number) + x
  expect([...kept.slice(0, 7)]).toEqual([...bestPlaces(scores, 7)])
  expect(whole.layers.length).toBe(2)
  const smooth = lm.session({ policy: { ...keeping(all), stages: () => [{ layer: 1, tokens: 15, kernel: 3 }] } })
  await smooth.prefill(ids)
  const means = scores.map((_, t) => [t - 1, t, t + 1].reduce((sum, i) => sum + (first8[i] ?? 0), 0) / 3)
  expect([...smooth.positions(1, 0).slice(0, 7)]).toEqual([...bestPlaces(means, 7)])
  for (const stages of [
    [{ layer: 0, tokens: 20 }],
    [{ layer: 2, tokens: 20 }],
    [{ layer: 1, tokens: 41 }],
    [{ layer: 1, tokens: 3 }],
  ]) {
    const bad = lm.session({ policy: { ...keeping(all), stages: () => stages } })
    await expect(bad.prefill(ids)).rejects.toMatchObject({ code: 'PITH_ARG' })
  }
})

test('a watched head keeps its size, and is told the attention to what it holds', async () => {
  const pushed: number[][] = []
  const watch = (): HeadWatch => {
    return {
      push: (row) => {
        pushed.push([...row])
      },
      worst: (positions) => positions.indexOf(Math.min(...positions)),
      drop: () => {},
      clone: watch,
    }
  }
  const own = lm.session({ policy: { ...keeping(() => [5, 6, 30, 39]), watch } })
  await own.prefill(ids)
  await own.read(Int32Array.of(1, 2), [1])
  expect([...own.positions(0, 0)]).toEqual([30, 39, 40, 41])
  expect(pushed.length).toBe(2 * SMALL.layers * SMALL.kvHeads)
  expect(pushed[0]?.length).toBe(5)
  expect(pushed[1]?.length).toBe(6)
  const group = SMALL.heads / SMALL.kvHeads
  for (const row of pushed) expect(row.reduce((sum, x) => sum + x)).toBeCloseTo(group, 4)
  await own.decode(3)
  expect([...own.positions(1, 0)]).toEqual([39, 40, 41, 42])
  expect(own.heldBytes).toBe(4 * SMALL.layers * SMALL.kvHeads * SMALL.headDim * 8)
})

test('a fork goes its own way', async () => {
  const own = lm.session({ policy: keeping(all) })
  await own.prefill(ids)
  const other = own.fork()
  const first = await own.decode(3)
  await own.decode(4)
  expect([own.length, other.length]).toEqual([42, 40])
  expect(await other.decode(3)).toEqual(first)
  expect(
    (
      await lm
        .session({ policy: keeping(all) })
        .fork()
        .prefill(ids)
    ).length,
  ).toBe(SMALL.vocab)
})

test('text is written behind a part of its prompt', async () => {
  const written = async (policy?: EvictionPolicy): Promise<number[]> => {
    const session = policy === undefined ? lm.session() : lm.session({ policy })
    let logits = await session.prefill(ids)
    const out: number[] = []
    for (let i = 0; i < 5; i++) {
      out.push(logits.indexOf(Math.max(...logits)))
      logits = await session.decode(out.at(-1) as number)
    }
    return out
  }
  expect(await written(keeping(all))).toEqual(await written())
})

test('memory forgets and grows', () => {
  const shape = { layers: 1, kvHeads: 1, headDim: 2 }
  const memory = new RaggedMemory(shape, [[[0]]])
  const keys = Float32Array.from({ length: 20 }, (_, i) => i)
  memory.append(
    [keys],
    [keys],
    Int32Array.from({ length: 10 }, (_, i) => i),
  )
  memory.drop(0, 0, 2)
  expect(memory.positions(0, 0)).toEqual([0, 1, 9, 3, 4, 5, 6, 7, 8])
  const copy = memory.clone()
  memory.drop(0, 0, 8)
  expect([memory.count(0, 0), copy.count(0, 0), memory.capacity(0, 0)]).toEqual([8, 9, 16])
  const { 'pastK.0.0': k, 'pastV.0.0': v, 'bias.0.0': bias } = copy.feeds(0, 1) as Record<string, Tensor>
  expect([k?.data[2], k?.data[16 + 2], v?.data[4], v?.data[5]]).toEqual([18, 19, 18, 19])
  expect([...((bias as Tensor).data as Float32Array)].filter((x) => x === 0).length).toBe(9)
  expect(() => memory.drop(0, 0, 8)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  for (const groups of [[], [[[0], [0]]], [[[1]]], [[[]]]]) {
    expect(() => new RaggedMemory(shape, groups)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  }
  expect(() => new RaggedMemory({ ...shape, kvHeads: 2 }, [[[1, 0]]])).toThrow(/each of 2 heads/)
  expect(withoutOrder([[2], [0, 1]])).toEqual([1, 2, 0])
})

test('a session without its prompt answers nothing', async () => {
  const own = lm.session({ policy: keeping(all) })
  expect([own.bytes, own.heldBytes, own.length]).toEqual([0, 0, 0])
  await expect(own.decode(1)).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(own.prefill(new Int32Array(0))).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(own.prefill(Int32Array.of(999))).rejects.toMatchObject({ code: 'PITH_ARG' })
  await own.prefill(ids)
  expect(() => own.start({ tokens: ids, window: 1, layers: [], logits: new Float32Array() })).toThrow(/has read/)
  await expect(own.read(Int32Array.of(999), [0])).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(lm.readPrompt(ids, { window: 0, every: false })).rejects.toMatchObject({ code: 'PITH_ARG' })
})
