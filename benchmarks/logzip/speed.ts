/** CPU time of compression and decompression, one thread against one, and what a second thread gains. */
import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchContext, Case } from '../measure/case.ts'
import { dataFolder, NO_DATA } from '../measure/data.ts'
import { BROTLI, GZIP6, type Peer, versionOf, XZ, ZSTD3 } from '../measure/peers.ts'
import { type Cost, mustRun } from '../measure/process.ts'
import { interleave, median, spread } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'
import { cacheFolder, LEVELS, type Level, PithCommand } from './command.ts'
import { sampleFile } from './samples.ts'
import { mustBeSame, sameBytes } from './sizes.ts'

/** CPU milliseconds of one contender, one value a repeat. */
export interface Timing {
  readonly encode: readonly number[]
  readonly decode: readonly number[]
  readonly bytes: number
}

/** One direction of one contender, run once. */
interface Contender {
  readonly name: string
  readonly encode: readonly string[]
  readonly decode: readonly string[]
  readonly stdin: boolean
}

function contendersOf(
  pith: PithCommand,
  file: string,
  folder: string,
  levels: readonly Level[],
  peers: readonly Peer[],
): Contender[] {
  const packed = (name: string) => join(folder, `${name.replaceAll(' ', '')}.packed`)
  return [
    ...levels.map((level) => ({
      name: level,
      encode: pith.compress(file, packed(level), level, { threads: 1 }),
      decode: pith.decompress(packed(level), join(folder, 'back'), 1),
      stdin: false,
    })),
    ...peers.map((peer) => ({ name: peer.name, encode: peer.compress, decode: peer.decompress, stdin: true })),
  ]
}

/** Measure levels and peers on one file, A B A B. @throws Error other bytes come back */
export async function measureSpeed(
  context: Pick<BenchContext, 'pith' | 'cache'>,
  file: string,
  plan: { levels: readonly Level[]; peers: readonly Peer[]; repeats: number },
): Promise<Record<string, Timing>> {
  const folder = cacheFolder(context.cache, 'speed')
  const contenders = contendersOf(new PithCommand(context.pith), file, folder, plan.levels, plan.peers)
  const packed = (name: string) => join(folder, `${name.replaceAll(' ', '')}.packed`)
  const run = async (contender: Contender, direction: 'encode' | 'decode'): Promise<Cost> => {
    const input = direction === 'encode' ? file : packed(contender.name)
    const output = direction === 'encode' ? packed(contender.name) : join(folder, 'back')
    return await mustRun(contender[direction], contender.stdin ? { stdin: input, stdout: output } : {})
  }
  const both = Object.fromEntries(
    contenders.map((contender) => [
      contender.name,
      async () => {
        const encode = (await run(contender, 'encode')).cpuMs
        const decode = (await run(contender, 'decode')).cpuMs
        await mustBeSame(file, join(folder, 'back'))
        return { encode, decode, bytes: statSync(packed(contender.name)).size }
      },
    ]),
  )
  const results = await interleave(both, plan.repeats)
  rmSync(folder, { recursive: true })
  return Object.fromEntries(
    Object.entries(results).map(([name, repeats]) => [
      name,
      {
        encode: repeats.map((repeat) => repeat.encode),
        decode: repeats.map((repeat) => repeat.decode),
        bytes: repeats[0]!.bytes,
      },
    ]),
  )
}

/** How many times faster `ours` is, by the medians. */
export function faster(ours: readonly number[], theirs: readonly number[]): number {
  return median(theirs) / median(ours)
}

/** Wall-clock ms of compression with one and with two threads, in turns, and whether both write the same bytes. */
export async function measureThreads(
  context: Pick<BenchContext, 'pith' | 'cache'>,
  file: string,
  level: Level,
  repeats: number,
): Promise<{ one: number[]; two: number[]; same: boolean }> {
  const pith = new PithCommand(context.pith)
  const folder = cacheFolder(context.cache, 'threads')
  const out = (threads: number) => join(folder, `${threads}.pith`)
  const wall = (threads: number) => async () =>
    (await mustRun(pith.compress(file, out(threads), level, { threads }))).wallMs
  const { one = [], two = [] } = await interleave({ one: wall(1), two: wall(2) }, repeats)
  const same = await sameBytes(out(1), out(2))
  rmSync(folder, { recursive: true })
  return { one, two, same }
}

/** Cost of starting the command, and of compressing next to nothing. */
export async function measureStart(
  context: Pick<BenchContext, 'pith' | 'cache'>,
  repeats: number,
): Promise<Record<string, Cost[]>> {
  const pith = new PithCommand(context.pith)
  const folder = cacheFolder(context.cache, 'start')
  const small = join(folder, 'small.log')
  const { writeFileSync } = await import('node:fs')
  writeFileSync(small, 'Jun 15 02:04:59 combo sshd: session opened for user root\n'.repeat(20))
  const packed = join(folder, 'small.pith')
  await mustRun(pith.compress(small, packed, 'fast'))
  return await interleave(
    {
      'node -e 0': () => mustRun([process.execPath, '-e', '0']),
      'pith --version': () => mustRun(pith.line('--version')),
      'pith compress (1 KB)': () => mustRun(pith.compress(small, packed, 'fast')),
      'pith grep (1 KB)': () => mustRun(pith.line('grep', '-F', '-c', 'root', packed)),
    },
    repeats,
  )
}

const SPEED_PEERS: readonly Peer[] = [GZIP6, ZSTD3, XZ, BROTLI]

export async function benchSpeed(context: BenchContext): Promise<void> {
  await benchStart(context)
  if (dataFolder() === undefined) return context.say(`${NO_DATA}\n`)
  const megabytes = Math.max(1, Math.round(64 * context.scale))
  const file = sampleFile(context.cache, megabytes, 'mixed')
  const timings = await measureSpeed(context, file, { levels: LEVELS, peers: SPEED_PEERS, repeats: context.repeats })
  const mb = (times: readonly number[]) => (megabytes * 1000) / median(times)
  for (const level of LEVELS) {
    const ours = timings[level]!
    for (const peer of SPEED_PEERS) {
      const theirs = timings[peer.name]!
      context.add({
        system: 'logzip',
        kind: 'speed',
        peer: { name: peer.name, version: versionOf(peer.tool) },
        data: { name: 'generated, mixed', bytes: megabytes * 1e6 },
        params: { level, threads: 1 },
        ours: { ratio: (megabytes * 1e6) / ours.bytes, encodeMBps: mb(ours.encode), decodeMBps: mb(ours.decode) },
        theirs: {
          ratio: (megabytes * 1e6) / theirs.bytes,
          encodeMBps: mb(theirs.encode),
          decodeMBps: mb(theirs.decode),
        },
        vs: {
          ratio: theirs.bytes / ours.bytes,
          encode: faster(ours.encode, theirs.encode),
          decode: faster(ours.decode, theirs.decode),
        },
        repeats: context.repeats,
        spread: spread(ours.encode),
      })
    }
  }
  const rows = Object.entries(timings).map(([name, { encode, decode, bytes }]) => [
    name,
    ((megabytes * 1e6) / bytes).toFixed(2),
    mb(encode).toFixed(1),
    `${(spread(encode) * 100).toFixed(0)} %`,
    mb(decode).toFixed(1),
    `${(spread(decode) * 100).toFixed(0)} %`,
  ])
  context.say(textTable([`${megabytes} MB`, 'ratio', 'MB/s in', 'spread', 'MB/s out', 'spread'], rows))
}

async function benchStart(context: BenchContext): Promise<void> {
  const start = await measureStart(context, Math.max(5, context.repeats))
  const rows = Object.entries(start).map(([name, costs]) => [
    name,
    median(costs.map((cost) => cost.wallMs)).toFixed(0),
    median(costs.map((cost) => cost.cpuMs)).toFixed(0),
    (median(costs.map((cost) => cost.peakBytes)) / 2 ** 20).toFixed(0),
  ])
  const node = start['node -e 0']!
  for (const [name, costs] of Object.entries(start)) {
    if (name === 'node -e 0') continue
    const figures = (list: readonly Cost[]) => ({
      wallMs: median(list.map((cost) => cost.wallMs)),
      cpuMs: median(list.map((cost) => cost.cpuMs)),
      peakMiB: median(list.map((cost) => cost.peakBytes)) / 2 ** 20,
    })
    const [ours, theirs] = [figures(costs), figures(node)]
    const result: Case = {
      system: 'logzip',
      kind: 'start',
      peer: { name: 'node -e 0', version: process.versions.node },
      data: { name, bytes: 0 },
      params: {},
      ours,
      theirs,
      vs: { wall: ours.wallMs / theirs.wallMs },
      repeats: costs.length,
      spread: spread(costs.map((cost) => cost.wallMs)),
    }
    context.add(result)
  }
  context.say(textTable(['cold start', 'wall ms', 'CPU ms', 'peak MiB'], rows))
}

export async function benchThreads(context: BenchContext): Promise<void> {
  if (dataFolder() === undefined) return context.say(`${NO_DATA}\n`)
  const megabytes = Math.max(1, Math.round(256 * context.scale))
  const file = sampleFile(context.cache, megabytes, 'mixed')
  const rows: string[][] = []
  for (const level of LEVELS) {
    const { one, two } = await measureThreads(context, file, level, Math.min(3, context.repeats))
    const gain = faster(two, one)
    rows.push([level, (median(one) / 1000).toFixed(1), (median(two) / 1000).toFixed(1), gain.toFixed(2)])
    context.add({
      system: 'logzip',
      kind: 'threads',
      peer: { name: 'one thread' },
      data: { name: 'generated, mixed', bytes: megabytes * 1e6 },
      params: { level, threads: 2 },
      ours: { wallMs: median(two) },
      theirs: { wallMs: median(one) },
      vs: { wall: gain },
      repeats: one.length,
      spread: spread(two),
    })
  }
  context.say(textTable([`${megabytes} MB`, '1 thread s', '2 threads s', 'gain'], rows))
}
