import { llama2cTokenizerBytes } from '@pith/engine/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SMALL } from '../test/models.ts'
import { type KvCache, Lm, type PrefixCache, prefillThrough, readLlama2cTokenizer } from './index.ts'
import { randomParams } from './testing/index.ts'

const CHUNK = 8
const TOKENIZER = llama2cTokenizerBytes([' ', 'a', 'b', 'c', 'ab', ' a', 'abc'])

let lm: Lm

beforeAll(() => {
  const own = readLlama2cTokenizer(TOKENIZER)
  const config = { ...SMALL, vocab: own.size }
  lm = new Lm({ config, params: randomParams(config, 1), tokenizer: { own, bytes: TOKENIZER } })
})
afterAll(() => lm.close())

/** Pieces in memory, by the text that ends with them. */
function memoryCache(): PrefixCache & { readonly pieces: Map<string, KvCache>; kept: number } {
  const pieces = new Map<string, KvCache>()
  return {
    chunk: CHUNK,
    pieces,
    kept: 0,
    async *find(tokens) {
      for (let to = CHUNK; to <= tokens.length; to += CHUNK) {
        const piece = pieces.get(tokens.subarray(0, to).join())
        if (piece === undefined) return
        yield piece
      }
    },
    keep(tokens, kv) {
      const first = tokens.length - kv.length
      for (let at = first; at < tokens.length; at += CHUNK) {
        pieces.set(tokens.subarray(0, at + CHUNK).join(), kv.slice(at - first, at - first + CHUNK))
        this.kept++
      }
    },
  }
}

function text(length: number, seed = 1): Int32Array {
  return Int32Array.from({ length }, (_, i) => 3 + ((i * i * 7 + seed * 31) % 200))
}

async function plain(ids: Int32Array): Promise<Float32Array> {
  return await lm.session().prefill(ids)
}

function furthest(a: Float32Array, b: Float32Array): number {
  return Math.max(...a.map((x, i) => Math.abs(x - (b[i] as number))))
}

test('a text whose beginning is known gives the same logits, and its new chunks are kept', async () => {
  const cache = memoryCache()
  for (const [length, reused, kept] of [
    [20, 0, 2],
    [20, 16, 2],
    [21, 16, 2],
    [40, 16, 5],
    [40, 39, 5],
    [41, 40, 5],
  ] as const) {
    const ids = text(length)
    const got = await prefillThrough(lm.session(), ids, cache)
    expect([got.reused, cache.kept]).toEqual([reused, kept])
    expect(furthest(got.logits, await plain(ids))).toBeLessThan(1e-4)
  }
})

test('a session goes on as if it had read all of it', async () => {
  const cache = memoryCache()
  const ids = text(24)
  const first = lm.session()
  await prefillThrough(first, ids, cache)
  const session = lm.session()
  expect((await prefillThrough(session, ids, cache)).reused).toBe(23)
  expect(session.tokens).toEqual(ids)
  expect(session.kv(8, 16)).toEqual(cache.pieces.get(ids.subarray(0, 16).join()))
  expect(() => session.kv(8, 30)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  expect(furthest(await session.decode(5), await first.decode(5))).toBeLessThan(1e-4)
})

test('texts are written behind a known prompt as behind a new one', async () => {
  const cache = memoryCache()
  const prompt = lm.tokenizer.encode('abc ab a abc abc ab a a abc', { special: true })
  const write = async (own?: PrefixCache): Promise<number[]> => {
    const ids: number[] = []
    const options = { maxTokens: 12, temperature: 0, ...(own === undefined ? {} : { cache: own }) }
    for await (const token of lm.generate(prompt, options)) ids.push(token.id)
    return ids
  }
  const ids = await write()
  expect(ids.length).toBeGreaterThan(4)
  expect(await write(cache)).toEqual(ids)
  expect(cache.kept).toBeGreaterThan(0)
  expect(await write(cache)).toEqual(ids)
})

test('what is of another model, or of other tokens, is never attached', async () => {
  const config = { ...lm.config, ctx: 100 }
  const other = new Lm({ config, params: randomParams(config, 2) })
  const cache = memoryCache()
  const ids = text(20)
  await prefillThrough(other.session(), ids, cache)
  await expect(prefillThrough(lm.session(), ids, cache)).rejects.toMatchObject({ code: 'PITH_MODEL' })
  await other.close()
  const [mine, wrong] = [memoryCache(), memoryCache()]
  await prefillThrough(lm.session(), ids, mine)
  wrong.pieces.set(text(8, 2).join(), mine.pieces.get(ids.subarray(0, 8).join()) as KvCache)
  await expect(prefillThrough(lm.session(), text(20, 2), wrong)).rejects.toMatchObject({ code: 'PITH_CORRUPT' })
})

test('a session that has read something, no tokens, and an abort', async () => {
  const session = lm.session()
  await session.prefill(text(4))
  await expect(prefillThrough(session, text(20), memoryCache())).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(prefillThrough(lm.session(), new Int32Array(0), memoryCache())).rejects.toMatchObject({
    code: 'PITH_ARG',
  })
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(prefillThrough(lm.session(), text(20), memoryCache(), { signal })).rejects.toThrow('enough')
})
