import { concatBytes, equalBytes, isPithError, MemorySink, toSource } from '@pith/core'
import { createContainer, openContainer, repack, repair, verify } from '@pith/core/container'
import { afterAll, describe, expect, test } from 'vitest'
import { sampleLog } from '../../test/log-inputs.ts'
import { decompressLog, openLog } from './api.ts'
import { openLogFile } from './log-file.ts'
import { type LogzipOptions, logzipCodec } from './logzip.ts'
import type { LogReader } from './reader.ts'

const open: LogReader[] = []
afterAll(async () => {
  for (const reader of open) await reader.close()
})

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of stream) parts.push(part)
  return concatBytes(parts)
}

/** Lines whose chunks have columns, ids and texts in blocks of their own. */
function wideLog(lines: number, noise: number): Uint8Array {
  const parts: string[] = []
  let state = 7
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8
  const word = (): string => Array.from({ length: noise }, () => next().toString(36)).join('')
  const start = Date.UTC(2024, 0, 1)
  for (let i = 0; i < lines; i++) {
    const time = new Date(start + i * 1000).toISOString().slice(0, 19).replace('T', ' ')
    const odd = next() % 3 === 0
    parts.push(
      odd
        ? `${time} user ${next() % 50} opened ${word()} from 10.0.${next() % 256}.${next() % 256}\n`
        : `${time} request ${next()} took ${next() % 1000} ms path /a${word()}\n`,
    )
  }
  return new TextEncoder().encode(parts.join(''))
}

/** A file with chunks of its own for all blocks, however small. */
async function pack(log: Uint8Array, options: LogzipOptions): Promise<Uint8Array> {
  const sink = new MemorySink()
  const container = createContainer(sink, { solo: false })
  const entry = await container.entry({ codec: logzipCodec.id, version: logzipCodec.version })
  await logzipCodec.encode(toSource(log), entry, options)
  await entry.finish()
  await container.finish()
  return sink.bytes()
}

async function mend(bytes: Uint8Array): Promise<{ file: Uint8Array; report: Awaited<ReturnType<typeof repair>> }> {
  const sink = new MemorySink()
  const report = await repair(bytes, sink, { codec: async () => logzipCodec })
  return { file: sink.bytes(), report }
}

/** Where each chunk of a log starts and ends among its bytes, from the rows of its file. */
async function chunkEnds(file: Uint8Array): Promise<number[]> {
  const container = await openContainer(file)
  const entry = (await container.entry(1))!
  const ends = [0]
  for (const { rawBytes } of await entry.blocks('chunk')) ends.push(ends.at(-1)! + rawBytes)
  return ends
}

/** The repaired file is sound, says the lines that it has, and finds them. */
async function expectSound(level: string, file: Uint8Array, expected: Uint8Array): Promise<void> {
  expect((await verify(file)).ok).toBe(true)
  expect(equalBytes(await collect(decompressLog(file)), expected)).toBe(true)
  const reader = await openLog(file)
  open.push(reader)
  // Decoding is slow there, and the rest is the same.
  if (level === 'max') return
  const lines = new TextDecoder().decode(expected).split('\n')
  if (lines.at(-1) === '') lines.pop()
  expect(reader.lines).toBe(lines.length)
  const found: [number, string][] = []
  for await (const { lines: numbers, bytes, offsets } of reader.grep({ patterns: ['opened'], fixed: true })) {
    for (const [i, line] of numbers.entries()) {
      found.push([line, new TextDecoder().decode(bytes.subarray(offsets[i], offsets[i + 1]! - 1))])
    }
  }
  const wanted = lines.flatMap((line, i): [number, string][] => (line.includes('opened') ? [[i, line]] : []))
  expect(found).toEqual(wanted)
  if (lines.length > 0) {
    const time = (line: string): number => Date.parse(`${line.slice(0, 19).replace(' ', 'T')}Z`)
    expect(reader.times).toMatchObject({ first: time(lines[0]!), last: time(lines.at(-1)!) })
    const middle = lines[lines.length >> 1]!
    const query = { patterns: [''], since: time(middle), until: time(middle) }
    expect(await reader.count(query)).toBe(lines.filter((line) => line.startsWith(middle.slice(0, 19))).length)
  }
}

describe.each(['fast', 'default', 'max'] as const)('repair of a log at level %s', (level) => {
  const log = wideLog(level === 'max' ? 1100 : 5500, level === 'max' ? 12 : 2)
  const chunkBytes = level === 'max' ? 64_000 : 2 ** 18
  const tries = level === 'fast' ? 12 : level === 'default' ? 8 : 2
  const packed = pack(log, { level, chunkBytes })

  test('a cut file decodes up to the last whole chunk', async () => {
    const file = await packed
    const ends = await chunkEnds(file)
    expect(ends.length).toBeGreaterThan(2)
    const sections = await (await (await openContainer(file)).entry(1))!.sections()
    expect(sections.toSorted()).toEqual(['chunk', 'columns', 'ids', 'texts'])
    const kept = new Set<number>()
    for (let i = 1; i <= tries; i++) {
      const cut = file.subarray(0, Math.floor((file.length * i) / (tries + 1)))
      const mended = await mend(cut)
      const length = mended.report.totals.rawBytes
      expect(ends).toContain(length)
      kept.add(length)
      expect(mended.report.isCut).toBe(true)
      await expectSound(level, mended.file, log.subarray(0, length))
    }
    expect(kept.size).toBeGreaterThan(1)
  })

  test('a flipped byte costs its chunk, which is named, and no other', async () => {
    const file = await packed
    const ends = await chunkEnds(file)
    const lost = new Set<number>()
    for (let i = 1; i <= tries; i++) {
      const broken = file.slice()
      broken[Math.floor((file.length * i) / (tries + 1))]! ^= 4
      const { file: mended, report } = await mend(broken)
      const chunk = report.lost.find(({ what }) => what.startsWith('chunk '))
      if (chunk === undefined) {
        // The profile, the summary or a frame.
        expect(report.lost.length).toBeLessThan(3)
        continue
      }
      const number = Number(/^chunk (\d+)/.exec(chunk.what)![1])
      lost.add(number)
      const [from, to] = [ends[number]!, ends[number + 1]!]
      expect(chunk.rawBytes).toBe(to - from)
      const before = log.subarray(0, from).reduce((sum, c) => sum + (c === 10 ? 1 : 0), 0)
      const inside = log.subarray(from, to).reduce((sum, c) => sum + (c === 10 ? 1 : 0), 0)
      expect(chunk.keys).toEqual([before, before + inside])
      expect(report.totals.rawBytes).toBe(log.length - (to - from))
      await expectSound(level, mended, concatBytes([log.subarray(0, from), log.subarray(to)]))
    }
    expect(lost.size).toBe(ends.length - 1)
  })

  test('a sound file stays as it is', async () => {
    const file = await packed
    const { file: mended, report } = await mend(file)
    expect(report).toMatchObject({ lost: [], isCut: false })
    const sink = new MemorySink()
    await repack(file, sink)
    expect(equalBytes(mended, sink.bytes())).toBe(true)
  })
})

test('without its profile nothing of a log is kept that does not decode', async () => {
  const log = sampleLog(2000)
  const file = await pack(log, { level: 'fast', chunkBytes: 8192 })
  const at = file.findIndex((_, i) => String.fromCharCode(...file.subarray(i, i + 4)) === 'PROF')
  const broken = file.slice()
  broken[at + 60]! ^= 1
  const { file: mended, report } = await mend(broken)
  expect(report.lost.length).toBeGreaterThan(0)
  const kept = await collect(decompressLog(mended))
  expect(kept.length).toBe(report.totals.rawBytes)
})

test('a cut file gives a typed error, or what its last commit holds', async () => {
  const file = await pack(sampleLog(3000), { level: 'fast', chunkBytes: 8192 })
  for (let i = 1; i < 20; i++) {
    const reading = collect(decompressLog(file.subarray(0, Math.floor((file.length * i) / 20))))
    await reading.catch((error: unknown) => expect(isPithError(error)).toBe(true))
  }
})

test('a log that was flushed again and again, and cut anywhere, is repaired to what it begins with', async () => {
  const log = sampleLog(1500)
  const sink = new MemorySink()
  const writer = await openLogFile(sink, { level: 'fast', chunkBytes: 8192 })
  for (let i = 0; i < 60; i++) {
    await writer.write(log.subarray((log.length * i) / 60, (log.length * (i + 1)) / 60))
    await writer.flush()
  }
  await writer.close()
  const file = sink.bytes()
  const lengths = new Set<number>()
  for (let i = 1; i < 60; i++) {
    const cut = file.subarray(0, Math.floor((file.length * i) / 60))
    const { file: mended, report } = await mend(cut)
    const kept = await collect(decompressLog(mended))
    expect(kept.length).toBe(report.totals.rawBytes)
    expect(equalBytes(kept, log.subarray(0, kept.length))).toBe(true)
    lengths.add(kept.length)
    const reader = await openLog(mended)
    open.push(reader)
    const ends = kept.reduce((sum, byte) => sum + (byte === 10 ? 1 : 0), 0)
    expect(reader.lines).toBe(kept.length > 0 && kept.at(-1) !== 10 ? ends + 1 : ends)
    // What was repaired grows on.
    if (i % 20 !== 0) continue
    const grown = new MemorySink()
    await grown.write(mended)
    const again = await openLogFile(grown, { level: 'fast', chunkBytes: 8192 })
    await again.write(log.subarray(kept.length))
    await again.close()
    expect(equalBytes(await collect(decompressLog(grown.bytes())), log)).toBe(true)
  }
  expect(lengths.size).toBeGreaterThan(10)
})
