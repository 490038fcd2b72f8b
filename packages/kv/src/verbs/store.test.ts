import { readdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { testFolder } from '../../test/folder.ts'
import { cacheOf, randomText } from '../../test/prefixes.ts'
import { startRedis } from '../../test/redis-server.ts'
import { verb } from '../../test/verb.ts'
import { openPrefixStore } from '../store/node/index.ts'

/** Keep texts of 64 tokens in chunks of 16. */
async function fill(place: string, count: number): Promise<void> {
  const store = await openPrefixStore(place, { chunk: 16 })
  for (let seed = 1; seed <= count; seed++) {
    const text = randomText(64, seed)
    store.keep(text, cacheOf(text))
  }
  await store.close()
}

test('ls, rm and gc of a folder', async () => {
  const store = testFolder()
  expect(await verb('store ls', { store })).toMatchObject({ code: 0, out: '', err: '0 chunks, 0 B\n' })
  await fill(store, 3)
  const listed = await verb('store ls', { store })
  expect(listed.out.split('\n')).toHaveLength(13)
  expect(listed.out).toMatch(/^([0-9a-f]{16} {3,}\d+ {2}raw-f32\n){12}$/)
  expect(listed.err).toMatch(/^12 chunks, .* kB\n$/)
  const { values, bytes } = JSON.parse((await verb('store ls', { store, json: true })).out) as {
    values: { key: string; coder: string; bytes: number }[]
    bytes: number
  }
  expect(values.map((value) => value.key.slice(0, 16))).toEqual(
    listed.out
      .trim()
      .split('\n')
      .map((line) => line.slice(0, 16)),
  )
  const [first] = values
  const gone = await verb('store rm', { store }, [(first?.key ?? '').slice(0, 12)])
  expect(gone).toMatchObject({ code: 0, out: 'removed 1 chunk\n' })
  expect(await verb('store rm', { store }, [(first?.key ?? '').slice(0, 12)])).toMatchObject({
    code: 1,
    out: 'removed 0 chunks\n',
  })
  const kept = await verb('store gc', { store, json: true })
  expect(JSON.parse(kept.out)).toEqual({ removed: 0, bytes: 0 })
  const budget = `${Math.round(bytes / 2)}B`
  expect((await verb('store gc', { store, budget })).out).toMatch(/^removed [5-7] chunks, .* kB in all\n$/)
  expect(JSON.parse((await verb('store rm', { store, all: true, json: true })).out).removed).toBeGreaterThan(3)
  expect((await verb('store ls', { store, quiet: true })).out).toBe('')
})

test('verify says what is bad, and removes it when asked', async () => {
  const store = testFolder()
  await fill(store, 1)
  expect(await verb('store verify', { store })).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^4 chunks, .* kB; 0 bad, 0 out of reach, 0 removed\n$/),
  })
  const folder = readdirSync(store).find((name) => name.length === 2) as string
  const file = readdirSync(join(store, folder))[0] as string
  truncateSync(join(store, folder, file), 99)
  const bad = await verb('store verify', { store })
  expect(bad.code).toBe(1)
  expect(bad.out).toContain(`${folder}${file.slice(0, 14)}  PITH_`)
  const report = JSON.parse((await verb('store verify', { store, json: true })).out)
  expect(report).toMatchObject({ ok: false, store, values: 4, removed: 0, bad: [{ name: expect.any(String) }] })
  expect((await verb('store verify', { store, fix: true })).code).toBe(0)
  const left = JSON.parse((await verb('store verify', { store, json: true })).out)
  expect(left).toMatchObject({ ok: true, bad: [], orphans: [], values: 3 - report.orphans.length })
})

test('a server is a store, too, and one that is down is an error', async () => {
  const server = await startRedis()
  await fill(server.url, 1)
  expect((await verb('store ls', { store: server.url })).err).toMatch(/^4 chunks/)
  expect((await verb('store verify', { store: server.url })).code).toBe(0)
  expect((await verb('store gc', { store: server.url })).out).toBe('removed 0 chunks, 0 B in all\n')
  expect((await verb('store rm', { store: server.url, all: true })).out).toBe('removed 4 chunks\n')
  await server.stop()
  expect((await verb('store ls', { store: server.url })).error).toMatch(/^PITH_NETWORK: the server redis:/)
})

test('bad usage', async () => {
  const store = testFolder()
  for (const [options, operands] of [
    [{ store }, []],
    [{ store, all: true }, ['abcd']],
    [{ store }, ['xyz!']],
    [{ store }, ['abc']],
  ] as const) {
    expect((await verb('store rm', options, operands)).error).toMatch(/^PITH_ARG/)
  }
  expect((await verb('store gc', { store, budget: '4x' })).error).toMatch(/^PITH_ARG/)
  expect((await verb('store gc', { store, budget: 'much' })).error).toMatch(/^PITH_BUDGET/)
  expect((await verb('store ls', { store: 'redis://' })).error).toMatch(/^PITH_ARG/)
})
