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
const SHORTFALLS: Readonly<Record<string, string>> = {
  'fast: median share read without a hit, full-size files':
    'the queries are digits for the most part, for which columns are read; words read 9 to 55 % (decision 0005)',
  'default: median share read without a hit, full-size files':
    'the queries are digits for the most part, for which columns are read; words read 9 to 55 % (decision 0005)',
}

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
