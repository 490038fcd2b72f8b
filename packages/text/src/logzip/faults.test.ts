import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { equalBytes, isPithError } from '@pith/core'
import { atomicFile } from '@pith/core/node'
import { faultyFiles, tryEveryFault } from '@pith/core/node/testing'
import { collectBytes, noiseBytes } from '@pith/core/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sampleLog } from '../../test/log-inputs.ts'
import { compressLog, decompressLog } from './api.ts'

let folder = ''

beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'pith-faults-'))
})

afterAll(async () => {
  await fs.rm(folder, { recursive: true })
})

type Files = ReturnType<typeof faultyFiles>

/** Write a log over what stands at a path, as the command does. */
async function write(log: Uint8Array, path: string, files?: Files): Promise<void> {
  const sink = await atomicFile(path, { force: true, ...(files === undefined ? {} : { files }) })
  try {
    for await (const piece of compressLog(log, { level: 'fast', chunkBytes: 32_768 })) await sink.write(piece)
    await sink.close()
  } catch (error) {
    await sink.abort(error)
    throw error
  }
}

const read = async (path: string): Promise<Uint8Array> => collectBytes(decompressLog(await fs.readFile(path)))

/** Half a log, half what nothing compresses, so that the file takes several writes. */
function bulkyLog(): Uint8Array {
  const log = sampleLog(2000, 4)
  const whole = new Uint8Array(log.length + 120_000)
  whole.set(log)
  whole.set(noiseBytes(120_000, 8), log.length)
  return whole
}

describe('a log written over another one', () => {
  const old = sampleLog(50, 1)
  const fresh = bulkyLog()

  test('each write, fsync and rename that fails or is the last: the old log or the new one', async () => {
    const path = join(folder, 'app.log.pith')
    let seen = { old: 0, fresh: 0 }
    const tries = await tryEveryFault(
      async () => {
        for (const name of await fs.readdir(folder)) await fs.rm(join(folder, name))
        await write(old, path)
      },
      (files) => write(fresh, path, files as Files),
      async ({ kind, step, error }) => {
        const log = await read(path)
        if (equalBytes(log, old)) seen = { ...seen, old: seen.old + 1 }
        else if (equalBytes(log, fresh)) seen = { ...seen, fresh: seen.fresh + 1 }
        else throw new Error(`${kind} in "${step}" left neither`)
        if (kind === 'kill') return
        expect([undefined, 'PITH_IO']).toContain(isPithError(error) ? error.code : error)
        expect(await fs.readdir(folder)).toEqual(['app.log.pith'])
      },
    )
    expect(tries).toBeGreaterThan(12)
    expect(seen.old).toBeGreaterThan(tries / 2)
    expect(seen.fresh).toBeGreaterThan(0)
  })

  test('a disk that is full at any point leaves the old log and nothing beside it', async () => {
    const path = join(folder, 'full.log.pith')
    await write(old, path)
    for (const capacity of [0, 1, 100, 5000, 60_000, 100_000, 120_000]) {
      const files = faultyFiles({ capacity })
      await expect(write(fresh, path, files)).rejects.toMatchObject({ code: 'PITH_IO' })
      expect(equalBytes(await read(path), old)).toBe(true)
      expect((await fs.readdir(folder)).filter((name) => name.startsWith('full'))).toEqual(['full.log.pith'])
    }
    await write(fresh, path, faultyFiles({ capacity: 2 ** 20 }))
    expect(equalBytes(await read(path), fresh)).toBe(true)
  })
})
