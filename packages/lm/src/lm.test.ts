import { Random } from '@pith/core'
import { i64, nn, type Params, Tensor, type Value } from '@pith/engine'
import { readLlama2cTokenizer } from '@pith/engine/io'
import { llama2cTokenizerBytes } from '@pith/engine/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { plainLogits } from '../test/plain-llama.ts'
import type { LmConfig } from './config.ts'
import { KvCache } from './kv-cache.ts'
import { Lm } from './lm.ts'
import { logitsOf } from './model/network.ts'

const TOKENIZER = llama2cTokenizerBytes([' ', 'a', 'b', 'c', 'ab', ' a', 'abc'])

const CONFIG: LmConfig = {
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 8,
  hidden: 32,
  ffn: 40,
  vocab: readLlama2cTokenizer(TOKENIZER).size,
  ctx: 200,
  ropeTheta: 1000,
  normEps: 1e-5,
  tied: false,
  qkvBias: true,
}

function paramsOf(config: LmConfig): Params {
  const net = nn.module((scope: nn.Scope, ids: Value) => logitsOf(scope, config, ids))
  const params = net.init(3, i64(1, 2))
  for (const [i, { data }] of Object.values(params).entries()) {
    const random = new Random(7).split(i)
    const numbers = data as Float32Array
    for (let j = 0; j < numbers.length; j++) numbers[j] = (numbers[j] as number) + 0.1 * random.normal()
  }
  return params
}

const PARAMS = paramsOf(CONFIG)
const IDS = Int32Array.from({ length: 150 }, (_, i) => (i * 37 + (i % 7) * 11) % CONFIG.vocab)
const WANTED = plainLogits(CONFIG, PARAMS, [...IDS])
const tokenizer = { own: readLlama2cTokenizer(TOKENIZER), bytes: TOKENIZER }

let lm: Lm
beforeAll(() => {
  lm = new Lm({ config: CONFIG, params: PARAMS, tokenizer })
})
afterAll(() => lm.close())

function distance(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let worst = 0
  for (let i = 0; i < wanted.length; i++) worst = Math.max(worst, Math.abs((got[i] as number) - (wanted[i] as number)))
  return got.length === wanted.length ? worst : Number.POSITIVE_INFINITY
}

test.each([1000, 64, 7])('logits in chunks of %i tokens are those of plain arithmetic', async (chunk) => {
  const got = await lm.session().prefill(IDS, { logits: 'all', chunk })
  expect(
    distance(
      got,
      WANTED.flatMap((row) => [...row]),
    ),
  ).toBeLessThan(5e-5)
})

test('token by token, beyond the first capacity, gives what one read gives', async () => {
  const session = lm.session({ capacity: 1 })
  await session.prefill(IDS.subarray(0, 100), { logits: 'none' })
  for (let i = 100; i < IDS.length; i++) {
    const logits = await session.decode(IDS[i] as number)
    expect(distance(logits, WANTED[i] as Float64Array)).toBeLessThan(5e-5)
  }
  expect(session.length).toBe(IDS.length)
  expect(session.tokens).toEqual(IDS)
})

test('a session goes back and on, and a fork goes its own way', async () => {
  const session = lm.session()
  await session.prefill(IDS.subarray(0, 40))
  const fork = session.fork()
  await fork.prefill(Int32Array.of(5, 6, 7))
  session.truncate(30)
  const again = await session.prefill(IDS.subarray(30, 60))
  expect(distance(again, WANTED[59] as Float64Array)).toBeLessThan(5e-5)
  expect(fork.length).toBe(43)
  const alone = plainLogits(CONFIG, PARAMS, [...IDS.subarray(0, 40), 5, 6, 7, 8])
  expect(distance(await fork.decode(8), alone[43] as Float64Array)).toBeLessThan(5e-5)
  expect(() => session.truncate(61)).toThrow(/there are 60 tokens/)
})

test('keys and values go out and come back in parts', async () => {
  const session = lm.session()
  await session.prefill(IDS.subarray(0, 140))
  const kv = session.kv()
  expect(kv.length).toBe(140)
  const other = lm.session()
  other.attachKv(kv.slice(0, 50))
  other.attachKv(kv.slice(50, 90).concat(kv.slice(90, 140)))
  expect(distance(await other.prefill(IDS.subarray(140)), WANTED[149] as Float64Array)).toBeLessThan(5e-5)
  const back = other.kv().slice(0, 140)
  for (let layer = 0; layer < 2; layer++) {
    expect(back.keys[layer]).toEqual(kv.keys[layer])
    expect(back.values[layer]).toEqual(kv.values[layer])
  }
})

test('a cache of other weights, sizes or arithmetic is refused', async () => {
  const session = lm.session()
  await session.prefill(IDS.subarray(0, 4))
  const kv = session.kv()
  const changed = { ...PARAMS, 'norm.scale': new Tensor(new Float32Array(32).fill(2), [32]) }
  const others = [
    new Lm({ config: CONFIG, params: changed, tokenizer }),
    new Lm({ config: { ...CONFIG, ctx: 201 }, params: PARAMS, tokenizer }),
    new Lm({ config: CONFIG, params: PARAMS }),
    new Lm({ config: CONFIG, params: PARAMS, tokenizer }, { quant: 'q8' }),
  ]
  for (const other of others) {
    expect(() => other.session().attachKv(kv)).toThrow(expect.objectContaining({ code: 'PITH_MODEL' }))
  }
  const [, , , rounded] = others as [Lm, Lm, Lm, Lm]
  rounded.session().attachKv(kv, { allowNumerics: true })
  expect(() => others[0]?.session().attachKv(kv, { allowNumerics: true })).toThrow(/another model/)
  expect(() => lm.session().attachKv(kv.slice(1, 3))).toThrow(/position 0/)
  expect(() => new KvCache({ ...kv, positions: Int32Array.of(1) })).toThrow(/other lengths/)
  for (const other of others) await other.close()
})

test.each([
  ['q8', 0.03],
  ['q4', 0.4],
  ['q2', 3],
] as const)('weights of %s stay near', async (quant, most) => {
  const rounded = new Lm({ config: CONFIG, params: PARAMS }, { quant })
  const got = await rounded.session().prefill(IDS.subarray(0, 20), { logits: 'all' })
  const wanted = WANTED.slice(0, 20).flatMap((row) => [...row])
  const error = Math.sqrt(wanted.reduce((sum, want, i) => sum + (want - (got[i] as number)) ** 2, 0))
  const size = Math.sqrt(wanted.reduce((sum, want) => sum + want ** 2, 0))
  expect(error / size).toBeGreaterThan(0)
  expect(error / size).toBeLessThan(most)
  await rounded.close()
})

test('attention of a token sums to one, is causal, and its last rows add up to the summary', async () => {
  const ids = IDS.subarray(0, 12)
  const [own] = await lm.attention(ids, { layers: [1], reduce: 'full' })
  const [sums] = await lm.attention(ids, { layers: [1], reduce: 'last', window: 3 })
  const full = own?.data as Float32Array
  const seen = new Float64Array(2 * 12)
  for (let head = 0; head < 4; head++) {
    for (let q = 0; q < 12; q++) {
      const row = full.subarray((head * 12 + q) * 12, (head * 12 + q + 1) * 12)
      expect(row.reduce((sum, x) => sum + x, 0)).toBeCloseTo(1, 5)
      expect(row.subarray(q + 1).every((x) => x === 0)).toBe(true)
      if (q >= 9) for (let t = 0; t < 12; t++) seen[(head >> 1) * 12 + t]! += row[t] as number
    }
  }
  expect(distance(sums?.data as Float32Array, seen)).toBeLessThan(1e-5)
})

test('hidden states before the first layer are rows of the table', async () => {
  const ids = Int32Array.of(3, 3, 200)
  const states = await lm.hidden(ids, { layers: [0, 2] })
  const table = PARAMS['embed.tokens']?.data as Float32Array
  expect(states.get(0)?.subarray(64, 96)).toEqual(table.subarray(200 * 32, 201 * 32))
  expect(states.get(2)?.length).toBe(96)
})

test('perplexity in windows is the mean of what single tokens cost', async () => {
  const text = 'abc ab cab abba abc cc ab abc bca'
  const ids = tokenizer.own.encode(text, { bos: true })
  const whole = await lm.perplexity(text)
  const own = await lm.logprobs(ids)
  expect(whole.n).toBe(ids.length - 1)
  expect(whole.nll).toBeCloseTo(-own.reduce((sum, x) => sum + x, 0) / own.length, 6)
  const short = await lm.perplexity(text, { window: 6, stride: 2 })
  expect(short.n).toBe(whole.n)
  expect(short.nll).not.toBe(whole.nll)
  let sum = 0
  for (let i = 1; i < ids.length; i++) {
    // The first window scores all of its tokens; each later one the last two behind four that were there.
    const end = i < 6 ? 6 : Math.min(ids.length, 6 + 2 * (Math.floor((i - 6) / 2) + 1))
    const start = Math.max(0, end - 6)
    const part = await lm.logprobs(ids.subarray(start, i + 1))
    sum -= part[part.length - 1] as number
  }
  expect(short.nll).toBeCloseTo(sum / (ids.length - 1), 5)
})

test('what is written depends on the seed only, and temperature 0 takes the best', async () => {
  const prompt = tokenizer.own.encode('ab', { bos: true })
  const write = async (options: object): Promise<number[]> => {
    const ids: number[] = []
    for await (const { id } of lm.generate(prompt, { maxTokens: 12, ...options })) ids.push(id)
    return ids
  }
  const [a, b, c] = [await write({ seed: 1 }), await write({ seed: 1 }), await write({ seed: 2 })]
  expect(a).toEqual(b)
  expect(a).not.toEqual(c)
  const session = lm.session()
  let logits = await session.prefill(prompt)
  const best: number[] = []
  for (let i = 0; i < 12; i++) {
    const id = logits.indexOf(Math.max(...logits))
    if (id === tokenizer.own.eos) break
    best.push(id)
    logits = await session.decode(id)
  }
  expect(await write({ temperature: 0 })).toEqual(best)
})

test('what cannot be read is refused, and the session stays as it was', async () => {
  const session = lm.session()
  await session.prefill(IDS.subarray(0, 5))
  const code = (name: string): unknown => expect.objectContaining({ code: name })
  await expect(session.prefill(Int32Array.of(CONFIG.vocab))).rejects.toEqual(code('PITH_ARG'))
  await expect(session.prefill(Int32Array.of(-1))).rejects.toEqual(code('PITH_ARG'))
  await expect(session.prefill(new Int32Array(0))).rejects.toEqual(code('PITH_ARG'))
  await expect(session.prefill(new Int32Array(196), { chunk: 500 })).rejects.toEqual(code('PITH_LIMIT'))
  await expect(session.read(Int32Array.of(1), { hidden: [3] })).rejects.toEqual(code('PITH_ARG'))
  const both = [session.decode(1), session.decode(2)]
  await expect(both[1]).rejects.toEqual(code('PITH_ARG'))
  await both[0]
  session.truncate(5)
  expect(distance(await session.decode(IDS[5] as number), WANTED[5] as Float64Array)).toBeLessThan(5e-5)
  const stopped = new AbortController()
  stopped.abort(new Error('enough'))
  await expect(session.prefill(IDS, { signal: stopped.signal })).rejects.toThrow('enough')
  const nameless = new Lm({ config: CONFIG, params: PARAMS })
  await expect(nameless.perplexity('ab')).rejects.toEqual(code('PITH_CAPABILITY'))
  expect(() => new Lm({ config: { ...CONFIG, heads: 3 }, params: PARAMS })).toThrow(code('PITH_MODEL'))
  const { 'norm.scale': _, ...less } = PARAMS
  await expect(new Lm({ config: CONFIG, params: less }).session().prefill(IDS)).rejects.toEqual(code('PITH_MODEL'))
})
