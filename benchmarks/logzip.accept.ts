/** What logzip promises: `npm run accept -- logzip`. */
import {
  acceptCutFile,
  acceptDamages,
  acceptExpansion,
  acceptFlush,
  acceptFullDisk,
  acceptKills,
} from './logzip/accept/durable.ts'
import { acceptBrowser, acceptExact, acceptFuzz, acceptSecondDecoder } from './logzip/accept/exact.ts'
import { acceptGrepLines, acceptGrepShare, acceptLargeGrep } from './logzip/accept/search.ts'
import { acceptHeldOut, acceptSizes } from './logzip/accept/sizes.ts'
import { acceptGrowth, acceptMemory, acceptSpeed, acceptThreads, acceptWarm, sayStart } from './logzip/accept/speed.ts'
import type { Accept, AcceptContext, Section } from './measure/accept.ts'

type Check = (context: AcceptContext) => Promise<void>
const inLane = (lane?: string) => (lane === undefined ? {} : { lane })
const always = (run: Check, lane?: string): Section => ({ needsData: false, run, ...inLane(lane) })
const withData = (run: Check, lane?: string): Section => ({ needsData: true, run, ...inLane(lane) })

/** Targets that are missed, and why. */
const SHORTFALLS: Readonly<Record<string, string>> = Object.fromEntries(
  ['fast', 'default'].flatMap((level) => [
    [
      `${level}: a rare token, times faster than zstd -dc | grep -F`,
      'words that no chunk has are answered from the filters; ids are numbers, whose chunks are decoded (decision 0005)',
    ],
    [
      `${level}: no query slower than the pipe and Node's start`,
      'what the filters do not exclude is decoded at some 400 MB/s by two threads, zstd -3 decodes at 2 GB/s',
    ],
  ]),
)

export const accept: Accept = {
  system: 'logzip',
  shortfalls: SHORTFALLS,
  sections: {
    // The longest lane first.
    memory: withData(acceptMemory, 'memory'),
    start: always(sayStart),
    sizes: withData(acceptSizes, 'sizes'),
    'held-out': always(acceptHeldOut, 'sizes'),
    fuzz: always(acceptFuzz, 'fuzz'),
    exact: withData(acceptExact, 'exact'),
    'grep-lines': withData(acceptGrepLines, 'grep'),
    'grep-share': withData(acceptGrepShare, 'grep'),
    'grep-large': withData(acceptLargeGrep),
    speed: withData(acceptSpeed),
    warm: withData(acceptWarm),
    threads: withData(acceptThreads),
    growth: withData(acceptGrowth),
    flush: withData(acceptFlush, 'crashes'),
    kills: withData(acceptKills, 'crashes'),
    'full-disk': withData(acceptFullDisk, 'exact'),
    damages: withData(acceptDamages, 'exact'),
    cut: withData(acceptCutFile, 'exact'),
    expansion: always(acceptExpansion, 'memory'),
    browser: always(acceptBrowser, 'exact'),
    'second-decoder': always(acceptSecondDecoder, 'exact'),
  },
}
