import { ByteWriter, equalBytes, isPithError, Random } from '@pith/core'
import { packEntry, unpackEntry } from '@pith/core/testing'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { type Forged, forge } from '../../test/forge-chunk.ts'
import { agentLog, bytes, keyedLog, logRecipes, makeLog, sampleLog, wrapLog } from '../../test/log-inputs.ts'
import { openLog } from './api.ts'
import { type EncodedChunk, encodePiece } from './chunk-encode.ts'
import { escapeQuotes, unescapeQuotes } from './escape.ts'
import type { ColumnFacts } from './facts.ts'
import { MAX_LEFT } from './keyed.ts'
import { type LogzipOptions, logzipCodec } from './logzip.ts'
import { Prior } from './prior.ts'
import type { LogReader } from './reader.ts'
import { KIND } from './streams.ts'
import { viewOf } from './tasks.ts'
import { Workspace } from './workspace.ts'

const workspace = new Workspace()

const open: LogReader[] = []

async function readerOf(log: Uint8Array, options: LogzipOptions): Promise<LogReader> {
  const reader = await openLog((await packEntry(logzipCodec, log, options)).file)
  open.push(reader)
  return reader
}

async function columnsOf(log: Uint8Array, options: LogzipOptions): Promise<ColumnFacts[]> {
  const columns: ColumnFacts[] = []
  for await (const facts of (await readerOf(log, options)).facts()) columns.push(...facts.columns)
  return columns
}

afterAll(async () => {
  for (const reader of open) await reader.close()
})

const textOf = (log: Uint8Array): string => Array.from(log, (c) => String.fromCharCode(c)).join('')

describe('logs within logs', () => {
  test.each(['fast', 'default'] as const)('level %s codes the texts of a container as a log', async (level) => {
    const log = sampleLog(600)
    const { length } = (await packEntry(logzipCodec, log, { level })).file
    const wrapped = (await packEntry(logzipCodec, wrapLog(log, 1), { level })).file
    expect(wrapped.length).toBeLessThan(length * 1.5)
    const kinds = (await columnsOf(wrapLog(log, 1), { level })).map(({ kind }) => kind)
    expect(kinds).toContain('log')
  })

  test('the texts of a dictionary are coded as a log too', async () => {
    const log = agentLog(600, 1)
    const kinds = (await columnsOf(log, { level: 'fast' })).map(({ kind }) => kind)
    expect(kinds).toContain('logDict')
    for (const chunkBytes of [8192, 2 ** 23]) {
      const { file } = await packEntry(logzipCodec, log, { level: 'fast', chunkBytes })
      expect(equalBytes(await unpackEntry(logzipCodec, file), log)).toBe(true)
    }
    const lines = textOf(log).split('\n')
    const reader = await readerOf(log, { level: 'fast' })
    for (const wanted of ['build 77', '\\"system\\" 3;', 'Engine/9', 'Any/10.0.1', 'nobody']) {
      const expected = lines.filter((line) => line.includes(wanted)).length
      expect([wanted, await reader.count({ patterns: [wanted], fixed: true })]).toEqual([wanted, expected])
    }
  })

  test('level max codes them as texts', async () => {
    const kinds = (await columnsOf(wrapLog(sampleLog(150), 1), { level: 'max' })).map(({ kind }) => kind)
    expect(kinds).toContain('raw')
    expect(kinds).not.toContain('log')
  })

  test('made-up logs come back from any depth and any size of chunks', async () => {
    const depths = fc.integer({ min: 1, max: 5 })
    const sizes = fc.constantFrom(4096, 16_384, 2 ** 23)
    await fc.assert(
      fc.asyncProperty(logRecipes(120), depths, sizes, async (recipe, depth, chunkBytes) => {
        const log = wrapLog(makeLog(recipe), depth)
        const { file } = await packEntry(logzipCodec, log, { level: 'fast', chunkBytes })
        expect(equalBytes(await unpackEntry(logzipCodec, file), log)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  test('a search finds what stands in them, and nothing else', async () => {
    const log = wrapLog(sampleLog(900, 4), 2)
    const lines = textOf(log).split('\n').slice(0, -1)
    for (const chunkBytes of [32_768, 2 ** 23]) {
      const reader = await readerOf(log, { level: 'fast', chunkBytes })
      const random = new Random(5)
      for (let i = 0; i < 60; i++) {
        const line = lines[random.integer(lines.length)] as string
        const at = random.integer(line.length)
        const pattern = line.slice(at, at + 1 + random.integer(12))
        const wanted = i % 4 === 0 ? `${pattern}q` : pattern
        const found: number[] = []
        for await (const batch of reader.grep({ patterns: [wanted], fixed: true })) found.push(...batch.lines)
        expect([wanted, found]).toEqual([wanted, [...lines.keys()].filter((k) => lines[k]?.includes(wanted))])
      }
    }
  })

  test('their values are texts, as they stand in the log', async () => {
    const log = wrapLog(sampleLog(600), 1)
    const reader = await readerOf(log, { level: 'fast' })
    const lines = textOf(log).split('\n')
    let values = 0
    for (const { template, slot, kind, count } of await reader.columns()) {
      if (!template.startsWith('{"log":"<str>') || slot !== 0) continue
      expect(kind).toBe('text')
      for await (const batch of reader.column({ template, slot })) {
        const { bytes: all, offsets } = batch.texts as NonNullable<typeof batch.texts>
        for (const [i, line] of batch.lines.entries()) {
          const text = textOf(all.subarray(offsets[i], offsets[i + 1]))
          expect(lines[line]).toContain(`{"log":"${text}","stream"`)
        }
        values += batch.lines.length
      }
      expect(values).toBe(count)
    }
    expect(values).toBeGreaterThan(500)
  })

  test('texts that are no lines stay texts', async () => {
    const random = new Random(3)
    const word = (): string => String.fromCharCode(...Array.from({ length: 30 }, () => 97 + random.integer(26)))
    const log = bytes(Array.from({ length: 400 }, (_, i) => `{"id":${i},"v":"${word()}"}\n`).join(''))
    expect((await columnsOf(log, { level: 'fast' })).map(({ kind }) => kind)).not.toContain('log')
  })

  test('a text that ends in a carriage return, or a byte that stands for a backslash, is no obstacle', async () => {
    for (const odd of ['\r', '\x10', '\\']) {
      const wrapped = textOf(wrapLog(sampleLog(300), 1)).split('\n')
      const log = bytes(
        wrapped.map((line, i) => (i % 50 === 9 ? line.replace('\\n","', `${odd}","`) : line)).join('\n'),
      )
      const { file } = await packEntry(logzipCodec, log, { level: 'fast' })
      expect(equalBytes(await unpackEntry(logzipCodec, file), log)).toBe(true)
    }
  })
})

describe('texts that follow from another', () => {
  test('are coded by it', async () => {
    const log = keyedLog(3000, 1)
    const { file } = await packEntry(logzipCodec, log, { level: 'fast' })
    expect(equalBytes(await unpackEntry(logzipCodec, file), log)).toBe(true)
    const [chunk] = encodePiece(workspace, log, Prior.empty(), { level: 'fast' })
    const view = viewOf(workspace, (chunk as EncodedChunk).blocks, Prior.empty())
    expect(view.specs.filter(({ kind, other }) => kind === KIND.dict && other > MAX_LEFT).length).toBeGreaterThan(0)
  })

  test('they come back from any size of chunks, at any level', async () => {
    for (const level of ['fast', 'default', 'max'] as const) {
      for (const chunkBytes of [4096, 20_000, 2 ** 23]) {
        const log = keyedLog(700, chunkBytes)
        const { file } = await packEntry(logzipCodec, log, { level, chunkBytes })
        expect(equalBytes(await unpackEntry(logzipCodec, file), log)).toBe(true)
      }
    }
  })

  test('a search decodes the key with them', async () => {
    const log = keyedLog(3000, 2)
    const lines = textOf(log).split('\n')
    const reader = await readerOf(log, { level: 'fast' })
    for (const wanted of ['host-7.', 'u39x', '1.3.0-0', 'host-999', 'host-21.example.org, package p']) {
      const expected = [...lines.keys()].filter((k) => lines[k]?.includes(wanted))
      const found: number[] = []
      for await (const batch of reader.grep({ patterns: [wanted], fixed: true })) {
        found.push(...batch.lines)
        for (const [i, line] of batch.lines.entries()) {
          expect(textOf(batch.bytes.subarray(batch.offsets[i], (batch.offsets[i + 1] as number) - 1))).toBe(lines[line])
        }
      }
      expect(found).toEqual(expected)
    }
  })
})

describe('backslashes of quoted texts', () => {
  test('are taken out and put back', () => {
    const log = bytes('a \\"b\\" \\\\ c\\n\n\\u003c \\"\n')
    const copy = log.slice()
    const length = unescapeQuotes(copy)
    expect(textOf(copy.subarray(0, length))).toBe('a "b" \\ c\x10n\n\x10u003c "\n')
    expect(escapeQuotes(copy.subarray(0, length), 99)).toEqual(log)
  })

  test.each(['no quote \\n\n', 'a bare " and \\"\n', 'ends in \\"\\\n', 'has the mark \x10 \\"\n'])(
    'stay in %j',
    (text) => {
      const log = bytes(text)
      expect(unescapeQuotes(log)).toBe(-1)
      expect(textOf(log)).toBe(text)
    },
  )

  test('any bytes come back', () => {
    const alphabet = fc.constantFrom(...bytes('\\\\\\"""\n\x10ab'))
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 60 }), (list) => {
        const log = Uint8Array.of(...list, 10)
        const copy = log.slice()
        const length = unescapeQuotes(copy)
        expect(length < 0 ? copy : escapeQuotes(copy.subarray(0, length), log.length)).toEqual(log)
      }),
      { numRuns: 2000 },
    )
  })

  test('what would be longer than its chunk is refused', () => {
    expect(() => escapeQuotes(bytes('""""'), 7)).toThrow(/longer/)
  })
})

function outcome(parts: Forged, on: Workspace = workspace): string {
  try {
    return textOf(viewOf(on, [{ section: 'chunk', payload: forge(parts) }], Prior.empty()).render())
  } catch (error) {
    if (!isPithError(error)) throw error
    return `${error.code} ${error.message}`
  }
}

/** Header of a column that holds a log; `meta` is that of the log. */
function logHeader(rawBytes: number, meta: number[], tables = 0, kind: number = KIND.log): number[] {
  const own = new ByteWriter()
  for (const value of meta) own.varint(value)
  return [kind, rawBytes * 2, own.length, ...own.view(), tables]
}

describe('a log in a column that was written to hurt', () => {
  const one = { rawBytes: 10, meta: [0, 0, ...logHeader(10, [0, 0, KIND.raw])], columns: [Uint8Array.of(0)] }

  test('the forger is right', () => {
    expect(outcome({ ...one, texts: 'ten bytes\n' })).toMatch(/^PITH_CHECKSUM/)
  })

  const deep = (depth: number): number[] => (depth === 0 ? [0, 0, KIND.raw] : [0, 0, ...logHeader(10, deep(depth - 1))])

  test.each<[string, Forged]>([
    ['another length', { ...one, texts: 'nine byte\n', meta: [0, 0, ...logHeader(9, [0, 0, KIND.raw])] }],
    ['more bytes than its chunk', { ...one, meta: [0, 0, ...logHeader(2 ** 30, [0, 0, KIND.raw])] }],
    ['a little more', { ...one, meta: [0, 0, ...logHeader(12, [0, 0, KIND.raw])], texts: 'twelve byte\n' }],
    ['fewer bytes than lines', { ...one, meta: [0, 0, ...logHeader(0, [0, 0, KIND.raw])] }],
    ['meta that is not there', { ...one, meta: [0, 0, KIND.log, 20, 2 ** 40] }],
    ['tables that are not there', { ...one, meta: [0, 0, ...logHeader(10, [0, 0, KIND.raw], 2 ** 40)] }],
    ['a template that is not there', { ...one, columns: [Uint8Array.of(3)], texts: 'ten bytes\n' }],
    ['ids that are not there', { ...one, columns: [], texts: 'ten bytes\n' }],
    ['texts that are not there', { ...one, texts: '' }],
    ['a depth of four', { ...one, meta: deep(4), columns: [new Uint8Array(4)], texts: 'ten bytes\n' }],
    ['more own texts than rows', { ...one, meta: [0, 0, KIND.log | (1 << 3), 5, 20, 1, 0, 0] }],
    ['more new texts than lines', { ...one, meta: [0, 0, KIND.logDict, 2 ** 40, 20, 3, 0, 0, KIND.raw, 0] }],
    ['an unknown kind', { ...one, meta: [0, 0, 7] }],
  ])('%s', (_, parts) => {
    expect(outcome(parts)).toMatch(/^PITH_(CORRUPT|TRUNCATED|LIMIT|CHECKSUM) /)
  })

  test('three deep is read', () => {
    const parts = { ...one, meta: deep(3), columns: [new Uint8Array(3)], texts: 'ten bytes\n' }
    expect(outcome(parts)).toMatch(/^PITH_CHECKSUM a chunk/)
  })

  test('rows of all logs together are as many as a chunk may have', () => {
    const lines = 2 ** 18
    const template = `${new Array(30).fill('\0').join(',')}\n`
    const header = logHeader(2 ** 22, [0, 1, ...new Array(30).fill(KIND.const)], template.length + 30)
    const own = new Workspace()
    const parts: Forged = {
      rawBytes: 2 ** 24,
      lines,
      ids: new Uint8Array(lines).fill(1),
      tables: `\0,\0\n${`${template}${'\n'.repeat(30)}`.repeat(2)}`,
      meta: [0, 1, ...header, ...header],
      columns: [new Uint8Array(lines).fill(1)],
    }
    expect(outcome(parts, own)).toMatch(/^PITH_(CORRUPT|LIMIT)/)
    expect(own.memory.buffer.byteLength).toBeLessThan(2 ** 28)
  })

  test.each<[string, Forged]>([
    ['a key beyond the list', { meta: [0, 1, KIND.const, KIND.dict | (18 << 3), 1], tables: '\0,\0\nx\ny\n' }],
    ['a key that is no dictionary', { meta: [0, 1, KIND.const, KIND.dict | (17 << 3), 1], tables: '\0,\0\nx\ny\n' }],
    [
      'a row as one that is not there',
      { meta: [0, 1, KIND.dict, 1, KIND.dict | (17 << 3), 1], tables: '\0,\0\nx\ny\n' },
    ],
    [
      'a raw column with a key',
      { meta: [0, 1, KIND.dict, 1, KIND.raw | (17 << 3), 1], tables: '\0,\0\nx\n', texts: 'y\n' },
    ],
  ])('%s', (_, parts) => {
    const sound = { rawBytes: 4, ids: Uint8Array.of(1), columns: [Uint8Array.of(0, 0)] }
    expect(outcome({ ...sound, ...parts })).toMatch(/^PITH_CORRUPT/)
  })

  test('a key that is right is read', () => {
    const meta = [0, 1, KIND.dict, 1, KIND.dict | (17 << 3), 1]
    const parts = { rawBytes: 8, lines: 2, ids: Uint8Array.of(1, 1), meta, tables: '\0,\0\nx\ny\n' }
    expect(outcome({ ...parts, columns: [Uint8Array.of(0, 0, 1, 0)] })).toMatch(/^PITH_CHECKSUM/)
  })
})
