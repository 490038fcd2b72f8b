import { Tensor } from '@pith/engine'
import { readLlama2cTokenizer } from '@pith/engine/io'
import { type GeneratedToken, Lm, type LmConfig } from '@pith/lm'
import { randomParams } from '@pith/lm/testing'
import { afterAll, describe, expect, test } from 'vitest'
import { tokenizerBytes } from '../../test/files.ts'
import { CONFIG, smallModel, texts } from '../../test/model.ts'
import { type ResidentOptions, type ResidentSession, residentSession, roundWithGear } from './index.ts'

/** Heads of 64, as the kernel has them; two queries share keys. */
const WIDE: LmConfig = { ...CONFIG, layers: 2, heads: 4, kvHeads: 2, headDim: 64, ctx: 200 }

/** Heads of two tiles, and one head of keys for all queries. */
const WIDEST: LmConfig = { ...CONFIG, layers: 1, heads: 2, kvHeads: 1, headDim: 128, ctx: 200 }

const small = smallModel()
const wide = new Lm({ config: WIDE, params: randomParams(WIDE, 2) })
const widest = new Lm({ config: WIDEST, params: randomParams(WIDEST, 3) })
afterAll(async () => {
  await small.close()
  await wide.close()
  await widest.close()
})

const [SHORT, TEXT] = texts(2, 150, 4) as [Int32Array, Int32Array]

function furthest(got: Float32Array, wanted: Float32Array): number {
  expect(got.length).toBe(wanted.length)
  return Math.max(...wanted.map((x, i) => Math.abs(x - (got[i] as number))))
}

/** Logits behind a prompt and `more` tokens whose first ones were rounded, in a session that holds them in full. */
async function overRounded(lm: Lm, ids: Int32Array, tokens: number, options: ResidentOptions): Promise<Float32Array> {
  const { rank = 4 } = options
  const source = lm.session()
  await source.prefill(ids)
  const session = lm.session()
  const kv = source.kv(0, tokens)
  session.attachKv(roundWithGear(kv, { ...options, rank: typeof rank === 'number' ? rank : rank.prefill }).kv)
  session.attachKv(source.kv(tokens))
  return await session.decode(7)
}

async function overBlocks(lm: Lm, ids: Int32Array, options: ResidentOptions): Promise<Float32Array> {
  const session = residentSession(lm, options)
  await session.prefill(ids)
  return await session.decode(7)
}

describe('logits are those over the cache that blocks stand for', () => {
  const plain: ResidentOptions[] = [
    { method: 'had-kivi', bits: 3, group: 8, buffer: 16 },
    { method: 'kivi', bits: 2, group: 5, buffer: 20 },
    { method: 'kivi', bits: 8, group: 100, buffer: 32 },
    { method: 'kcvt', bits: 4, buffer: 16 },
    { method: 'gear-l', bits: 2, group: 8, buffer: 16, rank: 2 },
    { method: 'gear', bits: 2, group: 8, buffer: 16, sparse: 0.1, rank: { prefill: 3, decode: 1 } },
  ]
  test.each(plain)('$method of $bits bits in groups of $group', async (options) => {
    const ids = SHORT.subarray(0, 75)
    const tokens = 75 - (75 % (options.buffer as number))
    expect(
      furthest(await overBlocks(small, ids, options), await overRounded(small, ids, tokens, options)),
    ).toBeLessThan(1e-4)
  })

  const kernel: ResidentOptions[] = [
    { method: 'had-kivi', bits: 3 },
    { method: 'had-kivi', bits: 2 },
    { method: 'kivi', bits: 4 },
    { method: 'gear-l', bits: 2, rank: 3 },
    { method: 'gear', bits: 3, rank: 2, sparse: 0.05 },
  ]
  test.each(kernel)('in the kernel, its twin and plain loops: $method of $bits bits', async (options) => {
    const wanted = await overRounded(wide, TEXT, 128, options)
    const own = await overBlocks(wide, TEXT, { ...options, target: 'wasm' })
    expect(furthest(own, wanted)).toBeLessThan(1e-4)
    expect(furthest(await overBlocks(wide, TEXT, { ...options, target: 'plain' }), wanted)).toBeLessThan(1e-4)
    expect(await overBlocks(wide, TEXT, { ...options, target: 'twin' })).toEqual(own)
  })
})

test('heads may be wider than a tile', async () => {
  for (const options of [{}, { method: 'gear', bits: 4 }] satisfies ResidentOptions[]) {
    const wanted = await overRounded(widest, TEXT, 128, options)
    expect(furthest(await overBlocks(widest, TEXT, { ...options, target: 'wasm' }), wanted)).toBeLessThan(1e-4)
  }
})

test.each(['plain', 'auto'] as const)(
  'newest tokens become blocks, and are read alike in runs and one by one: %s',
  async (target) => {
    const session = residentSession(wide, { target })
    await session.prefill(TEXT.subarray(0, 100))
    expect(session.compressed).toBe(64)
    const together = session.fork()
    for (const id of TEXT.subarray(100, 140)) await session.decode(id)
    expect([session.compressed, session.length]).toEqual([128, 140])
    expect(session.tokens).toEqual(TEXT.subarray(0, 140))
    await together.prefill(TEXT.subarray(100, 140))
    expect(furthest(await together.decode(7), await session.decode(7))).toBeLessThan(1e-3)
    expect(session.fingerprint).toEqual(wide.fingerprint)
  },
)

test('without a loss worth mention the logits are those of the model', async () => {
  const session = residentSession(small, { method: 'kivi', bits: 8, group: 8, buffer: 8 })
  const exact = small.session()
  const first = await exact.prefill(SHORT.subarray(0, 40))
  expect(furthest(await session.prefill(SHORT.subarray(0, 40)), first)).toBe(0)
  for (const id of SHORT.subarray(40, 80)) {
    expect(furthest(await session.decode(id), await exact.decode(id))).toBeLessThan(0.1)
  }
})

test.each(['plain', 'wasm'] as const)('bytes are those of the formula: %s', async (target) => {
  const session = residentSession(wide, { bits: 3, target })
  const numbers = (tokens: number): number => 2 * WIDE.layers * WIDE.kvHeads * WIDE.headDim * tokens
  expect(session.kvBytes()).toBe(4 * numbers(64))
  await session.prefill(TEXT)
  expect(session.kvBytes()).toBe(4 * numbers(64) + (numbers(128) * 3.5) / 8)
  const gear = residentSession(wide, { method: 'gear', bits: 2, rank: 2, sparse: 0.05, target })
  await gear.prefill(TEXT)
  const heads = 2 * WIDE.layers * WIDE.kvHeads
  const factors = heads * 2 * 2 * (128 + 64)
  // Of a channel 2 * 3 of 128 tokens, of a token 2 * 3 of 128 channels; where those of each head, or each tile, begin.
  const starts = target === 'plain' ? heads * 3 : heads * 2 + 1
  const outliers = 4 * 2 * WIDE.layers * 128 * 6 + 4 * starts
  expect(gear.kvBytes()).toBe(4 * numbers(64) + (numbers(128) * 2.5) / 8 + factors + outliers)
})

test.each(['plain', 'wasm'] as const)(
  'a session goes back to the end of a block, and a fork its own way: %s',
  async (target) => {
    const session = residentSession(wide, { target })
    await session.prefill(TEXT.subarray(0, 140))
    const wanted = await session.fork().decode(7)
    const fork = session.fork()
    await fork.read(TEXT.subarray(0, 55), [])
    expect(fork.compressed).toBe(192)
    const bytes = session.kvBytes()
    expect(fork.kvBytes()).toBeGreaterThan(bytes)
    expect(() => fork.truncate(140)).toThrow(/end within a block/)
    fork.truncate(128)
    expect([fork.compressed, fork.kvBytes()]).toEqual([128, bytes])
    await fork.read(TEXT.subarray(128, 140), [])
    session.truncate(128)
    await session.read(TEXT.subarray(128, 140), [])
    expect(await fork.decode(7)).toEqual(await session.decode(7))
    expect(furthest(await session.decode(8), wanted)).toBeGreaterThan(0)
    expect(() => session.truncate(100)).toThrow(/end within a block/)
    expect(() => session.truncate(1000)).toThrow(/there are 142 tokens/)
    session.truncate(64)
    await session.prefill(TEXT.subarray(64, 140))
    session.truncate(0)
    expect(session.compressed).toBe(0)
    const again = await session.prefill(TEXT.subarray(0, 140))
    expect(again).toEqual(await residentSession(wide, { target }).prefill(TEXT.subarray(0, 140)))
  },
)

test('text is written behind a prompt', async () => {
  const bytes = tokenizerBytes()
  const own = readLlama2cTokenizer(bytes)
  const config = { ...CONFIG, vocab: own.size }
  const lm = new Lm({ config, params: randomParams(config, 3), tokenizer: { own, bytes } })
  const collect = async (tokens: AsyncIterable<GeneratedToken>): Promise<number[]> => {
    const ids: number[] = []
    for await (const { id } of tokens) ids.push(id)
    return ids
  }
  const prompt = SHORT.subarray(0, 30)
  const session = residentSession(lm, { method: 'kivi', bits: 8, group: 8, buffer: 8 })
  const got = await collect(session.generate(prompt, { maxTokens: 12, temperature: 0 }))
  expect(got).toEqual(await collect(lm.generate(prompt, { maxTokens: 12, temperature: 0 })))
  expect(session.length).toBe(30 + got.length - 1)
  const stopped = AbortSignal.abort(new Error('enough'))
  await expect(collect(residentSession(lm).generate(prompt, { signal: stopped }))).rejects.toThrow('enough')
  await lm.close()
})

test('a prompt whose keys are no numbers leaves nothing behind', async () => {
  const params = randomParams(CONFIG, 1)
  const scale = params['blocks.0.norm1.scale'] as Tensor
  const broken = new Tensor(new Float32Array(scale.data.length).fill(Number.NaN), scale.shape)
  const lm = new Lm({ config: CONFIG, params: { ...params, 'blocks.0.norm1.scale': broken } })
  const session = residentSession(lm, { group: 8, buffer: 8 })
  await expect(session.prefill(SHORT.subarray(0, 20))).rejects.toMatchObject({ code: 'PITH_NONFINITE' })
  expect([session.length, session.compressed]).toEqual([0, 0])
  await lm.close()
})

test('what cannot be is refused', async () => {
  const refused = (options: ResidentOptions): void =>
    expect(() => residentSession(small, options)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  for (const options of [{ buffer: 0 }, { bits: 9 }, { target: 'wasm' as const }, { rank: -1 }]) refused(options)
  const session: ResidentSession = residentSession(small, { group: 8, buffer: 8 })
  await expect(session.prefill(new Int32Array(0))).rejects.toThrow(/no tokens/)
  await session.prefill(SHORT.subarray(0, 9))
  await expect(session.decode(CONFIG.vocab)).rejects.toMatchObject({ code: 'PITH_ARG' })
  const first = session.decode(1)
  await expect(session.decode(1)).rejects.toThrow(/at work/)
  await first
  await expect(session.prefill(new Int32Array(CONFIG.ctx))).rejects.toMatchObject({ code: 'PITH_LIMIT' })
})
