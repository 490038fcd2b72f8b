import { concatBytes, equalBytes } from '@pith/core'
import { HeldEntry } from '@pith/core/testing'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { bytes, type LogRecipe, logRecipes, makeLines, makeLog, SPELLINGS, sampleLog } from '../../test/log-inputs.ts'
import { compressLog, decompressLog, openLog } from './api.ts'
import type { GrepQuery } from './grep.ts'
import { type LogzipOptions, logzipCodec } from './logzip.ts'
import { LogReader } from './reader.ts'

const open: LogReader[] = []

async function readerOf(log: Uint8Array, options: LogzipOptions = {}): Promise<LogReader> {
  const entry = new HeldEntry(logzipCodec)
  await logzipCodec.encode(sourceOf(log), entry, { level: 'fast', chunkBytes: 4096, ...options })
  const reader = await LogReader.open(entry.reader())
  open.push(reader)
  return reader
}

function sourceOf(log: Uint8Array): Parameters<typeof logzipCodec.encode>[0] {
  return {
    size: log.length,
    head: async (length) => log.subarray(0, length),
    async *stream() {
      yield log
    },
  }
}

afterAll(async () => {
  for (const reader of open) await reader.close()
})

/** The lines of a log with their newlines, cut as a person would. */
function linesOf(log: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = []
  let at = 0
  while (at < log.length) {
    const end = log.indexOf(10, at) + 1
    lines.push(log.subarray(at, end === 0 ? log.length : end))
    at = end === 0 ? log.length : end
  }
  return lines
}

const text = (line: Uint8Array): string =>
  Array.from(line, (c) => String.fromCharCode(c))
    .join('')
    .replace(/\n$/, '')

async function hits(reader: LogReader, query: GrepQuery): Promise<[line: number, text: string][]> {
  const found: [number, string][] = []
  for await (const { lines, bytes: all, offsets } of reader.grep(query)) {
    expect(offsets.length).toBe(lines.length + 1)
    for (const [i, line] of lines.entries()) found.push([line, text(all.subarray(offsets[i], offsets[i + 1]))])
  }
  return found
}

function naive(log: Uint8Array, matches: (line: string, number: number) => boolean): [number, string][] {
  return linesOf(log)
    .map((line, i): [number, string] => [i, text(line)])
    .filter(([i, line]) => matches(line, i))
}

const chunkSizes = fc.constantFrom(4096, 5000, 20_000, 2 ** 23)
const recipes = logRecipes(150)

describe('lines', () => {
  test('any range is what the log has there', async () => {
    await fc.assert(
      fc.asyncProperty(recipes, chunkSizes, fc.nat(160), fc.nat(60), async (recipe, chunkBytes, from, count) => {
        const log = makeLog(recipe)
        const reader = await readerOf(log, { chunkBytes })
        const lines = linesOf(log)
        expect([reader.lines, reader.rawBytes]).toEqual([lines.length, log.length])
        const parts: Uint8Array[] = []
        for await (const part of reader.read(from, from + count)) parts.push(part)
        expect(equalBytes(concatBytes(parts), concatBytes(lines.slice(from, from + count)))).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  test('lines longer than a chunk are one line', async () => {
    const long = 'v 1 '.repeat(3000)
    const log = bytes(`a 1\n${long}\nb 2\n${long}${long}\nc 3`)
    const reader = await readerOf(log)
    expect(reader.stats.chunks).toBeGreaterThan(4)
    expect(reader.lines).toBe(5)
    for (const [i, line] of linesOf(log).entries()) {
      const parts: Uint8Array[] = []
      for await (const part of reader.read(i, i + 1)) parts.push(part)
      expect(equalBytes(concatBytes(parts), line)).toBe(true)
    }
    expect(await hits(reader, { patterns: ['1 v'], fixed: true })).toEqual(naive(log, (line) => line.includes('1 v')))
    expect(await hits(reader, { patterns: ['^[abc]'] })).toEqual(naive(log, (line) => /^[abc]/.test(line)))
  })

  test('a range that is none is refused', async () => {
    const reader = await readerOf(bytes('a\n'))
    await expect(reader.read(2, 1).next()).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(reader.read(-1, 1).next()).rejects.toMatchObject({ code: 'PITH_ARG' })
  })
})

describe('search', () => {
  test('fixed strings taken from the log or near it select the same lines as a plain search', async () => {
    await fc.assert(
      fc.asyncProperty(
        recipes,
        chunkSizes,
        fc.nat(1_000_000),
        fc.integer({ min: 1, max: 14 }),
        fc.constantFrom('as is', 'changed', 'inverted', 'caseless'),
        async (recipe, chunkBytes, place, length, how) => {
          const log = makeLog(recipe)
          const at = place % Math.max(1, log.length)
          let pattern = text(log.subarray(at, at + length)).split('\n')[0] as string
          if (how === 'changed') pattern = `${pattern.slice(1)}7`
          if (how === 'caseless') pattern = pattern.replace(/[A-Z]/g, (c) => c.toLowerCase())
          const reader = await readerOf(log, { chunkBytes })
          const found = await hits(reader, {
            patterns: [bytes(pattern)],
            fixed: true,
            invert: how === 'inverted',
            ignoreCase: how === 'caseless',
          })
          const lower = (line: string): string => line.replace(/[A-Z]/g, (c) => c.toLowerCase())
          const expected = naive(log, (line) => {
            const has = how === 'caseless' ? lower(line).includes(lower(pattern)) : line.includes(pattern)
            return has !== (how === 'inverted')
          })
          // A caseless search knows pairs beyond ASCII as well: it may select more, never less.
          if (how === 'caseless' && /[\x80-\xff]/.test(pattern)) expect(found).toEqual(expect.arrayContaining(expected))
          else expect(found).toEqual(expected)
        },
      ),
      { numRuns: 80 },
    )
  })

  test('the carriage return of a CRLF is part of its line', async () => {
    const log = bytes('GET 1\r\nGET 2\nGET 3\r\nPUT x\r\nPUT x\r\n')
    const reader = await readerOf(log)
    for (const pattern of ['\r', 'GET 3\r', 'x\r', '1\r']) {
      const found = await hits(reader, { patterns: [pattern], fixed: true })
      expect(found).toEqual(naive(log, (line) => line.includes(pattern)))
    }
  })

  test('expressions select the same lines as on the plain log', async () => {
    const expressions = [
      '[0-9]{3}',
      '^[0-9]+ ',
      'error|user',
      'port [0-9]*7',
      'o(p|b).*1$',
      '10\\.0\\.[0-3]\\.1',
      '^$',
      'x?',
    ]
    await fc.assert(
      fc.asyncProperty(recipes, chunkSizes, fc.constantFrom(...expressions), async (recipe, chunkBytes, expression) => {
        const log = makeLog(recipe)
        const reader = await readerOf(log, { chunkBytes })
        const regex = new RegExp(expression, 's')
        const found = await hits(reader, { patterns: [expression] })
        expect(found.map(([line]) => line)).toEqual(naive(log, (line) => regex.test(line)).map(([line]) => line))
        expect(await reader.count({ patterns: [expression] })).toBe(found.length)
      }),
      { numRuns: 40 },
    )
  })

  test('no hit reads no column', async () => {
    const log = bytes(
      Array.from({ length: 40_000 }, (_, i) => `port ${(i * 7919) % 65536} try ${(i * i) % 999}\n`).join(''),
    )
    const reader = await readerOf(log, { chunkBytes: 2 ** 23 })
    expect(await reader.count({ patterns: ['no such word'], fixed: true })).toBe(0)
    const { stored, decodedBytes } = reader.stats
    expect(stored['columns']).toBeGreaterThan(0)
    const total = Object.values(stored).reduce((sum, n) => sum + n, 0)
    expect(decodedBytes).toBeLessThan(total * 0.5)
  })
})

describe('times', () => {
  const timed: fc.Arbitrary<LogRecipe> = fc.record({
    seed: fc.nat(1_000_000),
    lines: fc.integer({ min: 8, max: 300 }),
    templates: fc.constant([['user', 8, 'session', 2]]),
    spelling: fc.constantFrom(...Object.keys(SPELLINGS).filter((layout) => /^(?!.*f)(?=.*[Yy])/.test(layout))),
    step: fc.constantFrom(0, 5000, 90_000, 40_000_000),
    start: fc.integer({ min: 946_684_800_000, max: 1_900_000_000_000 }),
    eol: fc.constantFrom<LogRecipe['eol']>('lf', 'crlf'),
    lastNewline: fc.boolean(),
    odd: fc.constant(0),
    json: fc.constant(false),
  })

  test('since and until select by the time that each line says', async () => {
    await fc.assert(
      fc.asyncProperty(timed, chunkSizes, fc.nat(299), fc.nat(299), async (recipe, chunkBytes, a, b) => {
        const lines = makeLines(recipe)
        const whole = /[.,]\d/.test(recipe.spelling) ? 1 : 1000
        const times = lines.map(({ time }) => Math.floor((time as number) / whole) * whole)
        const log = makeLog(recipe)
        const reader = await readerOf(log, { chunkBytes })
        const since = times[a % times.length] as number
        const until = times[b % times.length] as number
        const inRange = naive(log, (_, i) => (times[i] as number) >= since && (times[i] as number) <= until)
        expect(await hits(reader, { patterns: [''], since, until })).toEqual(inRange)
        const from = naive(log, (line, i) => line.includes('7') && (times[i] as number) >= since)
        expect(await hits(reader, { patterns: ['7'], fixed: true, since })).toEqual(from)
      }),
      { numRuns: 40 },
    )
  })

  test('a line longer than its chunk hides neither itself nor its neighbours', async () => {
    const at = (i: number): string =>
      `2024-01-01 00:${String(Math.floor(i / 60)).padStart(2, '0')}:${String(i % 60).padStart(2, '0')}`
    const lines = Array.from({ length: 900 }, (_, i) => `${at(i)} user ${i % 7} id ${i}`)
    lines.splice(300, 0, `${'trace 1 '.repeat(1500)}end`)
    const log = bytes(`${lines.join('\n')}\n`)
    const reader = await readerOf(log)
    const start = Date.UTC(2024, 0, 1)
    for (const [since, until] of [
      [299, 299],
      [300, 301],
      [0, 10],
      [250, 310],
      [600, 899],
    ] as const) {
      const query = { patterns: [''], since: start + since * 1000, until: start + until * 1000 }
      const expected = naive(log, (_, i) => {
        const time = i < 300 ? i : i === 300 ? 299 : i - 1
        return time >= since && time <= until
      })
      expect((await hits(reader, query)).map(([line]) => line)).toEqual(expected.map(([line]) => line))
    }
  })

  test('templates count every line once and say when', async () => {
    await fc.assert(
      fc.asyncProperty(recipes, chunkSizes, async (recipe, chunkBytes) => {
        const log = makeLog(recipe)
        const reader = await readerOf(log, { chunkBytes })
        const templates = await reader.templates()
        let pieces = 0
        for await (const facts of reader.facts()) {
          pieces += facts.lines
          for (const { count, overTime } of facts.templates) {
            expect(overTime.reduce((sum, n) => sum + n, 0)).toBe(count)
          }
        }
        expect(templates.reduce((sum, { count }) => sum + count, 0)).toBe(pieces)
        // A line that goes on in the next chunk is a piece in each.
        expect(pieces).toBeGreaterThanOrEqual(reader.lines)
        expect(pieces - reader.lines).toBeLessThan(reader.stats.chunks + 1)
        for (const { first, last } of templates) if (first !== undefined) expect(first).toBeLessThanOrEqual(last!)
      }),
      { numRuns: 30 },
    )
  })
})

describe('bytes in, bytes out', () => {
  async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for await (const part of stream) parts.push(part)
    return concatBytes(parts)
  }

  test('a log is compressed, opened and given back without the command', async () => {
    const log = sampleLog(500)
    const file = await collect(compressLog(log, { level: 'fast', chunkBytes: 8192 }))
    expect(equalBytes(await collect(decompressLog(file)), log)).toBe(true)
    const reader = await openLog(file)
    open.push(reader)
    expect(reader.lines).toBe(linesOf(log).length)
    expect(reader.times).toMatchObject({ dated: true })
  })

  test('an abort rejects with its reason', async () => {
    const abort = new AbortController()
    const reason = new Error('enough')
    async function* input(): AsyncGenerator<Uint8Array> {
      yield sampleLog(300)
      abort.abort(reason)
      yield sampleLog(300)
    }
    const options = { level: 'fast', chunkBytes: 4096, signal: abort.signal } as const
    await expect(collect(compressLog(input(), options))).rejects.toBe(reason)
  })

  test('leaving early ends the work', async () => {
    let taken = 0
    async function* input(): AsyncGenerator<Uint8Array> {
      for (;;) {
        taken++
        yield sampleLog(100)
      }
    }
    for await (const piece of compressLog(input(), { level: 'fast', chunkBytes: 4096 })) {
      expect(piece.length).toBeGreaterThan(0)
      if (taken > 20) break
    }
    const before = taken
    await new Promise((resolve) => setImmediate(resolve))
    expect(taken).toBe(before)
  })

  test('an input that fails gives its own error', async () => {
    async function* input(): AsyncGenerator<Uint8Array> {
      yield sampleLog(300)
      throw new Error('gone')
    }
    await expect(collect(compressLog(input(), { level: 'fast', chunkBytes: 4096 }))).rejects.toThrow('gone')
  })

  test('a file without a log is refused', async () => {
    await expect(openLog(bytes('nothing of the kind, but long enough to be looked at'))).rejects.toMatchObject({
      name: 'PithError',
    })
  })
})

test('templates are shown as the text that their bytes spell', async () => {
  const shown = async (lines: Uint8Array): Promise<string[]> => {
    const pieces: Uint8Array[] = []
    for await (const piece of compressLog(lines)) pieces.push(piece)
    const reader = await openLog(concatBytes(pieces))
    const texts = (await reader.templates()).map(({ text }) => text)
    await reader.close()
    return texts
  }
  const lines = Array.from({ length: 9 }, (_, i) => `größe ${i * 7} von ${i * i}\n`).join('')
  expect(await shown(new TextEncoder().encode(lines))).toEqual(['größe <num> von <num>'])
  // Not UTF-8: each byte is a character.
  expect(await shown(Buffer.from(lines, 'latin1'))).toEqual(['größe <num> von <num>'])
})
