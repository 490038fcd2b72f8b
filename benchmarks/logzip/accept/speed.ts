/** Throughput against gzip and xz, what a second thread gains, memory on large inputs, growth of time. */
import { type AcceptContext, costAtLeast, costAtMost } from '../../measure/accept.ts'
import { GZIP6, XZ } from '../../measure/peers.ts'
import { median, spread } from '../../measure/statistics.ts'
import { textTable } from '../../measure/table.ts'
import { LEVELS } from '../command.ts'
import { MEMORY_RUNS, measureGrowth, measureMemory } from '../memory.ts'
import { largeFiles, sampleFile, speedFiles } from '../samples.ts'
import { faster, measureSpeed, measureStart, measureThreads, type Timing } from '../speed.ts'
import { meanGain, measurePeer, measureWarm, WARM_REPEATS, warmTable } from '../warm.ts'

const MEMORY_LIMIT = 400e6

const size = (context: AcceptContext, megabytes: number): number => Math.max(1, Math.round(megabytes * context.scale))

export async function acceptSpeed(context: AcceptContext): Promise<void> {
  const megabytes = size(context, 64)
  const file = sampleFile(context.cache, megabytes, 'mixed')
  // What takes a second is repeated, what takes ten and more is not: CPU time of that hardly varies.
  const quick = await measureSpeed(context, file, { levels: ['fast'], peers: [GZIP6], repeats: 3 })
  const slow = await measureSpeed(context, file, { levels: ['default', 'max'], peers: [XZ], repeats: 1 })
  const all: Record<string, Timing> = { ...quick, ...slow }
  const mb = (times: readonly number[]) => ((megabytes * 1000) / median(times)).toFixed(1)
  const rows = Object.entries(all).map(([name, timing]) => [
    name,
    ((megabytes * 1e6) / timing.bytes).toFixed(2),
    mb(timing.encode),
    `${(spread(timing.encode) * 100).toFixed(0)} %`,
    mb(timing.decode),
  ])
  context.say(textTable([`${megabytes} MB, CPU time`, 'ratio', 'MB/s in', 'spread', 'MB/s out'], rows))
  const [fast, standard, max, gzip, xz] = ['fast', 'default', 'max', GZIP6.name, XZ.name].map((name) => all[name]!) as [
    Timing,
    Timing,
    Timing,
    Timing,
    Timing,
  ]
  costAtLeast(context, 'fast: throughput over xz -9e', faster(fast.encode, xz.encode), 15)
  costAtLeast(context, 'default: throughput over xz -9e', faster(standard.encode, xz.encode), 3)
  costAtLeast(context, 'max: throughput over xz -9e', faster(max.encode, xz.encode), 1)
  context.say(
    `the whole command, its start included: fast over gzip -6 ${faster(fast.encode, gzip.encode).toFixed(2)}, ` +
      `decompression over xz -dc: fast ${faster(fast.decode, xz.decode).toFixed(2)}, default ${faster(standard.decode, xz.decode).toFixed(2)}`,
  )
}

/** The library in a process that has run it before: large generated logs, and the real ones as they are. */
export async function acceptWarm(context: AcceptContext): Promise<void> {
  const large = largeFiles(context.cache, size(context, 64))
  const fastLarge = await measureWarm(context, large, 'fast', 2)
  const gzipLarge = await measurePeer(context, large, GZIP6, false)
  context.say(warmTable('encode', { fast: fastLarge }, { [GZIP6.name]: gzipLarge }))
  const name = `fast, warm: throughput over gzip -6, ${size(context, 64)} MB of each format and of all`
  costAtLeast(context, name, meanGain(fastLarge, gzipLarge, 'encode'), 1)

  const real = speedFiles(context.cache)
  const ours = {
    fast: await measureWarm(context, real, 'fast', WARM_REPEATS.fast),
    default: await measureWarm(context, real, 'default', WARM_REPEATS.default),
  }
  const [gzip, xz] = [await measurePeer(context, real, GZIP6, false), await measurePeer(context, real, XZ, true)]
  for (const direction of ['encode', 'decode'] as const) {
    context.say(warmTable(direction, ours, { [GZIP6.name]: gzip, [XZ.name]: xz }))
  }
  costAtLeast(context, 'fast, warm: decompression over xz -dc', meanGain(ours.fast, xz, 'decode'), 1)
  costAtLeast(context, 'default, warm: decompression over xz -dc', meanGain(ours.default, xz, 'decode'), 1)
  context.say(
    `throughput over gzip -6 on the real files: fast ${meanGain(ours.fast, gzip, 'encode').toFixed(2)}\n` +
      `decompression over gzip -dc: fast ${meanGain(ours.fast, gzip, 'decode').toFixed(2)}, default ${meanGain(ours.default, gzip, 'decode').toFixed(2)} (aim: 1)`,
  )
}

export async function sayStart(context: AcceptContext): Promise<void> {
  const start = await measureStart(context, 7)
  const rows = Object.entries(start).map(([name, costs]) => [
    name,
    median(costs.map((cost) => cost.wallMs)).toFixed(0),
    median(costs.map((cost) => cost.cpuMs)).toFixed(0),
  ])
  context.say(textTable(['cold start', 'wall ms', 'CPU ms'], rows))
  const version = median(start['pith --version']!.map((cost) => cost.wallMs))
  const node = median(start['node -e 0']!.map((cost) => cost.wallMs))
  context.check('the command starts', version > 0, `${version.toFixed(0)} ms, Node alone ${node.toFixed(0)} ms`)
}

export async function acceptThreads(context: AcceptContext): Promise<void> {
  const file = sampleFile(context.cache, size(context, 256), 'mixed')
  for (const level of ['fast', 'default'] as const) {
    const { one, two, same } = await measureThreads(context, file, level, 1)
    context.check(`${level}: one thread and two write the same bytes`, same, `${size(context, 256)} MB`)
    costAtLeast(context, `${level}: two threads over one, ${size(context, 256)} MB`, faster(two, one), 1.7)
  }
}

export async function acceptMemory(context: AcceptContext): Promise<void> {
  for (const planned of MEMORY_RUNS) {
    const run = { ...planned, megabytes: size(context, planned.megabytes) }
    const name = `${run.level}: peak memory in MB, ${run.megabytes} MB${run.mixture === 'flat' ? ' without a line feed' : ''}`
    const { compress, decompress } = await measureMemory(context, run)
    for (const [way, cost] of [
      ['', compress],
      [', decompressed', decompress],
    ] as const) {
      context.checkCost(
        `${name}${way}`,
        cost.peakBytes <= MEMORY_LIMIT,
        `${(cost.peakBytes / 1e6).toFixed(0)} (at most 400), ${(cost.wallMs / 1000).toFixed(0)} s`,
      )
    }
  }
}

export async function acceptGrowth(context: AcceptContext): Promise<void> {
  const sizes = [16, 32, 64, 128].map((megabytes) => size(context, megabytes))
  for (const level of LEVELS.slice(0, 1)) {
    const { points, exponent } = await measureGrowth(context, level, sizes)
    context.say(points.map(([mb, ms]) => `${mb} MB ${(ms / 1000).toFixed(1)} s`).join(', '))
    costAtMost(context, `${level}: exponent of time over size`, exponent, 1.15, 2)
  }
}
