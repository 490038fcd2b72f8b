/** Large generated logs, made once and kept in the cache. */
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { generateLog } from '../generate-log.ts'
import { realLogs } from '../measure/data.ts'
import { cacheFolder } from './command.ts'

/** Which real logs a large one is made of: all, or those of one format. */
export type Mixture = 'mixed' | 'syslog' | 'flat'

/**
 * A file of `megabytes` MB: `mixed` from all real logs one after another, `syslog` from Linux_full alone, `flat` as
 * `mixed` without a single line feed.
 */
export function sampleFile(cache: string, megabytes: number, mixture: Mixture): string {
  const path = join(cacheFolder(cache, 'samples'), `${mixture}-${megabytes}.log`)
  const bytes = Math.round(megabytes * 1e6)
  if (existsSync(path) && statSync(path).size === bytes) return path
  const files = realLogs().filter((file) => mixture !== 'syslog' || file.name === 'Linux_full')
  const texts = files.map((file) => readFileSync(file.path))
  const output = openSync(`${path}.tmp-${process.pid}`, 'w')
  for (const block of generateLog(texts, { bytes, withoutNewlines: mixture === 'flat' })) {
    for (let from = 0; from < block.length; ) from += writeSync(output, block, from)
  }
  closeSync(output)
  renameSync(`${path}.tmp-${process.pid}`, path)
  return path
}
