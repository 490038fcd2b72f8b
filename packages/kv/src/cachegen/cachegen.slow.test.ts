import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isPithError, Random } from '@pith/core'
import { KvCache, type Lm } from '@pith/lm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { smallModel, texts } from '../../test/model.ts'
import { encodeKv, fitProfile, KvFile, type KvProfile } from './index.ts'

const LEVELS = [1, 3]
/** Flips, and cuts, of one file each. */
const DAMAGES = 2000
/** Memory that may be gained by reading damaged files. */
const MOST_MEMORY = 64 * 2 ** 20

let lm: Lm
let kv: KvCache
const files: { bytes: Uint8Array; whole: readonly KvCache[]; profile: KvProfile }[] = []

beforeAll(async () => {
  lm = smallModel()
  const session = lm.session()
  await session.prefill(texts(1, 150, 77)[0] as Int32Array)
  kv = session.kv()
  for (const preset of ['cachegen', 'pca-layer', 'pca'] as const) {
    const profile = await fitProfile(lm, texts(3, 100, 5), { preset })
    // Files of up to 64 KiB have a form of their own, so one is longer.
    files.push(await fileOf(preset === 'cachegen' ? noise(640) : kv, profile, preset !== 'pca'))
  }
})
afterAll(() => lm.close())

/** Bytes that are held when all that can be freed is. */
function held(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** A cache that no text has, and that hardly gets smaller. */
function noise(tokens: number): KvCache {
  const random = new Random(3)
  const rows = (): Float32Array[] =>
    kv.keys.map(() => Float32Array.from({ length: tokens * kv.width }, () => 8 * random.normal()))
  const { fp, layers, kvHeads, headDim, ropeTheta } = kv
  const own = { fp, layers, kvHeads, headDim, ropeTheta, keys: rows(), values: rows() }
  return new KvCache({
    ...own,
    tokens: Int32Array.from({ length: tokens }, () => random.integer(60)),
    positions: Int32Array.from({ length: tokens }, (_, i) => i),
  })
}

async function fileOf(own: KvCache, profile: KvProfile, embed: boolean): Promise<(typeof files)[number]> {
  const bytes = await encodeKv(own, { profile, chunk: 32, levels: LEVELS, embed })
  const file = await KvFile.open(bytes, { profile })
  return { bytes, profile, whole: await Promise.all(LEVELS.map((level) => file.cache(lm.fingerprint, { level }))) }
}

/** Whether a damaged file is told as such; one that is not must give the same cache. */
async function isTold(bytes: Uint8Array, whole: readonly KvCache[], profile: KvProfile): Promise<boolean> {
  try {
    const file = await KvFile.open(bytes, { profile })
    for (const [i, level] of LEVELS.entries()) {
      const back = await file.cache(lm.fingerprint, { level })
      expect(back.tokens).toEqual(whole[i]?.tokens)
      expect(back.keys).toEqual(whole[i]?.keys)
      expect(back.values).toEqual(whole[i]?.values)
    }
    return false
  } catch (error) {
    if (!isPithError(error)) throw error
    return true
  }
}

test('2,000 flips and as many cuts never give another cache, and take no memory', async () => {
  const random = new Random(1)
  let before = 0
  let told = 0
  for (let i = 0; i < DAMAGES; i++) {
    if (i === DAMAGES / 10) before = held()
    const { bytes, whole, profile } = files[i % files.length] as (typeof files)[number]
    const bad = bytes.slice()
    bad[random.integer(bad.length)]! ^= 1 << random.integer(8)
    if (await isTold(bad, whole, profile)) told++
    // A cut at the end of an older commit would be a valid file; there is one commit.
    expect(await isTold(bytes.slice(0, random.integer(bytes.length)), whole, profile)).toBe(true)
  }
  expect(told).toBeGreaterThan(0.95 * DAMAGES)
  expect(held() - before).toBeLessThan(MOST_MEMORY)
})

test('cuts at every border of a block are told', async () => {
  const { bytes, whole, profile } = files[0] as (typeof files)[number]
  const borders: number[] = []
  for (let at = 0; at + 4 <= bytes.length; at++) {
    if (bytes[at] === 0xf5 && bytes[at + 1] === 0x70 && bytes[at + 2] === 0x63 && bytes[at + 3] === 0xff)
      borders.push(at)
  }
  // 20 chunks of tokens and 6 sets at 2 levels, the head, the profile, the first tokens, the index and the tail.
  expect(borders.length).toBeGreaterThan(20 * 13)
  for (const border of borders) {
    for (const cut of [border - 1, border, border + 1]) {
      expect(await isTold(bytes.slice(0, cut), whole, profile)).toBe(true)
    }
  }
})
