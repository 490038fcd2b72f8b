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

const always = (run: (context: AcceptContext) => Promise<void>): Section => ({ needsData: false, run })
const withData = (run: (context: AcceptContext) => Promise<void>): Section => ({ needsData: true, run })

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
    [
      `${level}: median share read without a hit, large file`,
      'each chunk of 21 formats has columns that may hold the digits of most queries',
    ],
    [
      `${level}: median share read without a hit, full-size files`,
      'words read 17 to 58 %: dictionaries stand in one block with the templates; digits that may be there read all columns',
    ],
  ]),
)

export const accept: Accept = {
  system: 'logzip',
  shortfalls: SHORTFALLS,
  sections: {
    start: always(sayStart),
    sizes: withData(acceptSizes),
    'held-out': always(acceptHeldOut),
    fuzz: always(acceptFuzz),
    exact: withData(acceptExact),
    'grep-lines': withData(acceptGrepLines),
    'grep-share': withData(acceptGrepShare),
    'grep-large': withData(acceptLargeGrep),
    speed: withData(acceptSpeed),
    warm: withData(acceptWarm),
    threads: withData(acceptThreads),
    growth: withData(acceptGrowth),
    memory: withData(acceptMemory),
    flush: withData(acceptFlush),
    kills: withData(acceptKills),
    'full-disk': withData(acceptFullDisk),
    damages: withData(acceptDamages),
    cut: withData(acceptCutFile),
    expansion: always(acceptExpansion),
    browser: always(acceptBrowser),
    'second-decoder': always(acceptSecondDecoder),
  },
}
