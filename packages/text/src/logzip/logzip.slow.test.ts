import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { equalBytes, isPithError, Random, toSource } from '@pith/core'
import { collectBytes, HeldEntry, mutations, noiseBytes } from '@pith/core/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  agentLog,
  bytes,
  FALSE_TIMES,
  keyedLog,
  logRecipes,
  makeLog,
  SPELLINGS,
  sampleLog,
  wrapLog,
} from '../../test/log-inputs.ts'
import { type LogzipOptions, logzipCodec } from './logzip.ts'
import { formOf, packBytes, unpackBytes } from './pack.ts'
import { LogReader } from './reader.ts'

const CASES = 10_000
const HOSTILE_CASES = 6000

async function encoded(log: Uint8Array, options: LogzipOptions): Promise<HeldEntry> {
  const entry = new HeldEntry(logzipCodec)
  await logzipCodec.encode(toSource(log), entry, options)
  return entry
}

async function mustComeBack(log: Uint8Array, options: LogzipOptions, name: string): Promise<void> {
  const entry = await encoded(log, options)
  const again = await collectBytes(logzipCodec.decode(entry.reader()))
  if (!equalBytes(again, log)) throw new Error(`${name}: ${again.length} bytes came back for ${log.length}`)
}

/** A log with some bytes changed: rubbish in what looks real. */
function damaged(log: Uint8Array, random: Random): Uint8Array {
  return log.length === 0 || random.integer(3) > 0 ? log : mutations(log, random)
}

describe(`${CASES} fuzz cases`, () => {
  test('made-up logs, sound and damaged, come back byte for byte', async () => {
    const random = new Random(2024)
    const chunks = [4096, 4096, 5000, 16_384, 2 ** 23]
    const recipes = fc.sample(logRecipes(90), { numRuns: CASES - 2000, seed: 20_240_101 })
    for (const [i, recipe] of recipes.entries()) {
      const made = makeLog(recipe)
      const log = damaged(i % 7 === 3 ? wrapLog(made, 1 + (i % 4)) : made, random)
      const level = i % 80 === 0 ? 'max' : i % 20 === 1 ? 'default' : 'fast'
      const chunkBytes = level === 'max' ? 16_384 : (chunks[i % chunks.length] as number)
      await mustComeBack(log, { level, chunkBytes }, `case ${i} ${JSON.stringify({ recipe, level, chunkBytes })}`)
    }
  })

  test('any bytes, runs of few bytes, and lines around false times', async () => {
    const random = new Random(77)
    const alphabet = [0, 9, 10, 10, 13, 32, 34, 45, 48, 49, 57, 58, 65, 92, 97, 123, 125, 0xed, 0xa0, 0x80, 0xff]
    for (let i = 0; i < 2000; i++) {
      const length = random.integer(6000)
      let log: Uint8Array
      if (i % 3 === 0) log = noiseBytes(length, i)
      else if (i % 3 === 1) {
        log = new Uint8Array(length).map(() => alphabet[random.integer(alphabet.length)] as number)
      } else {
        const spell = Object.values(SPELLINGS)[random.integer(12)]!
        const lines = Array.from({ length: random.integer(120) }, (_, k) => {
          if (random.integer(20) === 0) return FALSE_TIMES[random.integer(FALSE_TIMES.length)] as string
          const parts = { y: 1969 + random.integer(70), m: 1 + random.integer(12), d: 1 + random.integer(31) }
          const time = { h: random.integer(25), i: random.integer(61), s: random.integer(61), ms: random.integer(1000) }
          return `${spell({ ...parts, ...time, weekday: 'Mon' })} event ${k}`
        })
        log = bytes(lines.join(random.integer(2) === 0 ? '\n' : '\r\n'))
      }
      await mustComeBack(log, { level: 'fast', chunkBytes: i % 2 === 0 ? 4096 : 2 ** 23 }, `bytes ${i}`)
    }
  })
})

describe('large inputs', () => {
  test.each<[string, () => Uint8Array]>([
    ['ten megabytes of one line', () => bytes('id 12 value="x y" '.repeat(580_000))],
    ['ten megabytes of newlines', () => new Uint8Array(10_000_000).fill(10)],
    ['ten megabytes of NUL', () => new Uint8Array(10_000_000)],
    ['ten megabytes of noise', () => noiseBytes(10_000_000)],
    ['a million of lines with a number', () => bytes(Array.from({ length: 1_000_000 }, (_, i) => `${i}\n`).join(''))],
    ['more words that differ than a chunk has rows for', () => manyWords()],
  ])('%s', async (name, make) => {
    const log = make()
    for (const chunkBytes of [2 ** 20, 2 ** 26]) await mustComeBack(log, { level: 'fast', chunkBytes }, name)
  })

  /** Lines of two kinds that differ in many words: each word becomes a slot. */
  function manyWords(): Uint8Array {
    const words = (kind: string): string => Array.from({ length: 90 }, (_, i) => (i % 5 < 3 ? 'same' : kind)).join(' ')
    return bytes(`${words('left')}\n${words('right')}\n`.repeat(120_000))
  }
})

describe('hostile entries', () => {
  /** Changes what a part holds behind its packing, so that it reaches the parser. */
  function changed(part: Uint8Array, random: Random): Uint8Array {
    if (random.integer(6) === 0) return mutations(part, random)
    try {
      return packBytes(mutations(unpackBytes(part, 2 ** 24), random), 0, formOf(part))
    } catch {
      return mutations(part, random)
    }
  }

  test(`${HOSTILE_CASES} changed entries give the log or a typed error, soon`, async () => {
    const json = makeLog({ ...recipe('Y-m-d%TH:M:S.6'), json: true })
    const make = async (log: Uint8Array, options: LogzipOptions): Promise<[Uint8Array, HeldEntry]> => [
      log,
      await encoded(log, options),
    ]
    const quick = [
      await make(sampleLog(60), { level: 'fast' }),
      await make(sampleLog(300), { level: 'fast', chunkBytes: 4096 }),
      await make(json, { level: 'fast', chunkBytes: 4096 }),
      await make(makeLog(recipe('a b e H:M:S Y')), { level: 'fast' }),
      await make(makeLog(recipe('b e H:M:S')), { level: 'fast', chunkBytes: 8192 }),
      await make(wrapLog(sampleLog(100), 2), { level: 'fast' }),
      await make(agentLog(300, 1), { level: 'fast' }),
      await make(keyedLog(150, 1), { level: 'fast' }),
    ]
    const slow = [
      await make(sampleLog(100), { level: 'max' }),
      await make(makeLog(recipe('Ymd-h:i:s:f')), { level: 'max', chunkBytes: 8192 }),
    ]
    const random = new Random(5)
    let right = 0
    for (let i = 0; i < HOSTILE_CASES; i++) {
      const own = i % 20 === 0 ? slow : quick
      const [log, entry] = own[random.integer(own.length)] as [Uint8Array, HeldEntry]
      const parts = entry.parts
      const which = random.integer(parts.length)
      const forged = entry.withParts(
        parts.map((part, k) => (k === which || random.integer(30) === 0 ? changed(part, random) : part.slice())),
      )
      await allowed(async () => {
        const again = await collectBytes(logzipCodec.decode(forged.reader(), { limits: { outputBytes: 2 ** 26 } }))
        expect(equalBytes(again, log)).toBe(true)
        right++
      })
      await allowed(() => useAll(forged))
    }
    // Some changes hit what only searches use; most must be noticed.
    expect(right).toBeGreaterThan(0)
    expect(right).toBeLessThan(HOSTILE_CASES / 2)
  })

  function recipe(spelling: string): Parameters<typeof makeLog>[0] {
    const templates = [
      ['INFO', 7, 'port', 2, 5, 13],
      ['user', 13, 4, 8, 6],
    ]
    return {
      seed: 3,
      lines: 150,
      templates,
      spelling,
      step: 900,
      start: 1.7e12,
      eol: 'mixed',
      lastNewline: true,
      odd: 50,
      json: false,
    }
  }

  async function useAll(entry: HeldEntry): Promise<void> {
    const reader = await LogReader.open(entry.reader())
    try {
      await reader.templates()
      await reader.count({ patterns: ['port 1'], fixed: true })
      await reader.count({ patterns: ['[0-9]7'], since: 1.7e12 })
      for await (const piece of reader.read(3, 50)) expect(piece.length).toBeGreaterThan(0)
    } finally {
      await reader.close()
    }
  }

  async function allowed(use: () => Promise<void>): Promise<void> {
    try {
      await use()
    } catch (error) {
      if (!isPithError(error) || error.code === 'PITH_INTERNAL') throw error
    }
  }
})

describe('memory', () => {
  /** Peak memory of a child beyond its idle one, in bytes, and what its work came to. */
  async function measure(work: string): Promise<{ growth: number; result: string }> {
    const script = join(import.meta.dirname, '../../test/measure-memory.ts')
    const child = spawn(process.execPath, ['--conditions=pith-dev', '--no-warnings', script, work], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    child.stdout.on('data', (piece) => {
      said += piece
    })
    const code = await new Promise((resolve) => child.once('exit', resolve))
    expect(code).toBe(0)
    return JSON.parse(said)
  }

  test('lengths that nothing backs are refused within 64 MiB', async () => {
    const { growth, result } = await measure('unbacked')
    expect(result).toMatch(/^(PITH_(CORRUPT|TRUNCATED|LIMIT|CHECKSUM) ?)+$/)
    expect(growth).toBeLessThan(2 ** 26)
  })

  test('ten gigabytes of one line are a small file that streams up to the limit', async () => {
    const { growth, result } = await measure('expansion')
    expect(result).toBe('PITH_LIMIT after 1073741824')
    expect(growth).toBeLessThan(2 ** 28)
  })
})
