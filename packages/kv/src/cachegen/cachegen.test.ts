import { bytesAccess, countAccess, isPithError } from '@pith/core'
import type { KvCache, Lm } from '@pith/lm'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { smallModel, texts } from '../../test/model.ts'
import { type EncodeOptions, encodeKv, fitProfile, KvFile, type KvProfile, readProfile, writeProfile } from './index.ts'

let lm: Lm
let kv: KvCache
const profiles: Record<string, KvProfile> = {}
const PRESETS = ['anchor', 'cachegen', 'pca-layer', 'pca'] as const

beforeAll(async () => {
  lm = smallModel()
  for (const preset of PRESETS) profiles[preset] = await fitProfile(lm, texts(4, 100, 5), { preset })
  const session = lm.session()
  await session.prefill(texts(1, 150, 77)[0] as Int32Array)
  kv = session.kv()
})
afterAll(() => lm.close())

function distance(a: Float32Array, b: Float32Array): number {
  let error = 0
  let size = 0
  for (let i = 0; i < b.length; i++) {
    error += ((a[i] as number) - (b[i] as number)) ** 2
    size += (b[i] as number) ** 2
  }
  return a.length === b.length ? Math.sqrt(error / size) : Number.POSITIVE_INFINITY
}

async function encode(options: Partial<EncodeOptions> = {}): Promise<Uint8Array> {
  return await encodeKv(kv, { profile: profiles['pca'] as KvProfile, chunk: 32, ...options })
}

describe.each(PRESETS)('%s', (preset) => {
  test('comes back nearer at each level, and larger', async () => {
    const bytes = await encode({ profile: profiles[preset] as KvProfile, levels: [1, 2, 3, 4] })
    const file = await KvFile.open(bytes)
    const errors: number[] = []
    for (const level of [1, 2, 3, 4]) {
      const back = await file.cache(lm.fingerprint, { level })
      expect(back.tokens).toEqual(kv.tokens)
      expect(back.positions).toEqual(kv.positions)
      errors.push(
        Math.max(
          ...[0, 1, 2].map((layer) => distance(back.keys[layer] as Float32Array, kv.keys[layer] as Float32Array)),
        ),
      )
    }
    expect(errors).toEqual([...errors].sort((a, b) => b - a))
    expect(errors[3]).toBeLessThan(0.5 * (errors[0] as number))
    const sizes: number[] = []
    for (const level of [1, 2, 3, 4]) {
      sizes.push((await encode({ profile: profiles[preset] as KvProfile, levels: [level] })).length)
    }
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b))
    await file.close()
  })

  test('parts are those of the whole', async () => {
    const file = await KvFile.open(await encode({ profile: profiles[preset] as KvProfile }))
    const whole = await file.cache(lm.fingerprint)
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 150 }),
        fc.integer({ min: 0, max: 150 }),
        fc.subarray([0, 1, 2]),
        fc.subarray(['k', 'v'] as const),
        fc.boolean(),
        async (a, b, layers, kinds, ids) => {
          const [from, to] = [Math.min(a, b), Math.max(a, b)]
          const part = await file.read({ from, to, layers, kinds, ids })
          expect(part.tokens).toEqual(ids ? kv.tokens.slice(from, to) : new Int32Array(0))
          expect([...part.keys.keys()]).toEqual(kinds.includes('k') ? layers : [])
          for (const layer of part.keys.keys())
            expect(part.keys.get(layer)).toEqual(whole.keys[layer]?.slice(from * 16, to * 16))
          for (const layer of part.values.keys())
            expect(part.values.get(layer)).toEqual(whole.values[layer]?.slice(from * 16, to * 16))
        },
      ),
      { numRuns: 30 },
    )
  })

  test('the profile comes back from its bytes', () => {
    const profile = profiles[preset] as KvProfile
    const bytes = writeProfile(profile)
    expect(readProfile(bytes)).toEqual(profile)
    expect(writeProfile(readProfile(bytes))).toEqual(bytes)
  })

  test('same texts, same profile; same cache, same bytes', async () => {
    const again = await fitProfile(lm, texts(4, 100, 5), { preset })
    expect(writeProfile(again)).toEqual(writeProfile(profiles[preset] as KvProfile))
    const own = { profile: profiles[preset] as KvProfile, levels: [2, 3] }
    expect(await encode(own)).toEqual(await encode(own))
  })
})

test('a model goes on from what was read as from the cache itself', async () => {
  const file = await KvFile.open(await encode({ levels: [4] }))
  const [exact, lossy] = [lm.session(), lm.session()]
  exact.attachKv(kv)
  lossy.attachKv(await file.cache(lm.fingerprint))
  const [a, b] = [await exact.decode(5), await lossy.decode(5)]
  expect(distance(b, a)).toBeLessThan(0.2)
  expect(distance(b, a)).toBeGreaterThan(0)
})

test('one layer of a few tokens costs its part of the bytes', async () => {
  const bytes = await encode({ profile: profiles['pca-layer'] as KvProfile, chunk: 16 })
  const access = countAccess(bytesAccess(bytes))
  const file = await KvFile.open(access)
  const before = access.bytes
  await file.read({ from: 32, to: 48, layers: [1], kinds: ['v'] })
  // The index and the profile are read once; of blocks, one of keys or values and one of tokens.
  expect(access.bytes - before).toBeLessThan(400)
  expect(file.info).toMatchObject({ tokens: 150, chunk: 16, preset: 'pca-layer' })
})

test('the first tokens are kept apart, wherever the cache begins', async () => {
  const late = kv.slice(2, 150)
  const file = await KvFile.open(await encodeKv(late, { profile: profiles['pca'] as KvProfile, chunk: 32 }))
  expect(file.info).toMatchObject({ sinks: 2, position: 2 })
  const back = await file.cache(lm.fingerprint)
  expect(back.positions).toEqual(late.positions)
  expect(
    distance((back.keys[0] as Float32Array).subarray(0, 32), (late.keys[0] as Float32Array).subarray(0, 32)),
  ).toBeLessThan(0.01)
  const later = await KvFile.open(
    await encodeKv(kv.slice(40, 60), { profile: profiles['pca'] as KvProfile, chunk: 32 }),
  )
  expect(later.info.sinks).toBe(0)
  const empty = await KvFile.open(await encodeKv(kv.slice(0, 0), { profile: profiles['pca'] as KvProfile }))
  expect((await empty.cache(lm.fingerprint)).length).toBe(0)
})

test('a cache is never given to another model, and a profile never used for one', async () => {
  const bytes = await encode()
  const other = smallModel(2)
  const file = await KvFile.open(bytes)
  await expect(file.cache(other.fingerprint)).rejects.toMatchObject({ code: 'PITH_MODEL' })
  const foreign = await fitProfile(other, texts(2, 100, 5))
  await expect(encode({ profile: foreign })).rejects.toMatchObject({ code: 'PITH_MODEL' })
  const named = await encode({ embed: false })
  await expect(KvFile.open(named)).rejects.toMatchObject({
    code: 'PITH_ARG',
    message: expect.stringContaining('elsewhere'),
  })
  await expect(KvFile.open(named, { profile: profiles['cachegen'] as KvProfile })).rejects.toMatchObject({
    code: 'PITH_ARG',
  })
  const whole = await KvFile.open(named, { profile: profiles['pca'] as KvProfile })
  expect((await whole.read()).tokens).toEqual(kv.tokens)
  await other.close()
})

test('options outside of their ranges are refused', async () => {
  for (const options of [{ levels: [] }, { levels: [5] }, { chunk: 4 }, { sinks: -1 }, { sinks: 40 }]) {
    await expect(encode(options)).rejects.toMatchObject({ code: 'PITH_ARG' })
  }
  const file = await KvFile.open(await encode())
  for (const range of [{ from: -1 }, { to: 151 }, { from: 9, to: 8 }, { layers: [3] }, { level: 1 }]) {
    await expect(file.read(range)).rejects.toMatchObject({ code: 'PITH_ARG' })
  }
  const stop = new AbortController()
  stop.abort(new Error('enough'))
  await expect(encode({ signal: stop.signal })).rejects.toThrow('enough')
  await expect(file.read({ signal: stop.signal })).rejects.toThrow('enough')
  await expect(fitProfile(lm, texts(2, 100, 5), { signal: stop.signal })).rejects.toThrow('enough')
  await expect(fitProfile(lm, texts(1, 100, 5))).rejects.toMatchObject({ code: 'PITH_ARG' })
})

/** What a damaged file gives: the same cache, or an error of ours; anything else is a failure. */
async function attack(bytes: Uint8Array, whole: KvCache): Promise<void> {
  try {
    const file = await KvFile.open(bytes)
    const back = await file.cache(lm.fingerprint)
    expect(back.keys).toEqual(whole.keys)
    expect(back.values).toEqual(whole.values)
    expect(back.tokens).toEqual(whole.tokens)
  } catch (error) {
    if (!isPithError(error)) throw error
    expect(error.message.length).toBeGreaterThan(10)
  }
}

test('flips and cuts are errors or do not matter: never another cache', async () => {
  const bytes = await encode({ levels: [1] })
  const whole = await (await KvFile.open(bytes)).cache(lm.fingerprint)
  for (let i = 0; i < 150; i++) {
    const at = Math.floor((i * bytes.length) / 150)
    const bad = bytes.slice()
    bad[at]! ^= 1 << (i % 8)
    await attack(bad, whole)
    await attack(bytes.slice(0, at), whole)
  }
})

test('mutated profiles and planes are refused or read as something of the right size', async () => {
  const good = writeProfile(profiles['pca'] as KvProfile)
  for (let i = 0; i < 300; i++) {
    const bad = good.slice(0, i % 3 === 0 ? Math.floor((i * good.length) / 300) : good.length)
    if (bad.length > 0) bad[(i * 7919) % bad.length]! ^= 1 << (i % 8)
    try {
      const profile = readProfile(bad)
      expect(profile.sets).toHaveLength(2)
    } catch (error) {
      expect(isPithError(error)).toBe(true)
    }
  }
})
