import { type ChildProcess, spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { acquireLock } from './lock.ts'

let folder: string
let path: string

beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'pith-lock-'))
  path = join(folder, 'app.pith')
})
afterAll(() => fs.rm(folder, { recursive: true }))
beforeEach(async () => {
  for (const name of await fs.readdir(folder)) await fs.rm(join(folder, name))
})

/** A process that holds the lock; resolves once it says so. */
async function holder(): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [
      '--conditions=pith-dev',
      '--input-type=module',
      '-e',
      `const { acquireLock } = await import(${JSON.stringify(new URL('./lock.ts', import.meta.url).href)})
       await acquireLock(${JSON.stringify(path)})
       process.stdout.write('held')
       setInterval(() => {}, 1000)`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await new Promise((done) => child.stdout?.once('data', done))
  return child
}

test('a lock is held once and leaves nothing', async () => {
  const lock = await acquireLock(path)
  await expect(acquireLock(path)).rejects.toMatchObject({ code: 'PITH_LOCKED', hint: expect.stringContaining('.lock') })
  await lock.release()
  await lock.release()
  await (await acquireLock(path)).release()
  expect(await fs.readdir(folder)).toEqual([])
})

test('the lock of a living process is respected, that of a dead one taken over', async () => {
  const child = await holder()
  await expect(acquireLock(path)).rejects.toMatchObject({
    code: 'PITH_LOCKED',
    message: `${path} is in use by process ${child.pid} on ${hostname()}`,
  })
  child.kill('SIGKILL')
  await new Promise((done) => child.once('exit', done))
  const lock = await acquireLock(path)
  await expect(acquireLock(path)).rejects.toMatchObject({ code: 'PITH_LOCKED' })
  await lock.release()
  expect(await fs.readdir(folder)).toEqual([])
})

test('an id that belongs to another process by now is no living owner', async () => {
  await fs.writeFile(`${path}.lock`, JSON.stringify({ pid: process.pid, host: hostname(), start: '1' }))
  await (await acquireLock(path)).release()
})

test.each([
  ['of another host', JSON.stringify({ pid: 2 ** 22 + 1, host: 'elsewhere', start: '' })],
  ['that cannot be read', 'by hand'],
])('a lock %s is respected', async (_, content) => {
  await fs.writeFile(`${path}.lock`, content)
  await expect(acquireLock(path)).rejects.toMatchObject({ code: 'PITH_LOCKED' })
})

test('of many that find a stale lock one gets it', async () => {
  for (let round = 0; round < 20; round++) {
    await fs.writeFile(`${path}.lock`, JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), start: '' }))
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => acquireLock(path)))
    const held = results.filter((result) => result.status === 'fulfilled')
    expect(held).toHaveLength(1)
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'PITH_LOCKED' })
    }
    await held[0].value.release()
    expect(await fs.readdir(folder)).toEqual([])
  }
})
