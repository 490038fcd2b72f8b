import { type Limits, MemorySink, type Run, toSource } from '@pith/core'
import { createContainer, openContainer } from '@pith/core/container'
import { describe, expect, test } from 'vitest'
import { sampleLog } from '../../test/log-inputs.ts'
import { openLog } from './api.ts'
import { LogAppender } from './append.ts'
import { chunkWithin, codingBytes, decodingBytes, poolOf } from './log-pool.ts'
import { type LogzipOptions, logzipCodec } from './logzip.ts'

const LOG = sampleLog(6000)
const limits = (memoryBytes: number): { limits: Partial<Limits> } => ({ limits: { memoryBytes } })

async function packed(options: LogzipOptions & Run): Promise<Uint8Array> {
  const sink = new MemorySink()
  const container = createContainer(sink)
  const entry = await container.entry({ codec: 'logzip', version: 1 })
  await logzipCodec.encode(toSource(LOG), entry, { level: 'fast', ...options })
  await entry.finish()
  await container.finish()
  return sink.bytes()
}

async function decoded(bytes: Uint8Array, run: Run): Promise<Uint8Array> {
  const container = await openContainer(bytes, run.limits === undefined ? {} : { limits: run.limits })
  const sink = new MemorySink()
  for await (const entry of container.entries())
    for await (const part of logzipCodec.decode(entry, run)) await sink.write(part)
  return sink.bytes()
}

describe('the limit memoryBytes', () => {
  test('makes chunks smaller, and what comes back is the same', async () => {
    const small = await packed(limits(codingBytes('fast', 65536)))
    const log = await openLog(small)
    expect(log.stats.chunks).toBeGreaterThan(LOG.length / 65536)
    await log.close()
    expect(await decoded(small, {})).toEqual(LOG)
    expect(await packed({ ...limits(codingBytes('fast', 65536)), threads: 2 })).toEqual(small)
  })

  test('refuses chunks that were asked for and do not fit, and any where none fits', async () => {
    for (const options of [{ chunkBytes: 65536, ...limits(500_000) }, limits(1000)]) {
      await expect(packed(options)).rejects.toMatchObject({ code: 'PITH_LIMIT' })
    }
    expect(() => chunkWithin(limits(1000), 'max', undefined, 2 ** 23)).toThrow(/the limit memoryBytes is 1000/)
  })

  test('refuses to decode a chunk that is larger than it', async () => {
    const whole = await packed({})
    expect(await decoded(whole, limits(decodingBytes(LOG.length)))).toEqual(LOG)
    await expect(decoded(whole, limits(LOG.length))).rejects.toMatchObject({
      code: 'PITH_LIMIT',
      message: expect.stringMatching(/a chunk needs \d+, the limit memoryBytes is/),
    })
  })

  test('bounds what a chunk takes while it is decoded, whatever it declares', async () => {
    const pool = poolOf(limits(200_000), { needed: 1 })
    const container = await openContainer(await packed({}))
    for await (const entry of container.entries()) {
      const blocks: { section: string; payload: Uint8Array }[] = []
      for (const section of await entry.sections())
        for (const row of await entry.blocks(section)) blocks.push({ section, payload: await entry.read(row) })
      await expect(pool.run('decode', { blocks, prior: undefined })).rejects.toMatchObject({ code: 'PITH_LIMIT' })
    }
    await pool.close()
  })

  test('starts as many threads as it has room for', async () => {
    for (const [memoryBytes, threads] of [
      [100, 1],
      [1000, 1],
      [3000, 3],
      [9000, 4],
    ] as const) {
      const pool = poolOf({ threads: 4, ...limits(memoryBytes) }, { needed: 1000 })
      expect(pool.threads).toBe(threads)
      await pool.close()
    }
  })
})

test('a source that is appended as a whole gives the bytes of single writes, with any number of threads', async () => {
  const grow = async (run: Run, add: (log: LogAppender) => Promise<void>): Promise<Uint8Array> => {
    const file = new MemorySink()
    const container = createContainer(file, { solo: false })
    const entry = await container.entry({ codec: 'logzip', version: 1 })
    const log = await LogAppender.open(entry, { level: 'fast', chunkBytes: 16384, ...run })
    await log.write(LOG.subarray(0, 5000))
    await log.flush()
    await add(log)
    await log.close()
    await entry.finish()
    await container.finish()
    return file.bytes()
  }
  const reports: number[] = []
  const written = await grow({}, (log) => log.write(LOG))
  for (const threads of [1, 2]) {
    const run: Run = { threads, onProgress: ({ done }) => void reports.push(done) }
    expect(await grow(run, (log) => log.writeAll(toSource(LOG)))).toEqual(written)
  }
  expect(reports).toContain(LOG.length)
})
