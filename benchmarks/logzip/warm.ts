/** Throughput of the library in a process that has run it before: `logzip.bench.ts` in a process of its own. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchContext } from '../measure/case.ts'
import { type DataFile, dataFolder, NO_DATA } from '../measure/data.ts'
import { ROOT } from '../measure/machine.ts'
import { GZIP6, type Peer, versionOf, XZ } from '../measure/peers.ts'
import { mustRun } from '../measure/process.ts'
import { geometricMean, median, spread } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'
import { cacheFolder, LEVELS, type Level } from './command.ts'
import { speedFiles } from './samples.ts'

/** CPU milliseconds of one file: the first call apart, then those in a warm process. */
export interface WarmTiming {
  readonly file: DataFile
  readonly packed: number
  readonly cold: { readonly encode: number; readonly decode: number }
  readonly encode: readonly number[]
  readonly decode: readonly number[]
}

/** What a peer, a command that needs no warming, takes for the same file. */
export interface PeerTiming {
  readonly encode: readonly number[]
  readonly decode: readonly number[]
}

interface WarmReport {
  readonly bytes: number
  readonly packed: number
  readonly encodeMs: readonly number[]
  readonly decodeMs: readonly number[]
}

type Place = Pick<BenchContext, 'cache'>

/** Run the library over files in one process: a cold round, `repeats` to get warm, `repeats` that count. */
export async function measureWarm(
  context: Place,
  files: readonly DataFile[],
  level: Level,
  repeats: number,
): Promise<WarmTiming[]> {
  const program = join(ROOT, 'packages/text/src/logzip/logzip.bench.ts')
  const out = join(cacheFolder(context.cache, 'warm'), 'report.jsonl')
  const words = [program, level, String(2 * repeats), ...files.map(({ path }) => path)]
  await mustRun([process.execPath, '--conditions=pith-dev', ...words], { stdout: out })
  const lines = readFileSync(out, 'utf8').trim().split('\n')
  return files.map((file, i) => {
    const { packed, encodeMs, decodeMs } = JSON.parse(lines[i]!) as WarmReport
    const cold = { encode: encodeMs[0]!, decode: decodeMs[0]! }
    const warm = (times: readonly number[]): readonly number[] => times.slice((times.length + 1) >> 1)
    return { file, packed, cold, encode: warm(encodeMs), decode: warm(decodeMs) }
  })
}

/** Bytes that a peer handles in one process, so that its start and the ticks of GNU time don't count. */
const PEER_BYTES = 128e6

/** Run a peer over the same files, each named many times in one command; slow encoders have it once. */
export async function measurePeer(
  context: Place,
  files: readonly DataFile[],
  peer: Peer,
  encodesOnce: boolean,
): Promise<PeerTiming[]> {
  const packed = join(cacheFolder(context.cache, 'warm'), 'peer')
  const all: PeerTiming[] = []
  for (const { path, bytes } of files) {
    const times = Math.ceil(PEER_BYTES / bytes)
    const run = async (command: readonly string[], file: string, count: number): Promise<number> =>
      (await mustRun([...command, ...new Array<string>(count).fill(file)])).cpuMs / count
    const one = (await mustRun(peer.compress, { stdin: path, stdout: packed })).cpuMs
    const encode = encodesOnce ? [one] : []
    const decode: number[] = []
    for (let i = 0; i < 3; i++) {
      if (!encodesOnce) encode.push(await run(peer.compress, path, Math.max(1, times >> 1)))
      decode.push(await run(peer.decompress, packed, times))
    }
    all.push({ encode, decode })
  }
  return all
}

/** Geometric mean over the files of how many times faster we are. */
export function meanGain(
  ours: readonly WarmTiming[],
  theirs: readonly PeerTiming[],
  direction: 'encode' | 'decode',
): number {
  return geometricMean(ours.map((timing, i) => median(theirs[i]![direction]) / median(timing[direction])))
}

/** One row a file: MB/s of the first call, of later ones, and of the peers. */
export function warmTable(
  direction: 'encode' | 'decode',
  ours: Readonly<Record<string, readonly WarmTiming[]>>,
  theirs: Readonly<Record<string, readonly PeerTiming[]>>,
): string {
  const rows = (Object.values(ours)[0] ?? []).map(({ file }, i) => {
    const mb = (ms: number): string => (file.bytes / 1000 / ms).toFixed(1)
    return [
      file.name,
      ...Object.values(ours).flatMap((timings) => [
        mb(timings[i]!.cold[direction]),
        mb(median(timings[i]![direction])),
      ]),
      ...Object.values(theirs).map((timings) => mb(median(timings[i]![direction]))),
    ]
  })
  const head = [
    direction === 'encode' ? 'MB/s in' : 'MB/s out',
    ...Object.keys(ours).flatMap((level) => [`${level} first`, `${level} warm`]),
    ...Object.keys(theirs),
  ]
  return textTable(head, rows)
}

/** Rounds that count, and as many before them in which the engine compiles what it runs; see {@link measureWarm}. */
export const WARM_REPEATS: Readonly<Record<Level, number>> = { fast: 20, default: 2, max: 1 }

export async function benchWarm(context: BenchContext): Promise<void> {
  if (dataFolder() === undefined) return context.say(`${NO_DATA}\n`)
  const ours: Record<string, WarmTiming[]> = {}
  const files = speedFiles(context.cache)
  for (const level of LEVELS) ours[level] = await measureWarm(context, files, level, WARM_REPEATS[level])
  const theirs: Record<string, PeerTiming[]> = {}
  for (const peer of [GZIP6, XZ]) theirs[peer.name] = await measurePeer(context, files, peer, peer === XZ)
  for (const [level, timings] of Object.entries(ours)) {
    for (const peer of [GZIP6, XZ]) {
      for (const [i, timing] of timings.entries()) {
        const other = theirs[peer.name]![i]!
        const { name, group, bytes } = timing.file
        const mb = (times: readonly number[]): number => bytes / 1000 / median(times)
        context.add({
          system: 'logzip',
          kind: 'warm',
          peer: { name: peer.name, version: versionOf(peer.tool) },
          data: { name, group, bytes },
          params: { level, threads: 1 },
          ours: {
            ratio: bytes / timing.packed,
            encodeMBps: mb(timing.encode),
            decodeMBps: mb(timing.decode),
            quality: { coldEncodeMBps: mb([timing.cold.encode]), coldDecodeMBps: mb([timing.cold.decode]) },
          },
          theirs: { encodeMBps: mb(other.encode), decodeMBps: mb(other.decode) },
          vs: {
            encode: median(other.encode) / median(timing.encode),
            decode: median(other.decode) / median(timing.decode),
          },
          repeats: timing.encode.length,
          spread: spread(timing.encode),
        })
      }
    }
  }
  context.say(warmTable('encode', ours, theirs))
  context.say(warmTable('decode', ours, theirs))
}
