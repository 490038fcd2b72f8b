import { PithError } from '@pith/core'
import type { HttpListener } from '@pith/core/node/http'
import type { Lm } from '@pith/lm'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { smallModel, texts } from '../../test/model.ts'
import { fitProfile, KvFile, type KvProfile } from '../cachegen/index.ts'
import {
  fixedController,
  httpLink,
  kvEncoder,
  type LoadStreamOptions,
  loadStream,
  makeTrace,
  readOffer,
  runStream,
  type StreamCosts,
} from './index.ts'
import { type KvSource, makeThrottle, type ServeKvOptions, serveKv } from './node/index.ts'

const COSTS: StreamCosts = { decode: () => 0.001, recompute: (tokens) => tokens * 0.001 }
let lm: Lm
let profile: KvProfile
let ids: Int32Array
const open: HttpListener[] = []

beforeAll(async () => {
  lm = smallModel()
  profile = await fitProfile(lm, texts(3, 100, 5))
  ids = texts(1, 120, 77)[0] as Int32Array
})
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})
afterAll(() => lm.close())

async function serve(options: ServeKvOptions = {}, source?: Partial<KvSource>): Promise<string> {
  const encoder = kvEncoder(lm, profile, { chunk: 32, maxTokens: 150 })
  const server = await serveKv({ ...encoder, ...source }, options)
  open.push(server)
  return server.url
}

function load(url: string, options: LoadStreamOptions = {}, own = lm): ReturnType<typeof loadStream> {
  return loadStream(url, own, ids, { costs: COSTS, slo: 30, ...options })
}

function distance(a: Float32Array, b: Float32Array): number {
  return Math.sqrt(a.reduce((sum, x, i) => sum + (x - (b[i] as number)) ** 2, 0))
}

async function exactLogits(): Promise<Float32Array> {
  const session = lm.session()
  await session.prefill(ids)
  return await session.decode(5)
}

describe('a session from a server', () => {
  test('goes on as one that read the text itself, nearer at better levels, exactly behind text', async () => {
    const url = await serve()
    const exact = await exactLogits()
    const distances: number[] = []
    for (const choice of [0, 3, 'text'] as const) {
      const { session, report } = await load(url, { controller: fixedController(choice) })
      expect(session.tokens).toEqual(ids)
      expect(report).toMatchObject({ choices: Array(4).fill(choice), refetches: 0 })
      distances.push(distance(await session.decode(5), exact))
    }
    expect(distances[1]).toBeLessThan(distances[0] as number)
    expect(distances[2]).toBeLessThan(1e-4)
  })

  test('mixes levels and text, chunk behind chunk', async () => {
    const choices = [3, 'text', 2, 'text'] as const
    const { session, report } = await load(await serve(), { controller: ({ index }) => choices[index] ?? 0 })
    expect(report.choices).toEqual(choices)
    const encoder = kvEncoder(lm, profile, { chunk: 32 })
    const { id } = await encoder.add(ids)
    const own = lm.session()
    for (const [index, choice] of choices.entries()) {
      if (choice === 'text') await own.prefill(ids.subarray(32 * index, 32 * index + 32))
      else {
        const file = await KvFile.open(encoder.chunk(id, index, choice + 1) as Uint8Array, { profile })
        own.attachKv(await file.cache(lm.fingerprint))
      }
    }
    expect(await session.decode(5)).toEqual(await own.decode(5))
  })

  test('measures what work takes here, where it is not told', async () => {
    const { session, report } = await loadStream(await serve(), lm, ids, { slo: 30 })
    expect(session.length).toBe(120)
    expect(report.isMet).toBe(true)
    // There is time enough to compute all of it, which costs nothing.
    expect(report.damage).toBe(0)
  })

  test('a transfer over a link that falls silent is given up for a smaller one', async () => {
    const sizes = (await kvEncoder(lm, profile, { chunk: 32 }).add(ids)).chunks.map(({ bytes }) => bytes)
    // Long chunks of its own, so that they count as samples.
    const big = (level: number): Uint8Array => new Uint8Array([40_000, 60_000, 80_000, 400_000][level - 1] as number)
    const offer = { ...(await kvEncoder(lm, profile, { chunk: 32 }).add(ids)) }
    const chunks = offer.chunks.map(({ tokens, textBytes }) => ({
      tokens,
      textBytes,
      bytes: [1, 2, 3, 4].map((own) => big(own).length),
    }))
    expect(sizes).toHaveLength(4)
    const trace = makeTrace({ name: 'silent', family: '', t: [0, 0.12, 0.5], mbps: [32, 0.01, 64] })
    const url = await serve({ throttle: makeThrottle(trace, 0.005) }, { chunk: (_, __, level) => big(level) })
    const used: (number | string)[] = []
    const plan = { chunks, damage: [0.1, 0.05, 0.01, 0] }
    const sizeOf = (index: number, choice: number | 'text'): number =>
      choice === 'text' ? 0 : (chunks[index]?.bytes[choice] as number)
    const link = httpLink(`${url}v1/kv/${offer.id}`, [1, 2, 3, 4], sizeOf, async (_, choice, bytes) => {
      used.push(choice)
      expect(bytes.length).toBe(sizeOf(0, choice))
    })
    const report = await runStream(link, plan, COSTS, { controller: fixedController(3), slo: 30 })
    expect(report.refetches).toBeGreaterThan(0)
    expect(used).toEqual(report.choices)
    expect(report.choices).toContain(2)
    expect(report.bytes).toBeGreaterThan(report.choices.reduce((sum: number, choice) => sum + sizeOf(0, choice), 0))
  })
})

describe('what goes wrong', () => {
  test('another model, another cache, damage and a server that is gone are told', async () => {
    const url = await serve()
    const other = smallModel(2)
    await expect(load(url, {}, other)).rejects.toMatchObject({ code: 'PITH_MODEL' })
    await other.close()
    const encoder = kvEncoder(lm, profile, { chunk: 32 })
    const swapped = await serve(
      {},
      { ...encoder, chunk: (id, index, level) => encoder.chunk(id, index === 0 ? 1 : index, level) },
    )
    await expect(load(swapped, { controller: fixedController(0) })).rejects.toMatchObject({
      code: expect.stringMatching(/PITH_(NETWORK|CORRUPT|ARG)/),
    })
    const bad = await serve(
      {},
      {
        ...encoder,
        chunk: (id, index, level) =>
          encoder.chunk(id, index, level)?.map((byte, i, all) => (i === all.length >> 1 ? byte ^ 8 : byte)),
      },
    )
    await expect(load(bad, { controller: fixedController(0) })).rejects.toMatchObject({ code: 'PITH_CHECKSUM' })
    const wrong = await serve({}, { profile: () => new Uint8Array(9) })
    await expect(load(wrong)).rejects.toMatchObject({ code: 'PITH_CHECKSUM' })
    await open.pop()?.close()
    await expect(load(wrong)).rejects.toMatchObject({ code: 'PITH_NETWORK' })
    const short = await serve(
      {},
      { ...encoder, chunk: (id, index, level) => encoder.chunk(id, index, level)?.subarray(1) },
    )
    await expect(load(short, { controller: fixedController(0) })).rejects.toMatchObject({ code: 'PITH_NETWORK' })
  })

  test('an abort ends it with its reason', async () => {
    const trace = makeTrace({ name: 'slow', family: '', t: [0], mbps: [0.001] })
    const url = await serve({ throttle: makeThrottle(trace) })
    const stop = new AbortController()
    const loading = load(url, { signal: stop.signal, controller: fixedController(0) })
    setTimeout(() => stop.abort(new Error('enough')), 50)
    await expect(loading).rejects.toThrow('enough')
  })

  test('requests that are none are refused with a reason', async () => {
    const url = await serve({ maxBody: 1000 })
    const post = (body: string, type = 'application/json'): Promise<Response> =>
      fetch(`${url}v1/kv`, { method: 'POST', body, headers: { 'content-type': type } })
    const refused = async (answer: Promise<Response>): Promise<[number, string]> => {
      const response = await answer
      const { error } = (await response.json()) as { error: { code: string; message: string } }
      expect(error.message.length).toBeGreaterThan(10)
      return [response.status, error.code]
    }
    expect(await refused(post('{'))).toEqual([400, 'PITH_ARG'])
    expect(await refused(post('{"tokens":[]}'))).toEqual([400, 'PITH_ARG'])
    expect(await refused(post('{"tokens":[1,99999]}'))).toEqual([400, 'PITH_ARG'])
    expect(await refused(post('{"tokens":["1"]}'))).toEqual([400, 'PITH_ARG'])
    expect(await refused(post(JSON.stringify({ tokens: Array(151).fill(1) })))).toEqual([413, 'PITH_LIMIT'])
    expect(await refused(post(`{"tokens":[${'1,'.repeat(900)}1]}`))).toEqual([413, 'PITH_LIMIT'])
    expect(await refused(post('{"tokens":[1]}', 'text/plain'))).toEqual([415, 'PITH_ARG'])
    const made = await post(JSON.stringify({ tokens: [...ids] }))
    expect(made.status).toBe(201)
    const { id } = readOffer(await made.json())
    expect(readOffer(await (await fetch(`${url}v1/kv/${id}`)).json()).tokens).toBe(120)
    for (const path of [
      'v1/kv/00',
      `v1/kv/${id}/9?level=1`,
      `v1/kv/${id}/0?level=7`,
      `v1/kv/${id}/0`,
      'v1/profile/00',
      'x',
      'v1/kv/',
    ]) {
      expect(await refused(fetch(url + path))).toEqual([404, 'PITH_ARG'])
    }
    expect(await refused(fetch(`${url}v1/kv/${id}`, { method: 'DELETE' }))).toEqual([405, 'PITH_ARG'])
    const chunk = await fetch(`${url}v1/kv/${id}/0?level=1`)
    expect(chunk.headers.get('etag')).toBe(`"${id}-0-1"`)
    expect(chunk.headers.get('content-type')).toBe('application/octet-stream')
    const whole = new Uint8Array(await chunk.arrayBuffer())
    const part = async (range: string): Promise<[number, string | null, Uint8Array]> => {
      const own = await fetch(`${url}v1/kv/${id}/0?level=1`, { headers: { range } })
      return [own.status, own.headers.get('content-range'), new Uint8Array(await own.arrayBuffer())]
    }
    expect(await part('bytes=5-9')).toEqual([206, `bytes 5-9/${whole.length}`, whole.slice(5, 10)])
    expect(await part('bytes=-4')).toEqual([206, expect.any(String), whole.slice(-4)])
    expect((await part(`bytes=${whole.length}-`)).slice(0, 2)).toEqual([416, `bytes */${whole.length}`])
    // Without a tokenizer a text cannot be read.
    expect(await refused(post('{"text":"abc"}'))).toEqual([500, 'PITH_INTERNAL'])
    expect(await refused(post('{"text":"abc","tokens":[1]}'))).toEqual([400, 'PITH_ARG'])
  })

  test('descriptions that are none are refused', () => {
    const hash = 'a'.repeat(64)
    const good = {
      id: 'ab',
      fp: { arch: hash, weights: hash, numerics: 'f32' },
      profileId: hash,
      tokens: 3,
      levels: [{ level: 1, damage: 0.1 }],
      chunks: [{ tokens: 3, bytes: [7], textBytes: 4 }],
    }
    expect(readOffer(good)).toEqual(good)
    for (const own of [
      undefined,
      null,
      7,
      { ...good, id: '../x' },
      { ...good, tokens: 4 },
      { ...good, levels: [] },
      { ...good, chunks: [{ tokens: 3, bytes: [7, 8], textBytes: 4 }] },
      { ...good, chunks: [{ tokens: 3, bytes: [-1], textBytes: 4 }] },
      { ...good, chunks: [null] },
      { ...good, fp: {} },
    ]) {
      expect(() => readOffer(own)).toThrow(PithError)
    }
  })
})

test('caches are kept for a while, and the same tokens are made once', async () => {
  const encoder = kvEncoder(lm, profile, { chunk: 32, keep: 2 })
  const [a, b, c] = texts(3, 40, 4) as [Int32Array, Int32Array, Int32Array]
  const first = await encoder.add(a)
  expect(await encoder.add(a)).toBe(first)
  await encoder.add(b)
  await encoder.add(a)
  const last = await encoder.add(c)
  expect([a, b, c].length).toBe(3)
  expect(encoder.offer(first.id)).toBe(first)
  expect(encoder.offer(last.id)).toBe(last)
  expect(encoder.offer((await kvEncoder(lm, profile, { chunk: 32 }).add(b)).id)).toBeUndefined()
  expect(first.chunks.map(({ tokens }) => tokens)).toEqual([32, 8])
  for (const [index, { bytes, textBytes }] of first.chunks.entries()) {
    expect([textBytes, ...bytes]).toEqual([0, 1, 2, 3, 4].map((level) => encoder.chunk(first.id, index, level)?.length))
  }
})
