import { fingerprint, toHex } from '@pith/core'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { testFolder } from '../../test/folder.ts'
import { cacheOf, modelPrint, randomText, sameCache } from '../../test/prefixes.ts'
import { startRedis, type TestServer } from '../../test/redis-server.ts'
import { chainKeys, PrefixStore, type PrefixStoreOptions, verifyTier } from './index.ts'
import { diskTier, openTier, redisTier } from './node/index.ts'

const FP = modelPrint()
let server: TestServer

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
beforeEach(() => server.client.flushall())

async function storeOn(
  url: string,
  options: Partial<PrefixStoreOptions> = {},
): Promise<{ store: PrefixStore; warnings: string[] }> {
  const warnings: string[] = []
  const onWarning = (message: string): void => void warnings.push(message)
  return {
    store: new PrefixStore({ tiers: [await redisTier(url)], chunk: 16, timeoutMs: 5000, onWarning, ...options }),
    warnings,
  }
}

async function keep(store: PrefixStore, tokens: Int32Array): Promise<void> {
  store.keep(tokens, cacheOf(tokens))
  await store.flush()
}

async function found(store: PrefixStore, tokens: Int32Array): Promise<number> {
  const kv = await store.get(tokens, FP)
  if (kv !== undefined) expect(sameCache(kv, cacheOf(tokens).slice(0, kv.length))).toBe(true)
  return kv?.length ?? 0
}

test('what was kept comes back, and stays for a time behind its last use', async () => {
  const { store, warnings } = await storeOn(server.url)
  const text = randomText(70, 1)
  await keep(store, text)
  expect(await store.match(text, FP)).toEqual({ chunks: 4, tokens: 64 })
  const keys = await server.client.keys('*')
  expect(keys).toHaveLength(4)
  expect(keys.every((key) => /^pith:kv:[0-9a-f]{64}[.]raw-f32$/.test(key))).toBe(true)
  for (const key of keys) await server.client.pexpire(key, 60_000)
  expect(await found(store, text)).toBe(64)
  await store.flush()
  for (const key of keys) expect(await server.client.pttl(key)).toBeGreaterThan(80_000_000)
  const tier = await openTier(server.url)
  const listed: string[] = []
  for await (const { name, bytes } of tier.list()) {
    expect(bytes).toBe(await server.client.strlen(`pith:kv:${name}`))
    listed.push(name)
  }
  expect(listed.map((name) => `pith:kv:${name}`).sort()).toEqual(keys.sort())
  expect(await verifyTier(tier)).toMatchObject({ values: 4, bad: [], orphans: [] })
  expect(await tier.remove(listed[0] as string)).toBe(true)
  expect(await tier.remove(listed[0] as string)).toBe(false)
  expect(await tier.gc()).toEqual({ values: 0, bytes: 0 })
  await tier.close()
  expect(warnings).toEqual([])
  await store.close()
})

test('cut and flipped values are misses with one warning, and are removed', async () => {
  const { store, warnings } = await storeOn(server.url)
  const text = randomText(64, 2)
  await keep(store, text)
  // The first three are asked for at once, each of the others when it is its turn.
  const names = chainKeys(text.slice(0, 48), { fp: FP, chunk: 16, salt: '' }).slice(1)
  const keys = names.map((key) => `pith:kv:${toHex(key)}.raw-f32`)
  for (const [i, key] of keys.entries()) {
    const bytes = (await server.client.getBuffer(key)) as Buffer
    bytes[bytes.length - 100]! ^= 1
    await server.client.set(key, i % 2 === 0 ? bytes : bytes.subarray(0, bytes.length >> 1))
  }
  expect(await found(store, text)).toBe(0)
  await store.flush()
  expect(warnings).toHaveLength(1)
  expect(await server.client.dbsize()).toBe(1)
  await keep(store, text)
  expect(await found(store, text)).toBe(64)
  expect(warnings).toHaveLength(1)
  await store.close()
})

test('values that are thrown away while they are read end the prefix', async () => {
  const { store, warnings } = await storeOn(server.url)
  const text = randomText(160, 3)
  await keep(store, text)
  expect(await store.match(text, FP)).toEqual({ chunks: 10, tokens: 160 })
  let tokens = 0
  for await (const piece of store.find(text, FP)) {
    tokens += piece.length
    await server.client.flushall()
  }
  expect(tokens).toBeGreaterThanOrEqual(16)
  expect(tokens).toBeLessThan(160)
  expect(warnings).toEqual([])
  await store.close()
})

test('a server that is slow is left alone, with one warning', async () => {
  const { store, warnings } = await storeOn(server.url, { timeoutMs: 100 })
  const text = randomText(64, 4)
  await keep(store, text)
  await server.client.client('PAUSE', 500)
  expect(await found(store, text)).toBe(0)
  expect(await found(store, text)).toBe(0)
  await keep(store, text)
  expect(await store.match(text, FP)).toEqual({ chunks: 0, tokens: 0 })
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toContain('no answer in 100 ms')
  expect(await server.client.ping()).toBe('PONG')
  await store.close()
})

test('a server that comes back is used again', async () => {
  const { store, warnings } = await storeOn(server.url, { timeoutMs: 300, restMs: 1 })
  const text = randomText(64, 5)
  await keep(store, text)
  await server.client.client('PAUSE', 900)
  expect(await found(store, text)).toBe(0)
  expect(await server.client.ping()).toBe('PONG')
  expect(await found(store, text)).toBe(64)
  expect(warnings).toHaveLength(1)
  await store.close()
})

test('a server that is down costs one warning, before and in the middle', async () => {
  const own = await startRedis()
  const { store, warnings } = await storeOn(own.url)
  const text = randomText(64, 6)
  await keep(store, text)
  expect(await found(store, text)).toBe(64)
  await own.stop()
  expect(await found(store, text)).toBe(0)
  await keep(store, text)
  expect(warnings).toHaveLength(1)
  await store.close()
  const { store: late, warnings: others } = await storeOn(own.url)
  expect(await found(late, text)).toBe(0)
  await keep(late, text)
  expect(others).toHaveLength(1)
  expect(others[0]).toContain(own.url.slice(0, own.url.lastIndexOf('/')))
  await late.close()
})

test('passwords are not shown', async () => {
  const { store, warnings } = await storeOn('redis://:secret@127.0.0.1:1/0')
  expect(await found(store, randomText(16, 7))).toBe(0)
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).not.toContain('secret')
  await store.close()
})

test('a folder before a server keeps what it got from there', async () => {
  const folder = testFolder()
  const { store: far } = await storeOn(server.url)
  const text = randomText(64, 8)
  await keep(far, text)
  await far.close()
  const { store } = await storeOn(server.url, { tiers: [diskTier(folder), await redisTier(server.url)] })
  expect(await found(store, text)).toBe(64)
  await store.flush()
  await server.client.flushall()
  expect(await found(store, text)).toBe(64)
  await store.close()
})

test('values that are too large are not sent', async () => {
  const tier = await redisTier(server.url, { maxValueBytes: 1000 })
  const { store, warnings } = await storeOn(server.url, { tiers: [tier] })
  await keep(store, randomText(64, 9))
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toContain('1000 are allowed')
  expect(await server.client.dbsize()).toBe(0)
  await store.close()
})

test('keys of others on the server are left alone', async () => {
  await server.client.set('pith:kv:other', 'x')
  await server.client.set(`pith:kv:${fingerprint(new Uint8Array(3))}.UPPER`, 'x')
  const tier = await redisTier(server.url)
  expect(await verifyTier(tier, { fix: true })).toMatchObject({ values: 0, removed: 0 })
  expect(await server.client.dbsize()).toBe(2)
  await tier.close()
})
