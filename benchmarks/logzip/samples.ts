/** Logs made of real ones, once, and kept in the cache. */
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { generateLog } from '../generate-log.ts'
import { type DataFile, realLogs } from '../measure/data.ts'
import { cacheFolder } from './command.ts'

/** Names of the full-size logs. */
const FULL_SIZE = ['Linux_full', 'apache_access', 'kafka0_all', 'kafka_gc', 'nginxplus_json'] as const

/** Which real logs a large one is made of: all, or one of the full-size logs by name. */
export type Mixture = 'mixed' | 'flat' | (typeof FULL_SIZE)[number]

/**
 * A file of `megabytes` MB: `mixed` from all real logs one after another, `flat` as `mixed` without a single line feed,
 * any other from the full-size log of that name alone.
 */
export function sampleFile(cache: string, megabytes: number, mixture: Mixture): string {
  const path = join(cacheFolder(cache, 'samples'), `${mixture}-${megabytes}.log`)
  const bytes = Math.round(megabytes * 1e6)
  if (existsSync(path) && statSync(path).size === bytes) return path
  const all = mixture === 'mixed' || mixture === 'flat'
  const files = realLogs().filter((file) => all || file.name === mixture)
  const texts = files.map((file) => readFileSync(file.path))
  const output = openSync(`${path}.tmp-${process.pid}`, 'w')
  for (const block of generateLog(texts, { bytes, withoutNewlines: mixture === 'flat' })) {
    for (let from = 0; from < block.length; ) from += writeSync(output, block, from)
  }
  closeSync(output)
  renameSync(`${path}.tmp-${process.pid}`, path)
  return path
}

/** The real logs for throughput: each full-size one, and those of 2,000 lines one after another. Copies, in the cache. */
export function speedFiles(cache: string): DataFile[] {
  const logs = realLogs()
  const path = join(cacheFolder(cache, 'samples'), 'all-2k.log')
  const small = Buffer.concat(logs.filter(({ group }) => group === '2k').map((log) => readFileSync(log.path)))
  if (!existsSync(path) || statSync(path).size !== small.length) writeFileSync(path, small)
  const joined: DataFile = { name: 'all 2k logs', group: '2k', path, bytes: small.length }
  return [...logs.filter(({ group }) => group === 'full'), joined]
}

/** Generated logs of so many MB: of each full-size log by itself, and of all real logs in turns. */
export function largeFiles(cache: string, megabytes: number): DataFile[] {
  return [...FULL_SIZE, 'mixed' as const].map((mixture) => {
    const path = sampleFile(cache, megabytes, mixture)
    return { name: `${mixture}, ${megabytes} MB`, group: 'full', path, bytes: statSync(path).size }
  })
}
