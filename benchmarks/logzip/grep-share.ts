/** Which share of the coded bytes a query reads that has no hit. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openLog } from '@pith/text/logzip'
import { randomWords } from '../generate-log.ts'
import type { BenchContext } from '../measure/case.ts'
import { mustRun } from '../measure/process.ts'
import { cacheFolder, type Level, PithCommand } from './command.ts'
import { makeQueries } from './queries.ts'

/** A reader as far as it is called here. */
interface Share {
  readonly pattern: string
  /** Read over stored bytes. */
  readonly share: number
}

/** Queries without a hit on a compressed file, and what each read. `since` in ms leaves everything out by time. */
export async function measureShare(
  context: Pick<BenchContext, 'pith' | 'cache'>,
  file: string,
  level: Level,
  patterns: readonly string[],
  range: { since?: number; until?: number } = {},
): Promise<Share[]> {
  const packed = join(cacheFolder(context.cache, 'grep'), `share-${level}.pith`)
  await mustRun(new PithCommand(context.pith).compress(file, packed, level))
  return await shareOf(packed, patterns, range)
}

/** As {@link measureShare}, of a file that is compressed already. */
export async function shareOf(
  packed: string,
  patterns: readonly string[],
  range: { since?: number; until?: number } = {},
): Promise<Share[]> {
  const { inputSource } = await import('@pith/core/node')
  const shares: Share[] = []
  for (const pattern of patterns) {
    const source = await inputSource(packed)
    if (!('read' in source)) throw new Error(`${packed} cannot be read at random`)
    const log = await openLog(source as never)
    const lines = await log.count({ patterns: [new TextEncoder().encode(pattern)], fixed: true, ...range })
    const { stored, sharedBytes, decodedBytes } = log.stats
    const all = Object.values(stored).reduce((sum, bytes) => sum + bytes, sharedBytes)
    if (lines === 0) shares.push({ pattern, share: decodedBytes / all })
    await log.close()
    await source.close()
  }
  return shares
}

/** Patterns that a log does not hold: mutated ids, words of other logs, random hexadecimal. */
export function absentPatterns(path: string, count: number, seed: number): string[] {
  const text = readFileSync(path).subarray(0, 64e6).toString('latin1')
  const random = randomWords(seed)
  const patterns = makeQueries(text.slice(0, 8e6), count * 16, seed)
    .filter((query) => query.kind === 'none')
    .map((query) => query.pattern)
  const others = [
    'kernel panic',
    'OutOfMemoryError',
    'segfault at',
    'deadlock detected',
    'certificate has expired',
    'ECONNRESET',
  ]
  patterns.push(...others)
  for (let i = 0; i < 8; i++)
    patterns.push(random().toString(16).padStart(8, '0') + random().toString(16).padStart(8, '0'))
  return patterns.filter((pattern) => !text.includes(pattern)).slice(0, count)
}
