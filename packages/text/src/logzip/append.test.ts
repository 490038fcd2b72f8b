import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { concatBytes, isPithError, MemorySink } from '@pith/core'
import { createContainer, openContainer, repack, verify } from '@pith/core/container'
import { fileSink } from '@pith/core/node'
import { tryEveryFault } from '@pith/core/node/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bytes, sampleLog } from '../../test/log-inputs.ts'
import { compressLog, decompressLog, openLog } from './api.ts'
import { type LogFile, openLogFile } from './log-file.ts'

const LEVEL = { level: 'fast' } as const

/** A file in memory with every state that a reader may have met. */
class ObservedFile extends MemorySink {
  readonly states: Uint8Array[] = []
  written: number = 0

  override async writeAt(offset: number, data: Uint8Array): Promise<void> {
    await super.writeAt(offset, data)
    this.written += data.length
    this.states.push(this.bytes())
  }

  override async truncate(size: number): Promise<void> {
    await super.truncate(size)
    this.states.push(this.bytes())
  }
}

async function fileOf(content: Uint8Array): Promise<ObservedFile> {
  const file = new ObservedFile()
  if (content.length > 0) await file.write(content)
  return file
}

async function all(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const piece of pieces) parts.push(piece)
  return concatBytes(parts)
}

/** What a reader of the file gets; undefined before the first commit. */
async function content(file: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    return await all(decompressLog(file))
  } catch (error) {
    if (isPithError(error, 'PITH_TRUNCATED')) return undefined
    throw error
  }
}

async function oneShot(log: Uint8Array, options: object = LEVEL): Promise<Uint8Array> {
  return await all(compressLog(log, options))
}

/** Write parts of equal length with a flush behind each. */
async function flushed(file: MemorySink, log: Uint8Array, times: number, options: object = LEVEL): Promise<LogFile> {
  const writer = await openLogFile(file, options)
  for (let i = 0; i < times; i++) {
    await writer.write(log.subarray((log.length * i) / times, (log.length * (i + 1)) / times))
    await writer.flush()
  }
  return writer
}

describe('a log that grows', () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('lines' as const), count: fc.integer({ min: 1, max: 60 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('bytes' as const), count: fc.integer({ min: 0, max: 5000 }) }),
    },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('flush' as const), count: fc.constant(0) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constantFrom('reopen' as const, 'kill' as const), count: fc.constant(0) }),
    },
  )

  test('is what was written, at every commit, however it is cut, reopened and killed', async () => {
    const log = sampleLog(8000, 7)
    const run = async (steps: { kind: string; count: number }[], chunkBytes: number): Promise<void> => {
      const options = { ...LEVEL, chunkBytes }
      let file = new MemorySink()
      let writer = await openLogFile(file, options)
      let taken = 0
      let expected = new Uint8Array(0)
      let durable = 0
      for (const { kind, count } of steps) {
        if (kind === 'lines' || kind === 'bytes') {
          let end = Math.min(log.length, taken + (kind === 'bytes' ? count : count * 80))
          if (kind === 'lines') end = log.indexOf(10, end) + 1 || log.length
          await writer.write(log.subarray(taken, end))
          expected = concatBytes([expected, log.subarray(taken, end)])
          taken = end
          continue
        }
        if (kind === 'flush') {
          const waits = await writer.flush()
          // Bytes that are durable stay so, whatever line end comes behind them.
          durable = waits ? Math.max(durable, expected.lastIndexOf(10) + 1) : expected.length
        } else if (kind === 'reopen') {
          await writer.close()
          durable = expected.length
          file = await fileOf(file.bytes())
          writer = await openLogFile(file, options)
        } else {
          file = await fileOf(file.bytes())
          expected = expected.slice(0, durable)
          writer = await openLogFile(file, options)
        }
        const got = (await content(file.bytes())) ?? new Uint8Array(0)
        // A seal makes what it needs durable on its own, so there may be more than the last flush asked for.
        expect(got.length).toBeGreaterThanOrEqual(durable)
        if (kind === 'kill') {
          expected = got.slice()
          durable = got.length
          taken = Math.max(taken, got.length)
        } else expect(expected.subarray(0, got.length)).toEqual(got)
        if (kind !== 'kill') expect(got.length).toBe(durable)
      }
      await writer.close()
      expect(await content(file.bytes())).toEqual(expected)
      expect((await verify(file.bytes())).ok).toBe(true)
    }
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.constantFrom(4096, 20_000, 1 << 23), run), {
      numRuns: 40,
    })
  })

  test('is nearly as small as in one go, before its end and behind it', async () => {
    const log = sampleLog(2000, 3)
    const once = (await oneShot(log)).length
    const file = new ObservedFile()
    const writer = await flushed(file, log, 200)
    expect(file.size / once).toBeLessThan(1.5)
    const packed = new MemorySink()
    await repack(file.bytes(), packed)
    expect(await content(packed.bytes())).toEqual(log)
    await writer.close()
    expect(file.size / once).toBeLessThan(1.03)
    expect((await openContainer(file.bytes())).totals.blocks).toBeLessThan(8)
  })

  test.each([2, 3, 5, 10, 17, 30])('%i flushes leave nothing behind that is not used', async (times) => {
    const log = sampleLog(1500, 12)
    const once = (await oneShot(log)).length
    const file = new ObservedFile()
    const writer = await flushed(file, log, times)
    expect(file.size / once).toBeLessThan(1.5)
    let last = 0
    for (const state of file.states) {
      const got = await content(state)
      expect(log.subarray(0, got?.length ?? 0)).toEqual(got ?? new Uint8Array(0))
      expect(got?.length ?? 0).toBeGreaterThanOrEqual(last)
      last = got?.length ?? 0
    }
    await writer.close()
    expect(file.size / once).toBeLessThan(1.1)
    expect(await content(file.bytes())).toEqual(log)
    expect((await verify(file.bytes())).bad).toEqual([])
  })

  test('writes bytes in proportion to what comes in', async () => {
    const log = sampleLog(2400, 5)
    const written = async (times: number): Promise<number> => {
      const file = new ObservedFile()
      await flushed(file, log.subarray(0, (log.length * times) / 240), times)
      return file.written
    }
    expect(await written(240)).toBeLessThan(2.6 * (await written(120)))
  })

  test('opened again for each line, is not coded anew each time', async () => {
    const log = sampleLog(2200, 6)
    let file = await fileOf(await oneShot(log.subarray(0, log.length >> 1)))
    const packed = new MemorySink()
    await repack(file.bytes(), packed, { solo: false })
    file = await fileOf(packed.bytes())
    const before = file.written
    const chunked = file.size
    let at = log.length >> 1
    for (let i = 0; i < 40; i++) {
      const end = log.indexOf(10, at) + 1
      const writer = await openLogFile(
        (file = Object.assign(await fileOf(file.bytes()), { written: file.written })),
        LEVEL,
      )
      await writer.write(log.subarray(at, end))
      await writer.close()
      at = end
    }
    expect(await content(file.bytes())).toEqual(log.subarray(0, at))
    expect(file.written - before).toBeLessThan(4 * chunked)
  })

  test('goes on where one go ended: one chunk, several, none', async () => {
    const log = sampleLog(3000, 8)
    for (const [cut, chunkBytes] of [
      [1000, 1 << 23],
      [100_000, 4096],
      [0, 4096],
    ] as const) {
      const start = await oneShot(log.subarray(0, cut), { ...LEVEL, chunkBytes })
      const file = await fileOf(start)
      const writer = await openLogFile(file, { ...LEVEL, chunkBytes })
      await writer.write(log.subarray(cut))
      await writer.close()
      expect(await content(file.bytes())).toEqual(log)
    }
  })

  test('finds lines by number and by time while it grows', async () => {
    const log = sampleLog(1500, 9)
    const lines = new TextDecoder('latin1').decode(log).split('\n')
    let file = new MemorySink()
    let taken = 0
    for (const part of [0, 1, 2]) {
      // The second opening replaces chunks that the summary of the first one knows.
      const writer = await openLogFile((file = await fileOf(file.bytes())), { ...LEVEL, chunkBytes: 1 << 18 })
      for (let i = 0; i < 5; i++) {
        const end = log.indexOf(10, (log.length * (part * 5 + i + 1)) / 15 - 1) + 1
        await writer.write(log.subarray(taken, end))
        taken = end
        await writer.flush()
        const reader = await openLog(file.bytes())
        const middle = reader.lines >> 1
        const got = await all(reader.read(middle, middle + 2))
        expect(new TextDecoder('latin1').decode(got)).toBe(`${lines[middle]}\n${lines[middle + 1]}\n`)
        const every = await reader.count({ patterns: [''], fixed: true })
        expect(every).toBe(reader.lines)
        const whole = await openLog(await oneShot(log.subarray(0, taken)))
        const { first = 0, last = 0 } = whole.times ?? {}
        for (const since of [0.25, 0.6, 0.8]
          .map((part) => first + (last - first) * part)
          .concat(last - (last - first) / 50)) {
          const query = { patterns: [''], fixed: true, since }
          expect(await reader.count(query)).toBe(await whole.count(query))
        }
        await whole.close()
        await reader.close()
      }
      await writer.close()
    }
  })

  test('writes an unfinished line when the second flush finds no end of it', async () => {
    const file = new MemorySink()
    const writer = await openLogFile(file, LEVEL)
    await writer.write(bytes('one\ntw'))
    expect(await writer.flush()).toBe(true)
    expect(await content(file.bytes())).toEqual(bytes('one\n'))
    await writer.write(bytes('o\nthr'))
    expect(await writer.flush()).toBe(true)
    expect(await content(file.bytes())).toEqual(bytes('one\ntwo\n'))
    expect(await writer.flush()).toBe(false)
    expect(await content(file.bytes())).toEqual(bytes('one\ntwo\nthr'))
    await writer.write(bytes('ee\n'))
    expect(await writer.flush()).toBe(false)
    const reader = await openLog(file.bytes())
    expect([reader.lines, await all(reader.read(2, 3))]).toEqual([3, bytes('three\n')])
    await reader.close()
    await writer.close()
    expect(await content(file.bytes())).toEqual(bytes('one\ntwo\nthree\n'))
  })

  test('keeps an unfinished line that was made durable when the chunk before it is sealed', async () => {
    const file = new ObservedFile()
    const writer = await openLogFile(file, { ...LEVEL, chunkBytes: 4096 })
    const lines = sampleLog(100, 2)
    const whole = lines.subarray(0, lines.lastIndexOf(10, 3500) + 1)
    const log = concatBytes([whole, bytes('x'.repeat(1200)), bytes('\nend\n')])
    await writer.write(log.subarray(0, whole.length + 300))
    await writer.flush()
    await writer.flush()
    expect(await content(file.bytes())).toEqual(log.subarray(0, whole.length + 300))
    file.states.length = 0
    await writer.write(log.subarray(whole.length + 300))
    await writer.flush()
    for (const state of file.states) {
      const got = (await content(state)) as Uint8Array
      expect(got.length).toBeGreaterThanOrEqual(whole.length + 300)
      expect(got).toEqual(log.subarray(0, got.length))
    }
    await writer.close()
    expect(await content(file.bytes())).toEqual(log)
  })

  test('takes one line that is longer than a chunk, and any bytes', async () => {
    const log = concatBytes([new Uint8Array(30_000).fill(65), bytes('\n\0\xff\r\n'), new Uint8Array(9000).fill(0)])
    const file = new MemorySink()
    const writer = await flushed(file, log, 20, { ...LEVEL, chunkBytes: 4096 })
    await writer.close()
    expect(await content(file.bytes())).toEqual(log)
  })

  test('an empty log stays one', async () => {
    const file = new MemorySink()
    await (await openLogFile(file)).close()
    expect(await content(file.bytes())).toEqual(new Uint8Array(0))
    await (await openLogFile(await fileOf(file.bytes()))).close()
  })

  test('refuses what is no log, options out of range, and calls behind its end', async () => {
    const other = new MemorySink()
    const container = createContainer(other, { solo: false })
    await (await container.entry({ codec: 'general' })).finish()
    await container.finish()
    await expect(openLogFile(await fileOf(other.bytes()))).rejects.toMatchObject({ code: 'PITH_UNSUPPORTED' })
    await expect(openLogFile(new MemorySink(), { chunkBytes: 1 })).rejects.toMatchObject({ code: 'PITH_ARG' })
    const writer = await openLogFile(new MemorySink())
    await writer.close()
    await expect(writer.write(bytes('x'))).rejects.toMatchObject({ code: 'PITH_ARG' })
    const cancelled = new AbortController()
    const stopped = await openLogFile(new MemorySink(), { signal: cancelled.signal })
    cancelled.abort(new Error('enough'))
    await expect(stopped.write(bytes('x'))).rejects.toThrow('enough')
    await stopped.abort()
  })
})

describe('a crash', () => {
  const log = sampleLog(500, 4)

  test('at any operation and any byte of the end leaves one of the commits', async () => {
    const file = new ObservedFile()
    const writer = await flushed(file, log, 24, { ...LEVEL, chunkBytes: 1 << 15 })
    await writer.close()
    let last = 0
    // What a reader meets at any time, and what a crash of the program leaves.
    for (const state of file.states) {
      const got = await content(state)
      if (got === undefined) continue
      expect(got.length).toBeGreaterThanOrEqual(last)
      expect(got).toEqual(log.subarray(0, got.length))
      last = got.length
    }
    expect(last).toBe(log.length)
  })

  test('a file cut at any byte is an earlier commit', async () => {
    const file = new MemorySink()
    const writer = await openLogFile(file, LEVEL)
    const sizes = [0]
    for (let i = 0; i < 4; i++) {
      await writer.write(log.subarray(i * 300, i * 300 + 300))
      await writer.flush()
      sizes.push(((await content(file.bytes())) as Uint8Array).length)
    }
    const whole = file.bytes()
    const seen = new Set<number>()
    for (let length = whole.length; length >= 0; length--) {
      const got = await content(whole.subarray(0, length)).catch((error: unknown) => {
        if (isPithError(error) && length < 16) return undefined
        throw error
      })
      if (got === undefined) continue
      seen.add(got.length)
      expect(got).toEqual(log.subarray(0, got.length))
    }
    expect([...seen].reverse()).toEqual(sizes)
    await writer.close()
  })

  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pith-append-'))
  })
  afterAll(async () => {
    await rm(folder, { recursive: true })
  })

  test('or a failure in any write, sync or cut leaves the last commit', async () => {
    const path = join(folder, 'app.log.pith')
    const START = log.indexOf(10, 1000) + 1
    const start = new MemorySink()
    await flushed(start, log.subarray(0, START), 7)
    let committed = START
    let taken = START
    const tried = await tryEveryFault(
      async () => {
        for (const name of await readdir(folder)) await rm(join(folder, name))
        await writeFile(path, start.bytes())
        committed = START
        taken = START
      },
      async (files) => {
        const writer = await openLogFile(await fileSink(path, { files }), LEVEL)
        try {
          for (let i = 1; i <= 3; i++) {
            const end = START + i * 200
            taken = end
            await writer.write(log.subarray(end - 200, end))
            if (!(await writer.flush())) committed = end
            else committed = Math.max(committed, log.subarray(0, end).lastIndexOf(10) + 1)
          }
          await writer.close()
          committed = taken
        } catch (error) {
          await writer.abort(error).catch(() => {})
          throw error
        }
      },
      async () => {
        const got = (await content(await readFile(path))) as Uint8Array
        expect(got.length).toBeGreaterThanOrEqual(committed)
        expect(got.length).toBeLessThanOrEqual(taken)
        expect(got).toEqual(log.subarray(0, got.length))
      },
    )
    expect(tried).toBeGreaterThan(30)
  })

  test('two writers: the second is refused', async () => {
    const path = join(folder, 'two.pith')
    const writer = await openLogFile(await fileSink(path, { mode: 'create' }), LEVEL)
    await expect(fileSink(path)).rejects.toMatchObject({ code: 'PITH_LOCKED' })
    await writer.close()
    await (await openLogFile(await fileSink(path), LEVEL)).close()
  })
})
