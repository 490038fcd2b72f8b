import { readdir } from 'node:fs/promises'
import { Random } from '@pith/core'
import { expect, test } from 'vitest'
import { PrefixStore, verifyTier } from '../src/store/index.ts'
import { diskTier, redisTier } from '../src/store/node/index.ts'
import { testFolder } from './folder.ts'
import { askNearMisses } from './near-miss.ts'
import { cacheOf, modelPrint, randomText, sameCache } from './prefixes.ts'
import { startRedis } from './redis-server.ts'
import { killWriter, runWriter } from './store-processes.ts'

const KILLS = 30

test.each(['a folder', 'a server'])('10,000 near misses, no wrong hit in %s', async (place) => {
  const server = place === 'a server' ? await startRedis() : undefined
  const tier = server === undefined ? diskTier(testFolder()) : await redisTier(server.url)
  const counts = await askNearMisses(tier, 10_000, 17)
  expect(counts.wrong).toBe(0)
  expect(counts.found).toBeGreaterThan(2000)
  await tier.close()
  await server?.stop()
})

test.each([4e9, 100_000])(`${KILLS} kills leave whole values, at most %d bytes`, async (maxBytes) => {
  const folder = testFolder()
  const random = new Random(3)
  let rounds = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const said = await killWriter(folder, 7 * kill, random.integer(80), maxBytes)
    expect(said).not.toContain('wrong')
    rounds += said.trim().split('\n').length
    const { bad } = await verifyTier(diskTier(folder))
    expect(bad).toEqual([])
  }
  // Some writers got as far as a second text; how many, the load of the machine says.
  expect(rounds).toBeGreaterThan(KILLS)
  const tier = diskTier(folder, { maxBytes })
  await tier.gc()
  await tier.close()
  expect((await readdir(folder, { recursive: true })).filter((name) => name.includes('.tmp-'))).toEqual([])
  const store = new PrefixStore({ tiers: [diskTier(folder, { maxBytes })], chunk: 16 })
  for (let seed = 0; seed < 60; seed++) {
    const text = randomText(16 * (1 + (seed % 8)), seed)
    const back = await store.get(text, modelPrint())
    if (back !== undefined) expect(sameCache(back, cacheOf(text).slice(0, back.length))).toBe(true)
  }
  await store.close()
  expect(store.stats.damaged).toBe(0)
})

test('four processes and a small folder, some of them killed', async () => {
  const folder = testFolder()
  const maxBytes = 200_000
  for (let round = 0; round < 3; round++) {
    const said = await Promise.all([
      ...[0, 13].map((first) => runWriter(folder, first + round, 60, maxBytes)),
      ...[29, 41].map((first) => killWriter(folder, first + round, 30 + 20 * round, maxBytes)),
    ])
    for (const own of said) expect(own).not.toContain('wrong')
    for (const own of said.slice(0, 2)) expect(own).toMatch(/warnings 0$/m)
  }
  const { bad, bytes } = await verifyTier(diskTier(folder))
  expect(bad).toEqual([])
  expect(bytes).toBeLessThan(1.3 * maxBytes)
})
