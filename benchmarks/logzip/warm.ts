/** Throughput of the library in a process that has run it before: `logzip.bench.ts` in a process of its own. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchContext } from '../measure/case.ts'
import { dataFolder, NO_DATA } from '../measure/data.ts'
import { ROOT } from '../measure/machine.ts'
import { mustRun } from '../measure/process.ts'
import { median, spread } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'
import { cacheFolder, LEVELS } from './command.ts'
import { sampleFile } from './samples.ts'

interface WarmReport {
  readonly bytes: number
  readonly packed: number
  readonly encodeMs: readonly number[]
  readonly decodeMs: readonly number[]
}

export async function benchWarm(context: BenchContext): Promise<void> {
  if (dataFolder() === undefined) return context.say(`${NO_DATA}\n`)
  const megabytes = Math.max(1, Math.round(16 * context.scale))
  const file = sampleFile(context.cache, megabytes, 'mixed')
  const program = join(ROOT, 'packages/text/src/logzip/logzip.bench.ts')
  const out = join(cacheFolder(context.cache, 'warm'), 'report.json')
  const rows: string[][] = []
  for (const level of LEVELS) {
    const words = [program, file, level, String(context.repeats)]
    await mustRun([process.execPath, '--conditions=pith-dev', ...words], { stdout: out })
    const { bytes, packed, encodeMs, decodeMs } = JSON.parse(readFileSync(out, 'utf8')) as WarmReport
    const mb = (ms: number) => bytes / 1000 / ms
    const [cold = 0, ...warm] = encodeMs
    const [coldOut = 0, ...warmOut] = decodeMs
    rows.push([
      level,
      mb(cold).toFixed(1),
      mb(median(warm)).toFixed(1),
      mb(coldOut).toFixed(1),
      mb(median(warmOut)).toFixed(1),
    ])
    context.add({
      system: 'logzip',
      kind: 'warm',
      peer: { name: 'the first call' },
      data: { name: 'generated, mixed', bytes },
      params: { level, threads: 1 },
      ours: { ratio: bytes / packed, encodeMBps: mb(median(warm)), decodeMBps: mb(median(warmOut)) },
      theirs: { ratio: bytes / packed, encodeMBps: mb(cold), decodeMBps: mb(coldOut) },
      vs: { encode: cold / median(warm), decode: coldOut / median(warmOut) },
      repeats: warm.length,
      spread: spread(warm),
    })
  }
  context.say(textTable([`${megabytes} MB, library`, 'first in', 'warm in', 'first out', 'warm out'], rows))
}
