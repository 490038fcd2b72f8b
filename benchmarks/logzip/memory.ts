/** Peak memory of the command on inputs far larger than it, and whether time grows with size alone. */
import { copyFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchContext } from '../measure/case.ts'
import { dataFolder, NO_DATA } from '../measure/data.ts'
import { type Cost, mustRun } from '../measure/process.ts'
import { exponent } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'
import { cacheFolder, type Level, PithCommand } from './command.ts'
import { type Mixture, sampleFile } from './samples.ts'
import { mustBeSame } from './sizes.ts'

/** One compression whose memory is told. */
export interface MemoryRun {
  readonly level: Level
  readonly megabytes: number
  readonly mixture: Mixture
}

/** What the issue asks for. */
export const MEMORY_RUNS: readonly MemoryRun[] = [
  { level: 'fast', megabytes: 2000, mixture: 'mixed' },
  { level: 'fast', megabytes: 2000, mixture: 'flat' },
  { level: 'default', megabytes: 256, mixture: 'mixed' },
  { level: 'default', megabytes: 256, mixture: 'flat' },
  { level: 'max', megabytes: 256, mixture: 'mixed' },
  { level: 'max', megabytes: 256, mixture: 'flat' },
]

/** Milliseconds that one run may take, on a machine that others use as well. */
const LIMIT_MS = 1_800_000

/** Bytes that are decoded of a larger log of level `max`. */
const MAX_DECODED = 64e6

/** Compress and decompress with two threads; the highest memory of each. @throws Error other bytes come back */
export async function measureMemory(
  context: Pick<BenchContext, 'pith' | 'cache'>,
  run: MemoryRun,
): Promise<{ compress: Cost; decompress: Cost }> {
  const pith = new PithCommand(context.pith)
  const folder = cacheFolder(context.cache, 'memory')
  const file = sampleFile(context.cache, run.megabytes, run.mixture)
  const out = join(folder, 'out.pith')
  const back = join(folder, 'back')
  const compress = await mustRun(pith.compress(file, out, run.level, { threads: 2 }), { limitMs: LIMIT_MS })
  const decoding = pith.decompress(out, '-', 2)
  if (run.level === 'max' && statSync(file).size > MAX_DECODED) {
    // It takes as long as compressing, and no more memory for more of the same.
    const words = decoding.map((word) => `'${word}'`).join(' ')
    const decompress = await mustRun(['bash', '-c', `${words} | head -c ${MAX_DECODED} > '${back}'`], {
      limitMs: LIMIT_MS,
    })
    await mustRun(['cmp', '-n', String(MAX_DECODED), file, back])
    rmSync(out)
    rmSync(back)
    return { compress, decompress }
  }
  const decompress = await mustRun(decoding, { stdout: back, limitMs: LIMIT_MS })
  await mustBeSame(file, back)
  rmSync(out)
  rmSync(back)
  return { compress, decompress }
}

/** CPU time over size on a doubling row of sizes, and the slope of their logarithms. */
export async function measureGrowth(
  context: Pick<BenchContext, 'pith' | 'cache'>,
  level: Level,
  sizes: readonly number[],
): Promise<{ points: [megabytes: number, cpuMs: number][]; exponent: number }> {
  const pith = new PithCommand(context.pith)
  const folder = cacheFolder(context.cache, 'memory')
  const largest = sampleFile(context.cache, Math.max(...sizes), 'mixed')
  const part = join(folder, 'part.log')
  const points: [number, number][] = []
  for (const megabytes of sizes) {
    copyFileSync(largest, part)
    truncateSync(part, megabytes * 1e6)
    const cost = await mustRun(pith.compress(part, join(folder, 'part.pith'), level, { threads: 1 }))
    points.push([megabytes, cost.cpuMs])
  }
  rmSync(folder, { recursive: true })
  return { points, exponent: exponent(points) }
}

export async function benchMemory(context: BenchContext): Promise<void> {
  if (dataFolder() === undefined) return context.say(`${NO_DATA}\n`)
  const rows: string[][] = []
  for (const planned of MEMORY_RUNS) {
    const run = { ...planned, megabytes: Math.max(1, Math.round(planned.megabytes * context.scale)) }
    const { compress, decompress } = await measureMemory(context, run)
    const mib = (cost: Cost) => cost.peakBytes / 2 ** 20
    rows.push([
      `${run.level}, ${run.megabytes} MB ${run.mixture}`,
      mib(compress).toFixed(0),
      (compress.wallMs / 1000).toFixed(1),
      mib(decompress).toFixed(0),
      (decompress.wallMs / 1000).toFixed(1),
    ])
    context.add({
      system: 'logzip',
      kind: 'memory',
      peer: { name: 'limit of 400 MB' },
      data: { name: `generated, ${run.mixture}`, bytes: run.megabytes * 1e6 },
      params: { level: run.level, threads: 2 },
      ours: { peakMiB: mib(compress), wallMs: compress.wallMs, quality: { decompressPeakMiB: mib(decompress) } },
      theirs: { peakMiB: 400e6 / 2 ** 20 },
      vs: { peak: compress.peakBytes / 400e6 },
      repeats: 1,
    })
  }
  context.say(textTable(['memory', 'peak in MiB', 'wall s', 'peak out MiB', 'wall s'], rows))
  const sizes = [16, 32, 64, 128].map((size) => Math.max(1, Math.round(size * context.scale)))
  const growth = await measureGrowth(context, 'fast', sizes)
  context.say(`time over size at fast: exponent ${growth.exponent.toFixed(2)}\n`)
  context.add({
    system: 'logzip',
    kind: 'growth',
    peer: { name: 'linear' },
    data: { name: 'generated, mixed', bytes: Math.max(...sizes) * 1e6 },
    params: { level: 'fast', threads: 1 },
    ours: { quality: { exponent: growth.exponent } },
    theirs: { quality: { exponent: 1 } },
    vs: { exponent: growth.exponent },
    repeats: 1,
  })
}
