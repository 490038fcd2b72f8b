import { threadId } from 'node:worker_threads'
import { createPool, type Pool, siblingUrl, type WorkerMode, workersEnding } from '@pith/core/workers'
import { afterEach, describe, expect, test } from 'vitest'
import { tasks } from './tasks.ts'

const url = siblingUrl('worker', import.meta.url)
const pools: Pool<typeof tasks>[] = []

function open(threads: number, options: { mode?: WorkerMode; signal?: AbortSignal } = {}): Pool<typeof tasks> {
  const pool = createPool({ url, tasks, threads, ...options })
  pools.push(pool)
  return pool
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()))
})

describe.each([
  { name: 'inline', threads: 1, mode: 'thread' },
  { name: 'threads', threads: 2, mode: 'thread' },
  { name: 'processes', threads: 2, mode: 'process' },
] as const)('a pool with $name', ({ threads, mode }) => {
  test('gives each call its own result', async () => {
    const pool = open(threads, { mode })
    expect(await Promise.all([1, 2, 3, 4, 5].map((n) => pool.run('double', n)))).toEqual([2, 4, 6, 8, 10])
    expect(await pool.run('sum', new Uint8Array([9, 1, 2, 3]).subarray(1))).toBe(6)
    expect(await pool.run('fill', 3)).toEqual(new Uint8Array([7, 7, 7]))
  })

  test('gives a failure with code, hint and place', async () => {
    await expect(open(threads, { mode }).run('refuse', 4132)).rejects.toMatchObject({
      name: 'PithError',
      code: 'PITH_CORRUPT',
      message: 'the block is damaged',
      hint: 'Take another one.',
      at: { section: 'kv.index', offset: 4132 },
    })
  })

  test('gives any other failure as PITH_INTERNAL and goes on', async () => {
    const pool = open(threads, { mode })
    await expect(pool.run('crash', undefined)).rejects.toMatchObject({
      code: 'PITH_INTERNAL',
      message: expect.stringContaining('not a function'),
    })
    expect(await pool.run('double', 4)).toBe(8)
  })
})

test('one thread runs on the calling thread, more on others, processes elsewhere', async () => {
  expect(await open(1).run('thread', undefined)).toBe(threadId)
  expect(await open(2).run('thread', undefined)).not.toBe(threadId)
  expect(await open(1, { mode: 'process' }).run('pid', undefined)).not.toBe(process.pid)
})

describe.each(['thread', 'process'] as const)('with the mode %s', (mode) => {
  test('an abort ends a busy worker and rejects with the reason', async () => {
    const abort = new AbortController()
    const pool = open(2, { mode, signal: abort.signal })
    await pool.run('double', 1)
    const reason = { why: 'enough' }
    const call = pool.run('spin', undefined)
    const waiting = [pool.run('spin', undefined), pool.run('double', 1)]
    abort.abort(reason)
    for (const run of [call, ...waiting]) await expect(run).rejects.toBe(reason)
    await expect(pool.run('double', 1)).rejects.toBe(reason)
  })

  test('giving up one call leaves the others', async () => {
    const abort = new AbortController()
    const pool = open(2, { mode })
    const call = pool.run('spin', undefined, { signal: abort.signal })
    const other = pool.run('double', 5)
    abort.abort('no more')
    await expect(call).rejects.toBe('no more')
    expect(await other).toBe(10)
    expect(await pool.run('double', 6)).toBe(12)
  })

  test('a worker that dies rejects its call and is replaced', async () => {
    const pool = open(2, { mode })
    await expect(pool.run('leave', undefined)).rejects.toMatchObject({ code: 'PITH_INTERNAL' })
    expect(await pool.run('double', 3)).toBe(6)
  })

  test('a worker module that cannot be loaded is a PITH_INTERNAL', async () => {
    const pool = createPool({ url: siblingUrl('missing', import.meta.url), tasks, threads: 2, mode })
    await expect(pool.run('double', 1)).rejects.toMatchObject({ code: 'PITH_INTERNAL' })
    await pool.close()
  })
})

test('payloads move when they are to be transferred', async () => {
  const bytes = new Uint8Array([1, 2, 3])
  expect(await open(2).run('sum', bytes, { transfer: [bytes.buffer] })).toBe(6)
  expect(bytes.length).toBe(0)
})

test('a payload that cannot be cloned is a PITH_ARG', async () => {
  const pool = open(2)
  await expect(pool.run('double', (() => 1) as never)).rejects.toMatchObject({ code: 'PITH_ARG' })
  expect(await pool.run('double', 1)).toBe(2)
})

test.each([0, -1, 1.5, 257, Number.NaN])('%s threads are refused', (threads) => {
  expect(() => createPool({ url, tasks, threads })).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
})

test('a closed pool refuses calls', async () => {
  const pool = open(2)
  await pool.close()
  await expect(pool.run('double', 1)).rejects.toMatchObject({ code: 'PITH_ARG' })
})

test('an unknown task is a PITH_ARG', async () => {
  await expect(open(1).run('toString' as never, undefined as never)).rejects.toMatchObject({ code: 'PITH_ARG' })
})

test('one thread apart leaves the caller free: an abort ends work that would never end', async () => {
  const controller = new AbortController()
  const pool = createPool({ url, tasks, threads: 1, apart: true, signal: controller.signal })
  expect(pool.inline).toBe(false)
  expect(await pool.run('thread', undefined)).toBeGreaterThan(0)
  const call = pool.run('spin', undefined)
  controller.abort(new Error('enough'))
  await expect(call).rejects.toThrow('enough')
  await pool.close()
})

test('a gentle pool frees the caller at once, and ends the thread behind its task', async () => {
  const pool = createPool({ url, tasks, threads: 1, apart: true, gentle: true })
  pools.push(pool)
  const cells = new Int32Array(new SharedArrayBuffer(12))
  const abort = new AbortController()
  const call = pool.run('count', cells, { signal: abort.signal })
  const started = Atomics.waitAsync(cells, 0, 0)
  await started.value
  abort.abort('enough')
  await expect(call).rejects.toBe('enough')
  expect(workersEnding()).toBe(1)
  expect(await pool.run('double', 4)).toBe(8)
  expect(cells[2]).toBe(0)
  Atomics.store(cells, 1, 1)
  Atomics.notify(cells, 1)
  await expect.poll(workersEnding, { timeout: 15_000 }).toBe(0)
  expect(cells[2]).toBe(1)
})

test('a gentle pool replaces a thread that dies', async () => {
  const pool = createPool({ url, tasks, threads: 1, apart: true, gentle: true })
  pools.push(pool)
  await expect(pool.run('leave', undefined)).rejects.toMatchObject({ code: 'PITH_INTERNAL' })
  expect(await pool.run('double', 3)).toBe(6)
})
