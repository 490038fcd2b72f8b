import { createHash } from 'node:crypto'
import { readdir, readFile, stat, truncate, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isPithError, Random, toHex } from '@pith/core'
import { KvCache } from '@pith/lm'
import { expect, test } from 'vitest'
import { testFolder } from '../../test/folder.ts'
import { askNearMisses } from '../../test/near-miss.ts'
import { cacheOf, modelPrint, randomText, sameCache } from '../../test/prefixes.ts'
import {
  chainKeys,
  PrefixStore,
  type PrefixStoreOptions,
  rawCoder,
  readChunk,
  type StoreTier,
  verifyTier,
} from './index.ts'
import { diskTier, openPrefixStore, openTier } from './node/index.ts'
import { unpackChunk } from './value.ts'

const FP = modelPrint()

/** A store in a folder, with what it warned of. */
function storeIn(
  folder: string,
  options: Partial<PrefixStoreOptions> = {},
): { store: PrefixStore; warnings: string[] } {
  const warnings: string[] = []
  const onWarning = (message: string): void => void warnings.push(message)
  return {
    store: new PrefixStore({ tiers: [diskTier(folder)], chunk: 16, timeoutMs: 5000, onWarning, ...options }),
    warnings,
  }
}

async function keep(store: PrefixStore, tokens: Int32Array): Promise<void> {
  store.keep(tokens, cacheOf(tokens))
  await store.flush()
}

/** Tokens that are found, all of which must be right. */
async function found(store: PrefixStore, tokens: Int32Array, fp = FP): Promise<number> {
  const kv = await store.get(tokens, fp)
  if (kv === undefined) return 0
  expect(sameCache(kv, cacheOf(tokens, fp).slice(0, kv.length))).toBe(true)
  return kv.length
}

/** Paths of the values in a folder, by the text whose chunks they are. */
function pathsOf(folder: string, tokens: Int32Array, chunk = 16, salt = ''): string[] {
  return chainKeys(tokens, { fp: FP, chunk, salt })
    .slice(1)
    .map((key) => toHex(key))
    .map((hex) => join(folder, hex.slice(0, 2), `${hex.slice(2)}.raw-f32.pith`))
}

test('keys are those of the written layout', () => {
  const fp = { arch: 'a'.repeat(64), weights: 'b'.repeat(64), numerics: 'f32' }
  const tokens = Int32Array.of(1, 2, 300, 70000, 5)
  const words = (...numbers: number[]): Uint8Array => new Uint8Array(Uint32Array.from(numbers).buffer)
  const text = (own: string): Uint8Array => new TextEncoder().encode(own)
  const sha = (...parts: Uint8Array[]): Buffer => {
    const hash = createHash('sha256')
    for (const part of parts) hash.update(part)
    return hash.digest()
  }
  const [arch, weights] = [new Uint8Array(32).fill(0xaa), new Uint8Array(32).fill(0xbb)]
  const start = sha(text('pith-kv/1'), arch, weights, words(2), words(3), text('f32'), words(2), text('öx').slice(0, 2))
  const keys = chainKeys(tokens, { fp, chunk: 2, salt: 'ö' })
  const first = sha(start, words(1, 2))
  expect(keys.map((key) => toHex(key))).toEqual(
    [start, first, sha(first, words(300, 70000))].map((own) => own.toString('hex')),
  )
})

test('what was kept comes back, the longest known beginning of it', async () => {
  const { store } = storeIn(testFolder())
  const text = randomText(70, 1)
  expect(await found(store, text)).toBe(0)
  await keep(store, text)
  expect(await store.match(text, FP)).toEqual({ chunks: 4, tokens: 64 })
  expect(await found(store, text)).toBe(64)
  expect(await found(store, text.slice(0, 47))).toBe(32)
  const other = Int32Array.from(text, (id, i) => (i === 40 ? id + 1 : id))
  expect(await store.match(other, FP)).toEqual({ chunks: 2, tokens: 32 })
  expect(await found(store, other)).toBe(32)
  expect(store.stats).toMatchObject({
    asked: 64 + 64 + 32 + 64,
    found: 64 + 32 + 32,
    written: 4,
    damaged: 0,
    warnings: 0,
  })
  await store.close()
})

test('the end of a text is added behind what is known of it', async () => {
  const { store } = storeIn(testFolder())
  const text = randomText(100, 2)
  const whole = cacheOf(text)
  store.keep(text.slice(0, 40), whole.slice(0, 40))
  store.keep(text, whole.slice(32, 100))
  // Not the end of that text: nothing of it is kept.
  store.keep(randomText(100, 3), whole.slice(32, 100))
  store.keep(text.slice(0, 90), whole)
  await store.flush()
  expect(await found(store, text)).toBe(96)
  expect(store.stats.written).toBe(6)
  await store.close()
})

test.each(['f32', 'f16'] as const)('numbers come back as %s', async (dtype) => {
  const folder = testFolder()
  const { store } = storeIn(folder, { coder: rawCoder(dtype) })
  const text = randomText(32, 4)
  await keep(store, text)
  const kv = await store.get(text, FP)
  const own = cacheOf(text)
  const most = Math.max(...(own.values[1] as Float32Array).map((x, i) => Math.abs(x - (kv?.values[1]?.[i] as number))))
  if (dtype === 'f32') expect(most).toBe(0)
  else expect(most > 0 && most < 1e-3).toBe(true)
  const { store: other } = storeIn(folder, { coder: rawCoder(dtype === 'f32' ? 'f16' : 'f32') })
  expect(await other.match(text, FP)).toEqual({ chunks: 0, tokens: 0 })
  await store.close()
  await other.close()
})

test('nothing of another model, arithmetic, owner or length of chunks is found', async () => {
  const folder = testFolder()
  const { store } = storeIn(folder, { salt: 'mine' })
  const text = randomText(64, 5)
  await keep(store, text)
  expect(await found(store, text)).toBe(64)
  for (const fp of [modelPrint(2), modelPrint(1, 'q8-b32-acc4'), { ...FP, arch: '2'.repeat(64) }]) {
    expect(await store.get(text, fp)).toBeUndefined()
  }
  for (const options of [{ salt: 'yours' }, {}, { salt: 'mine', chunk: 8 }, { salt: 'mine', chunk: 32 }]) {
    const { store: other, warnings } = storeIn(folder, options)
    expect(await other.get(text, FP)).toBeUndefined()
    expect(warnings).toEqual([])
    await other.close()
  }
  await store.close()
})

test('a value under a name that is not its own is never given out', async () => {
  const folder = testFolder()
  const { store } = storeIn(folder)
  const [text, other] = [randomText(48, 6), randomText(48, 7)]
  // The second chunk of both is the same, what is before it is not.
  other.set(text.subarray(16, 32), 16)
  await keep(store, text)
  await keep(store, other)
  const [paths, others] = [pathsOf(folder, text), pathsOf(folder, other)]
  await writeFile(paths[1] as string, await readFile(others[1] as string))
  const { store: fresh, warnings } = storeIn(folder)
  expect(await found(fresh, text)).toBe(16)
  expect(warnings).toEqual([expect.stringContaining('another chunk')])
  const keys = chainKeys(text, { fp: FP, chunk: 16, salt: '' })
  const [parent, key] = [keys[0] as Uint8Array, keys[1] as Uint8Array]
  const bytes = new Uint8Array(await readFile(paths[0] as string))
  const wanted = { key, parent, fp: FP, tokens: text.subarray(0, 16), position: 0 }
  expect((await unpackChunk(bytes, wanted, rawCoder())).length).toBe(16)
  await expect(unpackChunk(bytes, { ...wanted, fp: modelPrint(3) }, rawCoder())).rejects.toMatchObject({
    code: 'PITH_MODEL',
  })
  await store.close()
  await fresh.close()
})

test('damaged values are misses with one warning, and are written anew', async () => {
  const folder = testFolder()
  const text = randomText(64, 8)
  const { store } = storeIn(folder)
  await keep(store, text)
  const paths = pathsOf(folder, text)
  await truncate(paths[2] as string, 200)
  const bytes = await readFile(paths[1] as string)
  bytes[bytes.length >> 1]! ^= 4
  await writeFile(paths[1] as string, bytes)
  const { store: fresh, warnings } = storeIn(folder)
  expect(await found(fresh, text)).toBe(16)
  await fresh.flush()
  expect(warnings).toHaveLength(1)
  await keep(fresh, text)
  expect(await found(fresh, text)).toBe(64)
  expect(warnings).toHaveLength(1)
  await store.close()
  await fresh.close()
})

test('flips and cuts of a value are errors of ours, or what it was', async () => {
  const folder = testFolder()
  const { store } = storeIn(folder)
  const text = randomText(16, 9)
  await keep(store, text)
  await store.close()
  const good = new Uint8Array(await readFile(pathsOf(folder, text)[0] as string))
  const keys = chainKeys(text, { fp: FP, chunk: 16, salt: '' })
  const wanted = { key: keys[1] as Uint8Array, parent: keys[0] as Uint8Array, fp: FP, tokens: text, position: 0 }
  let refused = 0
  const attack = async (bytes: Uint8Array): Promise<void> => {
    try {
      expect(sameCache(await unpackChunk(bytes, wanted, rawCoder()), cacheOf(text))).toBe(true)
    } catch (error) {
      if (!isPithError(error)) throw error
      refused++
    }
  }
  for (let at = 0; at < good.length; at++) {
    const bad = good.slice()
    bad[at]! ^= 1 << (at % 8)
    await attack(bad)
    await attack(good.slice(0, at))
  }
  expect(refused).toBeGreaterThan(1.9 * good.length)
})

test('500 near misses, no wrong hit', async () => {
  const counts = await askNearMisses(diskTier(testFolder()), 500, 11)
  expect(counts.wrong).toBe(0)
  expect(counts.found).toBeGreaterThan(100)
})

test('values are readable by their owner only', async () => {
  const folder = join(testFolder(), 'store')
  const { store } = storeIn(folder)
  const text = randomText(32, 12)
  await keep(store, text)
  const modes: Record<string, number> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.name.endsWith('.lock')) continue
    modes[entry.isDirectory() ? 'folder' : entry.name.replace(/.*[.]/, '')] =
      (await stat(join(entry.parentPath, entry.name))).mode & 0o777
  }
  expect(modes).toEqual({ folder: 0o700, pith: 0o600, log: 0o600 })
  expect((await stat(folder)).mode & 0o777).toBe(0o700)
  await store.close()
})

test('what was not used for longest goes first, and ends before beginnings', async () => {
  const folder = testFolder()
  const texts = Array.from({ length: 6 }, (_, i) => randomText(64, 20 + i))
  const { store: first } = storeIn(folder)
  await keep(first, texts[0] as Int32Array)
  const one = (await readFile(pathsOf(folder, texts[0] as Int32Array)[0] as string)).length
  await first.close()
  // Room for 12 chunks of 4 texts at once less a little.
  const { store } = storeIn(folder, { tiers: [diskTier(folder, { maxBytes: 12.5 * one })] })
  for (const text of texts.slice(1, 3)) await keep(store, text)
  expect(await found(store, texts[0] as Int32Array)).toBe(64)
  for (const text of texts.slice(3)) {
    await keep(store, text)
    // Always used again: stays.
    expect(await found(store, texts[0] as Int32Array)).toBe(64)
  }
  await store.flush()
  let values = 0
  for await (const _ of diskTier(folder).list()) values++
  expect(values).toBeLessThanOrEqual(12)
  expect(await found(store, texts[0] as Int32Array)).toBe(64)
  expect(await found(store, texts[5] as Int32Array)).toBe(64)
  expect(await found(store, texts[1] as Int32Array)).toBe(0)
  const { orphans, bad } = await verifyTier(diskTier(folder))
  expect(orphans).toEqual([])
  expect(bad).toEqual([])
  await store.close()
})

test('uses are remembered by the next process, and a damaged journal only forgets', async () => {
  const folder = testFolder()
  const [a, b] = [randomText(32, 30), randomText(32, 31)]
  const { store } = storeIn(folder)
  await keep(store, a)
  await keep(store, b)
  expect(await found(store, a)).toBe(32)
  await store.close()
  const one = (await readFile(pathsOf(folder, a)[0] as string)).length
  await diskTier(folder, { maxBytes: 2.3 * one }).gc()
  const { store: next } = storeIn(folder)
  expect(await found(next, a)).toBe(32)
  expect(await found(next, b)).toBe(0)
  await next.close()
  await writeFile(join(folder, 'journal-0.log'), new Random(1).u32().toString().repeat(100))
  const { store: last, warnings } = storeIn(folder)
  expect(await found(last, a)).toBe(32)
  await last.close()
  expect(warnings).toEqual([])
})

test('verify finds what is bad or out of reach, and removes it', async () => {
  const folder = testFolder()
  const { store } = storeIn(folder)
  const text = randomText(80, 40)
  await keep(store, text)
  await store.close()
  const paths = pathsOf(folder, text)
  await unlink(paths[1] as string)
  await truncate(paths[3] as string, 100)
  const tier = diskTier(folder)
  const seen = await verifyTier(tier)
  expect(seen).toMatchObject({ values: 4, removed: 0 })
  expect(seen.bad).toHaveLength(1)
  expect(seen.orphans).toHaveLength(2)
  expect(await verifyTier(tier, { fix: true })).toMatchObject({ removed: 3 })
  expect(await verifyTier(tier)).toMatchObject({ values: 1, bad: [], orphans: [] })
  expect((await readChunk(new Uint8Array(await readFile(paths[0] as string)))).frame.tokens).toEqual(text.slice(0, 16))
})

test('what killed writers left is removed, what living ones write is not', async () => {
  const folder = testFolder()
  const { store } = storeIn(folder)
  const text = randomText(16, 41)
  await keep(store, text)
  await store.close()
  const path = pathsOf(folder, text)[0] as string
  await writeFile(`${path}.tmp-999999999-0`, 'half')
  await writeFile(`${path}.tmp-${process.pid}-7`, 'under way')
  const tier = diskTier(folder)
  expect(await tier.gc()).toEqual({ values: 0, bytes: 4 })
  await tier.close()
  expect((await readdir(join(path, '..'))).sort()).toEqual(
    [path, `${path}.tmp-${process.pid}-7`].map((own) => own.slice(path.lastIndexOf('/') + 1)),
  )
  expect(await found(storeIn(folder).store, text)).toBe(16)
})

test('a folder that cannot be used costs one warning', async () => {
  const folder = testFolder()
  const file = join(folder, 'file')
  await writeFile(file, 'no folder')
  const { store, warnings } = storeIn(join(file, 'store'))
  const text = randomText(64, 42)
  await keep(store, text)
  expect(await found(store, text)).toBe(0)
  await keep(store, text)
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toContain('not used for 30 s')
  await store.close()
})

test('a store is tested when it is opened: places that lose or change what they are given are told of', async () => {
  const folder = testFolder()
  const well = await openPrefixStore(folder, { chunk: 16 })
  expect([well.stats.warnings, await well.check('a'.repeat(64))]).toEqual([0, true])
  for await (const value of diskTier(folder).list()) expect(value).toBeUndefined()
  await well.close()
  const lossy: StoreTier = { ...memoryTier(), get: async () => undefined }
  const other: StoreTier = { ...memoryTier(), get: async () => new Uint8Array(1024) }
  for (const tier of [lossy, other]) {
    const { store, warnings } = storeIn(folder, { tiers: [tier] })
    expect(await store.check('a'.repeat(64))).toBe(false)
    expect(warnings).toEqual(['memory does not give back what is put into it'])
    await store.close()
  }
  await writeFile(join(folder, 'file'), 'no folder')
  const warnings: string[] = []
  const bad = await openPrefixStore(join(folder, 'file', 'store'), { onWarning: (own) => warnings.push(own) })
  expect(warnings).toHaveLength(1)
  await bad.close()
})

function memoryTier(): StoreTier {
  const nothing = async (): Promise<undefined> => {}
  return {
    title: 'memory',
    has: async (names) => names.map(() => false),
    get: nothing,
    put: nothing,
    touch: nothing,
    remove: async () => false,
    async *list() {},
    gc: async () => ({ values: 0, bytes: 0 }),
    close: nothing,
  }
}

test('a thread that is busy is not taken for a slow folder', async () => {
  const { store, warnings } = storeIn(testFolder(), { timeoutMs: 400 })
  const text = randomText(48, 48)
  await keep(store, text)
  let tokens = 0
  for await (const piece of store.find(text, FP)) {
    // The next ones are on their way.
    for (const from = performance.now(); tokens === 0 && performance.now() < from + 450; );
    tokens += piece.length
  }
  expect([tokens, warnings]).toEqual([48, []])
  await store.close()
})

test('a nearer tier gets what a later one had, and stands in where that one is bad', async () => {
  const [near, far] = [testFolder(), testFolder()]
  const text = randomText(64, 43)
  const { store: only } = storeIn(far)
  await keep(only, text)
  await only.close()
  const { store, warnings } = storeIn(near, { tiers: [diskTier(near), diskTier(far)] })
  expect(await store.match(text, FP)).toEqual({ chunks: 4, tokens: 64 })
  expect(await found(store, text)).toBe(64)
  await store.flush()
  for (const path of pathsOf(far, text).slice(1)) await unlink(path)
  expect(await found(store, text)).toBe(64)
  await truncate(pathsOf(near, text)[0] as string, 50)
  expect(await found(store, text)).toBe(64)
  expect(warnings).toHaveLength(1)
  await keep(store, text)
  await store.close()
  expect((await verifyTier(diskTier(far))).values).toBe(4)
})

test('an abort ends a search, and only that', async () => {
  const { store, warnings } = storeIn(testFolder())
  const text = randomText(64, 44)
  await keep(store, text)
  const stop = new AbortController()
  const search = (async () => {
    for await (const _ of store.find(text, FP, { signal: stop.signal })) stop.abort(new Error('enough'))
  })()
  await expect(search).rejects.toThrow('enough')
  expect(await found(store, text)).toBe(64)
  expect(warnings).toEqual([])
  await store.close()
})

test('too much that waits is not kept, and nothing is after the end', async () => {
  const { store } = storeIn(testFolder(), { pendingBytes: 5000 })
  const texts = [randomText(64, 45), randomText(64, 46)]
  for (const text of texts) store.keep(text, cacheOf(text))
  await store.close()
  expect(store.stats).toMatchObject({ written: 4, dropped: 4 })
  store.keep(texts[1] as Int32Array, cacheOf(texts[1] as Int32Array))
  await store.flush()
  expect(store.stats.written).toBe(4)
})

test('caches that are no beginning, and options outside of their ranges', async () => {
  const folder = testFolder()
  const { store } = storeIn(folder)
  const text = randomText(32, 47)
  const kv = cacheOf(text)
  const moved = new KvCache({ ...kv, positions: kv.positions.map((position) => position + 1) })
  store.keep(text, moved)
  await store.flush()
  expect(store.stats.written).toBe(0)
  for (const options of [{ chunk: 0 }, { chunk: 65537 }, { tiers: [] }, { coder: { ...rawCoder(), name: 'A/b' } }]) {
    expect(() => storeIn(folder, options)).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  }
  expect(() => diskTier(folder, { maxBytes: -1 })).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  for (const place of ['redis://', 'redis:x']) {
    await expect(openTier(place)).rejects.toMatchObject({ code: 'PITH_ARG' })
  }
  await expect(openPrefixStore('redis://127.0.0.1', { ttlSeconds: 0 })).rejects.toMatchObject({ code: 'PITH_ARG' })
  await expect(diskTier(folder).get('../../etc/passwd')).rejects.toMatchObject({ code: 'PITH_ARG' })
  await store.close()
})
