import { readFileSync } from 'node:fs'
import { workersEnding } from '@pith/core/workers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ops } from '../array/index.ts'
import { jit } from '../array/jit.ts'
import { trace } from '../array/trace.ts'
import { f32, i64, Tensor } from '../tensor.ts'
import type { Session } from './backend.ts'
import { compile } from './compile.ts'
import { openWorkers, type WorkerBackend, type WorkersOptions } from './workers.ts'

const backends: WorkerBackend[] = []

async function open(options: WorkersOptions = {}): Promise<WorkerBackend> {
  const backend = await openWorkers(options)
  backends.push(backend)
  return backend
}

afterAll(async () => {
  await Promise.all(backends.map((backend) => backend.close()))
  expect(workersEnding()).toBe(0)
})

/** A long run: a matrix to a power. */
function powers(backend: WorkerBackend, n: number, times: number): Promise<Session> {
  const { outputs } = trace(
    ({ x }) => {
      let y = x as NonNullable<typeof x>
      for (let i = 0; i < times; i++) y = ops.matmul(y, x!)
      return { y }
    },
    { x: f32(n, n) },
  )
  return compile(outputs, { backend })
}

const childrenOfThread = (): number[] =>
  (readFileSync('/proc/thread-self/children', 'utf8').match(/\d+/g) ?? []).map(Number)

const eye = (n: number): Tensor =>
  new Tensor(
    Float32Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
    [n, n],
  )

describe.each(['thread', 'process'] as const)('sessions in a worker: %s', (mode) => {
  let backend: WorkerBackend
  beforeAll(async () => {
    backend = await open({ mode, workers: 2 })
  })

  test('give what they give here, also into given tensors and for views of larger arrays', async () => {
    expect(backend).toMatchObject({ name: 'ort-node', notes: [] })
    const run = jit(({ x, i }) => ({ y: ops.mul(x!, 2), j: ops.add(i!, i!) }), { backend })
    const part = new Tensor(new Float32Array([9, 1, 2, 3]).subarray(1), [3])
    const i = new Tensor(BigInt64Array.of(1n, -5n))
    const place = Tensor.zeros([3])
    const results = await Promise.all(
      Array.from({ length: 5 }, (_, at) => run({ x: part, i }, at === 0 ? { y: place } : {})),
    )
    for (const { y, j } of results)
      expect([y?.data, j?.data]).toEqual([Float32Array.of(2, 4, 6), BigInt64Array.of(2n, -10n)])
    expect(results[0]?.['y']).toBe(place)
    expect([part.data, i.data.length]).toEqual([Float32Array.of(1, 2, 3), 2])
    expect(backend.stats()).toEqual({ workers: 2, busy: 0, waiting: 0, sessions: 1 })
    await run.dispose()
    expect(backend.stats().sessions).toBe(0)
  })

  test('refuse with the same errors as here', async () => {
    const session = await compile(trace(({ x }) => ({ y: ops.tanh(x!) }), { x: f32(2) }).outputs, { backend })
    const x = Tensor.zeros([2])
    await expect(session.run({ x: Tensor.zeros([3]) })).rejects.toMatchObject({ code: 'PITH_SHAPE' })
    await expect(session.run({})).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(session.run({ x }, { z: x })).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(session.run({ x }, { y: Tensor.zeros([3]) })).rejects.toMatchObject({ code: 'PITH_SHAPE' })
    await expect(session.run({ x }, { y: Tensor.zeros([2], 'f64') })).rejects.toMatchObject({ code: 'PITH_DTYPE' })
    await expect(backend.create(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: 'PITH_MODEL' })
    expect((await session.run({ x }))['y']?.shape).toEqual([2])
    await session.dispose()
    await expect(session.run({ x })).rejects.toMatchObject({ code: 'PITH_ARG' })
  })

  test('a run that is given up rejects with the reason, and the next one is done by another worker', async () => {
    const session = await powers(backend, 256, 60)
    const abort = new AbortController()
    const reason = { why: 'enough' }
    const long = session.run({ x: eye(256) }, {}, { signal: abort.signal })
    const other = session.run({ x: eye(256) }, {}, { signal: abort.signal })
    const waiting = session.run({ x: eye(256) }, {}, { signal: abort.signal })
    expect(backend.stats()).toMatchObject({ busy: 2, waiting: 1 })
    abort.abort(reason)
    await Promise.all([long, other, waiting].map((run) => expect(run).rejects.toBe(reason)))
    expect(backend.stats()).toMatchObject({ busy: 0, waiting: 0 })
    await expect(session.run({ x: eye(256) }, {}, { signal: abort.signal })).rejects.toBe(reason)
    const { y } = await session.run({ x: eye(256) })
    expect(y?.data[0]).toBeCloseTo(1, 2)
    await expect.poll(workersEnding, { timeout: 15_000 }).toBe(0)
  })
})

test('a worker that dies rejects its run, and another one does the next', async () => {
  const before = childrenOfThread()
  const backend = await open({ mode: 'process' })
  const session = await powers(backend, 256, 60)
  const run = expect(session.run({ x: eye(256) })).rejects.toMatchObject({ code: 'PITH_INTERNAL' })
  for (const pid of childrenOfThread().filter((own) => !before.includes(own))) process.kill(pid, 'SIGKILL')
  await run
  expect((await session.run({ x: eye(256) }))['y']?.shape).toEqual([256, 256])
})

test('a call that waits for a worker can be given up, and the next in line has it', async () => {
  const backend = await open()
  const session = await powers(backend, 128, 30)
  const abort = new AbortController()
  const first = session.run({ x: eye(128) })
  const second = session.run({ x: eye(128) }, {}, { signal: abort.signal })
  const third = session.run({ x: eye(128) })
  expect(backend.stats()).toMatchObject({ busy: 1, waiting: 2 })
  abort.abort('enough')
  await expect(second).rejects.toBe('enough')
  expect([(await first)['y']?.shape, (await third)['y']?.shape]).toEqual([
    [128, 128],
    [128, 128],
  ])
})

test('closing ends the workers and what they do', async () => {
  const backend = await openWorkers()
  const session = await powers(backend, 256, 60)
  const run = expect(session.run({ x: eye(256) })).rejects.toMatchObject({ code: 'PITH_ARG' })
  await backend.close()
  await run
  await expect(session.run({ x: eye(256) })).rejects.toMatchObject({ code: 'PITH_ARG' })
  await session.dispose()
})

test('models beyond the memory that is allowed are refused, and numbers of workers', async () => {
  const backend = await open({ limits: { memoryBytes: 400 } })
  const { outputs } = trace(({ x }) => ({ y: ops.add(x!, x!) }), { x: i64(2) })
  const model = compile(outputs, { backend })
  await expect(
    model.then((session) => backend.create(new Uint8Array(300)).finally(() => session.dispose())),
  ).rejects.toMatchObject({
    code: 'PITH_LIMIT',
  })
  for (const workers of [0, 1.5, 65]) await expect(openWorkers({ workers })).rejects.toMatchObject({ code: 'PITH_ARG' })
})

test('WebAssembly runs in workers as well', async () => {
  const backend = await open({ runtime: { prefer: 'wasm' } })
  const session = await compile(trace(({ x }) => ({ y: ops.mul(x!, 3) }), { x: f32(2) }).outputs, { backend })
  expect(backend.name).toBe('ort-web')
  expect((await session.run({ x: new Tensor(Float32Array.of(1, 2), [2]) }))['y']?.data).toEqual(Float32Array.of(3, 6))
})
