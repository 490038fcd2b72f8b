import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serveFiles } from '@pith/core/node/http'
import { llama2cTokenizerBytes } from '@pith/engine/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { llama2cBytes, SMALL } from '../../test/models.ts'
import type { GeneratedToken } from '../language-model.ts'
import { loadLm } from '../node/load.ts'
import { ModelHost } from '../serve/node/model-host.ts'
import { serveLm } from '../serve/node/server.ts'
import { randomParams } from '../testing/index.ts'
import { EndpointModel, UNKNOWN_ID } from './endpoint.ts'
import { eventData } from './event-stream.ts'

const PIECES = [' a', ' b', 'ab', 'ba', ' abab', ...' abcdefgh:ersuint\n']
const config = { ...SMALL, vocab: 259 + PIECES.length, ctx: 1 << 15 }
const tmp = mkdtempSync(join(tmpdir(), 'pith-endpoint-'))
const path = join(tmp, 'net.bin')
let lm: Awaited<ReturnType<typeof loadLm>>
let host: ModelHost
let server: Awaited<ReturnType<typeof serveLm>>
let there: EndpointModel

beforeAll(async () => {
  const params = randomParams(config, 4)
  const table = params['embed.tokens'] as NonNullable<(typeof params)[string]>
  const numbers = table.data as Float32Array
  numbers.fill(0, 0, 259 * config.hidden)
  writeFileSync(path, llama2cBytes(config, params))
  writeFileSync(join(tmp, 'tokenizer.bin'), llama2cTokenizerBytes(PIECES))
  lm = await loadLm(path)
  host = await ModelHost.open({ path })
  server = await serveLm(host, { name: 'net' })
  there = new EndpointModel({ url: `${server.url}v1/`, model: 'net', tokenizer: lm.tokenizer, apiKey: 'any' })
})
afterAll(async () => {
  await server.close()
  await host.close()
  await lm.close()
  rmSync(tmp, { recursive: true })
})

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = []
  for await (const item of items) out.push(item)
  return out
}

test('it writes what the model writes here', async () => {
  const ids = lm.tokenizer.encode('abba baab', { special: true })
  const options = { maxTokens: 14, temperature: 1.7, topP: 0.95, topK: 30, minP: 0.01, repeatPenalty: 1.1, seed: 5 }
  const wanted = await all<GeneratedToken>(lm.generate(ids, options))
  expect(await all(there.generate(ids, options))).toEqual(wanted)
  expect(await all(there.generate('abba baab', options))).toEqual(wanted)
  const text = wanted.map((own) => own.text).join('')
  const stop = [text.slice(5, 8)]
  expect(await all(there.generate(ids, { ...options, stop }))).toEqual(
    await all(lm.generate(ids, { ...options, stop })),
  )
  const beside = await all(lm.generate(ids, { maxTokens: 2, temperature: 0, alternatives: 3 }))
  const asked = await all(there.generate(ids, { maxTokens: 2, temperature: 0, alternatives: 3 }))
  expect(asked.map(({ alternatives }) => alternatives)).toEqual(
    beside.map(({ alternatives = [] }) => alternatives.map(({ logprob }) => ({ id: UNKNOWN_ID, logprob }))),
  )
})

test('it answers conversations', async () => {
  const messages = [{ role: 'user', content: 'abab' }]
  const prompt = lm.tokenizer.encode('user: abab\nassistant:', { special: true })
  const options = { maxTokens: 8, temperature: 0 }
  const wanted = (await all(lm.generate(prompt, options))).map(({ text }) => text)
  expect((await all(there.chat(messages, options))).join('')).toBe(wanted.join(''))
})

test('it scores texts as the model does here', async () => {
  const text = 'abab abba baab a b'
  const ids = lm.tokenizer.encode(text, { special: true })
  const [own, other] = [await lm.logprobs(ids), await there.logprobs(ids)]
  expect(other.length).toBe(own.length)
  for (const [i, score] of own.entries()) expect(other[i]).toBeCloseTo(score, 5)
  const [here, away] = [await lm.perplexity(text), await there.perplexity(text)]
  expect(away.n).toBe(here.n)
  expect(away.nll).toBeCloseTo(here.nll, 5)
  expect(away.bitsPerByte).toBeCloseTo(here.bitsPerByte, 5)
  expect(await there.models()).toEqual(['net'])
  expect(there.tokenizer).toBe(lm.tokenizer)
})

test('what no endpoint tells', async () => {
  const bare = new EndpointModel({ url: `${server.url}v1`, model: 'net' })
  const lacking = expect.objectContaining({ code: 'PITH_CAPABILITY' })
  expect(() => bare.config).toThrow(lacking)
  expect(() => bare.fingerprint).toThrow(lacking)
  expect(() => bare.tokenizer).toThrow(lacking)
  await expect(bare.hidden()).rejects.toEqual(lacking)
  await expect(bare.attention()).rejects.toEqual(lacking)
  await expect(bare.perplexity('abab', { window: 8 })).rejects.toEqual(lacking)
  const cache = { chunk: 1, async *find() {}, keep() {} }
  await expect(all(bare.generate('ab', { cache }))).rejects.toEqual(lacking)
})

test('what an endpoint refuses, or cannot do', async () => {
  await expect(all(there.generate('ab', { temperature: 3 }))).rejects.toMatchObject({
    code: 'PITH_ARG',
    message: expect.stringContaining('temperature must be'),
  })
  await expect(there.logprobs(Int32Array.of(1))).rejects.toMatchObject({ code: 'PITH_ARG' })
  const url = `${server.url}v1`
  await expect(all(new EndpointModel({ url, model: 'none' }).generate('ab'))).rejects.toMatchObject({
    code: 'PITH_NETWORK',
    message: expect.stringContaining('there is no model none'),
  })
  const nowhere = new EndpointModel({ url: 'http://127.0.0.1:1/v1', model: 'net' })
  await expect(nowhere.models()).rejects.toMatchObject({ code: 'PITH_NETWORK' })
  // A server of something else.
  mkdirSync(join(tmp, 'files'))
  writeFileSync(join(tmp, 'files/models'), 'no JSON')
  const files = await serveFiles({ root: join(tmp, 'files') })
  const other = new EndpointModel({ url: files.url, model: 'net' })
  await expect(other.models()).rejects.toMatchObject({
    code: 'PITH_NETWORK',
    message: expect.stringContaining('no JSON'),
  })
  await expect(other.score('ab')).rejects.toMatchObject({
    code: 'PITH_NETWORK',
    message: expect.stringContaining('405'),
  })
  await files.close()
})

test('an answer can be given up, and may break off', async () => {
  const controller = new AbortController()
  const endless = { maxTokens: 30000, temperature: 0 }
  const reason = new Error('enough')
  const reading = async (): Promise<void> => {
    for await (const _ of there.generate('ab', { ...endless, signal: controller.signal })) controller.abort(reason)
  }
  await expect(reading()).rejects.toBe(reason)
  for await (const _ of there.generate('ab', endless)) break
  // Neither keeps the model.
  expect((await all(there.generate('ab', { maxTokens: 1, temperature: 0 }))).length).toBe(1)
  const short = await serveLm(host, { name: 'net' })
  const model = new EndpointModel({ url: `${short.url}v1`, model: 'net' })
  const broken = async (): Promise<void> => {
    const closing: Promise<void>[] = []
    for await (const _ of model.generate('ab', endless)) closing.push(short.close())
  }
  await expect(broken()).rejects.toMatchObject({ code: 'PITH_NETWORK' })
})

test('events come out the same however they are cut', async () => {
  const lines = ': comment\r\ndata: {"a":1}\r\n\r\nevent: x\ndata:two\ndata: lines\n\n\n\rdata: é\r\rdata: last'
  const bytes = new TextEncoder().encode(lines)
  const read = (parts: readonly Uint8Array[]): Promise<string[]> =>
    all(eventData(new Response(new Blob(parts as Uint8Array<ArrayBuffer>[])).body as ReadableStream<Uint8Array>))
  expect(await read([bytes])).toEqual(['{"a":1}', 'two\nlines', 'é', 'last'])
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 8 }), async (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), bytes.length]
      const parts = at.slice(1).map((end, i) => bytes.slice(at[i], end))
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          for (const part of parts) controller.enqueue(part)
          controller.close()
        },
      })
      expect(await all(eventData(body))).toEqual(['{"a":1}', 'two\nlines', 'é', 'last'])
    }),
    { numRuns: 50 },
  )
})
