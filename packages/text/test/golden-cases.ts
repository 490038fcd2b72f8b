/** Files of version 1 that every later release must read, or refuse, in the same way. */
import { concatBytes, fingerprint, isPithError, MemorySink, type RandomAccess, toSource } from '@pith/core'
import { createContainer, openContainer } from '@pith/core/container'
import { generalCodec } from '@pith/core/general'
import { collectBytes, HeldEntry, noiseBytes, packEntry } from '@pith/core/testing'
import { type LogzipOptions, logzipCodec } from '../src/logzip/logzip.ts'
import { formOf, packBytes, unpackBytes } from '../src/logzip/pack.ts'
import { LogReader } from '../src/logzip/reader.ts'
import {
  agentLog,
  bytes,
  FALSE_TIMES,
  keyedLog,
  makeLog,
  manyKindsLog,
  SPELLINGS,
  sampleLog,
  wrapLog,
} from './log-inputs.ts'

type Make = () => Promise<Uint8Array>

const of =
  (log: Uint8Array, options: LogzipOptions): Make =>
  async () =>
    (await packEntry(logzipCodec, log, options)).file

function json(lines: number): Uint8Array {
  const spelling = 'Y-m-d%TH:M:S.3%Z'
  const start = Date.UTC(2023, 5, 1)
  const rest = { templates: [], eol: 'lf', lastNewline: true, odd: 0, json: true } as const
  return makeLog({ seed: 3, lines, spelling, step: 2000, start, ...rest })
}

/** A block of lines in each spelling of a time. */
function manyTimes(): Uint8Array {
  const templates = [['user', 13, 'session', 2, 'took', 12]]
  const rest = { templates, step: 700_000, lastNewline: true, odd: 0, json: false } as const
  const blocks = Object.keys(SPELLINGS).map((spelling, i) =>
    makeLog({ seed: i, lines: 40, spelling, start: Date.UTC(2019, i, 27), eol: i % 2 === 0 ? 'lf' : 'crlf', ...rest }),
  )
  return concatBytes([...blocks, bytes(`${FALSE_TIMES.join('\n')}\n`)])
}

/** What tokens, templates and columns find hard: any bytes, quotes, marks, empty lines, a line without an end. */
function awkward(): Uint8Array {
  const lines = [
    'a "b c" 1 "d\\"e" f\r',
    '',
    '\0 1 \x01\x30 2 \x02\x02 3',
    'x=-5 y=007 z=0x1F 18446744073709551615 1.50 10.0.0.1',
    'host-7.example.com said: größe 12 µs',
    '{"a":1,"b":{"a":"x"},"a":2}',
    ' 1  2   3',
    '\r',
  ]
  const log = bytes(
    `${Array.from({ length: 25 }, (_, i) => lines.map((line) => line.replace('1', String(i))).join('\n')).join('\n')}\n`,
  )
  return concatBytes([log, noiseBytes(700, 5), bytes('\nno end')])
}

async function archive(): Promise<Uint8Array> {
  const sink = new MemorySink()
  const container = createContainer(sink)
  const files = [
    ['logs/app.log', logzipCodec, sampleLog(300, 7)],
    ['logs/notes.txt', generalCodec, bytes('Nothing of a log is in here.\n'.repeat(9))],
    ['logs/service.jsonl', logzipCodec, json(60)],
  ] as const
  for (const [path, codec, log] of files) {
    const entry = await container.entry({ path, codec: codec.id, version: codec.version, mtime: 1_700_000_000_000 })
    await codec.encode(toSource(log), entry, { level: 'fast' })
    await entry.finish()
  }
  await container.finish()
  return sink.bytes()
}

/** A file whose payloads were changed, with checksums that fit: only the codec itself can notice. */
const forged =
  (log: Uint8Array, options: LogzipOptions, change: (part: Uint8Array) => Uint8Array): Make =>
  async () => {
    const held = new HeldEntry(logzipCodec)
    await logzipCodec.encode(toSource(log), held, options)
    const sink = new MemorySink()
    const container = createContainer(sink)
    const entry = await container.entry({ codec: logzipCodec.id, version: logzipCodec.version })
    for (const profile of held.profiles) await entry.profile(profile)
    for (const [i, { row, payload }] of held.blocks.entries()) {
      const { section, rawBytes, keys, profile } = row
      const options = { rawBytes, profile, ...(keys === undefined ? {} : { keys }) }
      await entry.block(section, i === 0 ? change(payload) : payload, options)
    }
    if (held.summaryBytes !== undefined) await entry.summary(held.summaryBytes)
    await entry.finish()
    await container.finish()
    return sink.bytes()
  }

const inside =
  (change: (plain: Uint8Array) => void) =>
  (part: Uint8Array): Uint8Array => {
    const plain = unpackBytes(part, 2 ** 24).slice()
    change(plain)
    return packBytes(plain, 5, formOf(part))
  }

const flipped = async (make: Make, at: number): Promise<Uint8Array> => {
  const file = await make()
  file[at < 0 ? file.length + at : at]! ^= 4
  return file
}

const LEVELS = ['fast', 'default', 'max'] as const

function eachLevel(name: string, log: Uint8Array, chunkBytes?: number): [string, Make][] {
  return LEVELS.map((level) => [
    `${level}-${name}`,
    of(log, { level, ...(chunkBytes === undefined ? {} : { chunkBytes }) }),
  ])
}

export const GOLDEN: Readonly<Record<string, Make>> = {
  ...Object.fromEntries([
    ...eachLevel('log', sampleLog(250)),
    ...eachLevel('prior', sampleLog(900, 2), 16_384),
    ...eachLevel('json', json(120)),
    ...eachLevel('times', manyTimes()),
    ...eachLevel('awkward', awkward()),
    ...eachLevel('empty', new Uint8Array(0)),
    // Logs within logs, and texts that follow from others.
    ...eachLevel('nested', wrapLog(sampleLog(250), 2)),
    ...eachLevel('nested-dict', agentLog(500, 2)),
    ...eachLevel('keyed', keyedLog(400, 9)),
  ]),
  // Columns of numbers that say how far they reach, at both levels that do.
  'fast-reach': of(sampleLog(300, 3), { level: 'fast' }),
  'default-reach': of(sampleLog(300, 3), { level: 'default' }),
  'fast-long-line': of(bytes(`a 1\n${'b 2 '.repeat(5000)}\nc 3\n`), { level: 'fast', chunkBytes: 8192 }),
  // Streams too large for one block; the file has them in the order of columns, which is read but no longer written.
  'fast-split': of(sampleLog(4000, 6), { level: 'fast' }),
  // Streams by kind and class, with a prior; and one chunk with a filter of pairs.
  'fast-sorted': of(manyKindsLog(16_000, 5), { level: 'fast', chunkBytes: 640_000 }),
  'default-sorted': of(manyKindsLog(21_000, 6), { level: 'default' }),
  archive,
  'error-cut': async () => (await of(sampleLog(250), { level: 'fast' })()).subarray(0, 900),
  'error-flip': () => flipped(of(sampleLog(250), { level: 'fast' }), 700),
  'error-hash': forged(
    sampleLog(250),
    { level: 'fast' },
    inside((plain) => void (plain[plain.length - 3]! ^= 1)),
  ),
  'error-rows': forged(
    sampleLog(250),
    { level: 'fast' },
    inside((plain) => void (plain[0]! ^= 64)),
  ),
  'error-method': forged(sampleLog(250), { level: 'fast' }, (part) =>
    Uint8Array.of((part[0]! & 240) | 9, ...part.subarray(1)),
  ),
  'error-brotli': forged(sampleLog(250), { level: 'fast' }, (part) => part.subarray(0, part.length - 9)),
  'error-prior': async () => {
    const held = new HeldEntry(logzipCodec)
    await logzipCodec.encode(toSource(sampleLog(900, 2)), held, { level: 'fast', chunkBytes: 16_384 })
    const sink = new MemorySink()
    const container = createContainer(sink)
    const entry = await container.entry({ codec: logzipCodec.id, version: logzipCodec.version })
    for (const { row, payload } of held.blocks) {
      await entry.block(row.section, payload, {
        rawBytes: row.rawBytes,
        ...(row.keys === undefined ? {} : { keys: row.keys }),
      })
    }
    await entry.finish()
    await container.finish()
    return sink.bytes()
  },
}

/** What a reader must find in a golden file. */
export async function describeLogs(file: Uint8Array | RandomAccess): Promise<object> {
  try {
    const container = await openContainer(file)
    const entries: object[] = []
    for await (const entry of container.entries()) {
      const name = entry.path === undefined ? {} : { path: entry.path }
      if (entry.codec !== logzipCodec.id) {
        const decoded = await collectBytes(generalCodec.decode(entry))
        entries.push({ ...name, codec: entry.codec, bytes: decoded.length, sha256: fingerprint(decoded) })
        continue
      }
      const decoded = await collectBytes(logzipCodec.decode(entry))
      const reader = await LogReader.open(entry)
      const { lines, times, stats } = reader
      const templates = (await reader.templates()).slice(0, 3).map(({ count, text }) => `${count} ${text}`)
      const sevens = await reader.count({ patterns: ['[^0-9]7[0-9]'] })
      await reader.close()
      const found = { bytes: decoded.length, sha256: fingerprint(decoded), lines, chunks: stats.chunks }
      entries.push({ ...name, codec: entry.codec, ...found, ...(times && { times }), templates, sevens })
    }
    return { entries }
  } catch (error) {
    if (!isPithError(error)) throw error
    return { error: error.code, ...(error.at?.section === undefined ? {} : { section: error.at.section }) }
  }
}
