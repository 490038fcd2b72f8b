import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fitProfile, type KvProfile, PrefixStore, profileCoder, verifyTier } from '@pith/kv'
import { diskTier, openPrefixStore, redisTier } from '@pith/kv/store/node'
import { type Lm, prefillThrough } from '@pith/lm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testFolder } from './folder.ts'
import { smallModel, texts } from './model.ts'
import { startRedis } from './redis-server.ts'

let lm: Lm
let profile: KvProfile
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pith-kv-'))
  lm = smallModel()
  profile = await fitProfile(lm, texts(4, 100, 5))
})
afterAll(async () => {
  await lm.close()
  rmSync(folder, { recursive: true })
})

function furthest(a: Float32Array, b: Float32Array): number {
  return Math.max(...a.map((x, i) => Math.abs(x - (b[i] as number))))
}

function textOf(seed: number): Int32Array {
  return texts(1, 150, seed)[0] as Int32Array
}

test('a model reads a known beginning from a folder, over two processes of it', async () => {
  const ids = textOf(1)
  const plain = await lm.session().prefill(ids)
  for (const reused of [0, 128]) {
    const store = await openPrefixStore(join(folder, 'raw'), { chunk: 32, salt: 'a' })
    const got = await prefillThrough(lm.session(), ids, store)
    expect(got.reused).toBe(reused)
    expect(furthest(got.logits, plain)).toBeLessThan(1e-4)
    await store.close()
  }
})

test('compressed chunks are a fraction of the numbers, and near to them', async () => {
  const ids = textOf(2)
  const coder = profileCoder(profile, { level: 4 })
  expect(coder.name).toMatch(/^pca-4-[0-9a-f]{16}$/)
  const store = await openPrefixStore(join(folder, 'pca'), { chunk: 32, coder })
  await prefillThrough(lm.session(), ids, store)
  await store.flush()
  const got = await prefillThrough(lm.session(), ids, store)
  expect(got.reused).toBe(128)
  const plain = await lm.session().prefill(ids)
  const difference = furthest(got.logits, plain)
  expect(difference).toBeGreaterThan(0)
  expect(difference).toBeLessThan(0.3 * Math.max(...plain.map(Math.abs)))
  const { values, bytes, bad } = await verifyTier(diskTier(join(folder, 'pca')))
  expect([values, bad]).toEqual([4, []])
  expect(bytes).toBeLessThan(0.6 * 128 * 4 * 2 * 3 * 16)
  expect(store.stats).toMatchObject({ damaged: 0, warnings: 0 })
  await store.close()
})

test('generation goes on where the server dies in the middle', async () => {
  const server = await startRedis()
  const warnings: string[] = []
  const store = new PrefixStore({
    tiers: [await redisTier(server.url)],
    chunk: 16,
    onWarning: (message) => void warnings.push(message),
  })
  const ids = textOf(3)
  const plain = await lm.session().prefill(ids)
  await prefillThrough(lm.session(), ids, store)
  await store.flush()
  expect((await prefillThrough(lm.session(), ids, store)).reused).toBe(144)
  let pieces = 0
  const dying = {
    chunk: store.chunk,
    keep: store.keep.bind(store),
    async *find(...args: Parameters<PrefixStore['find']>) {
      for await (const piece of store.find(...args)) {
        yield piece
        if (++pieces === 1) await server.stop()
      }
    },
  }
  const got = await prefillThrough(lm.session(), ids, dying)
  expect(got.reused).toBeGreaterThanOrEqual(16)
  expect(got.reused).toBeLessThan(144)
  expect(furthest(got.logits, plain)).toBeLessThan(1e-4)
  await store.flush()
  expect((await prefillThrough(lm.session(), ids, store)).reused).toBe(0)
  expect(warnings).toHaveLength(1)
  await store.close()
})

test('another model finds nothing in the same folder', async () => {
  const ids = textOf(4)
  const at = testFolder()
  const store = await openPrefixStore(at, { chunk: 32 })
  await prefillThrough(lm.session(), ids, store)
  await store.flush()
  const other = smallModel(2)
  expect((await prefillThrough(other.session(), ids, store)).reused).toBe(0)
  await other.close()
  await store.close()
})
