/** Searching: the lines of GNU grep, how little is read, how long it takes. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type AcceptContext, atMost } from '../../measure/accept.ts'
import { realLogs } from '../../measure/data.ts'
import { median, quantile } from '../../measure/statistics.ts'
import { textTable } from '../../measure/table.ts'
import type { Level } from '../command.ts'
import { compareWithGrep, type Difference, oddLogs } from '../grep-lines.ts'
import { absentPatterns, measureShare, shareOf } from '../grep-share.ts'
import { largeQueries, packBoth, type TimedQuery, timeQueries } from '../grep-time.ts'
import { sampleFile } from '../samples.ts'
import { measureStart } from '../speed.ts'

const QUERIES_A_FILE = 200
/** Queries of the large log that are timed. */
const LARGE_QUERIES = 16
/** Milliseconds for the timed queries of one level. */
const TIME_FOR_QUERIES = 120_000

function show({ file, level, query, ours, theirs }: Difference): string {
  const words = [...query.flags, JSON.stringify(query.pattern)].join(' ')
  return `${file} at ${level}: ${words}: ${ours.code}/${ours.bytes} bytes, grep ${theirs.code}/${theirs.bytes} ${ours.message}`
}

/** 200 queries a file at `fast` or `default` in turn, some at `max`. */
export async function acceptGrepLines(context: AcceptContext): Promise<void> {
  const logs = realLogs()
  const odd = oddLogs(context.cache, logs.find((log) => log.name === 'Linux_full') ?? logs[0]!)
  const count = Math.max(12, Math.round(QUERIES_A_FILE * Math.min(1, context.scale)))
  let queries = 0
  const differences: Difference[] = []
  for (const [index, log] of [...logs, ...odd].entries()) {
    const level = index % 2 === 0 ? 'fast' : 'default'
    const result = await compareWithGrep(context, log, level, count, 1000 + index)
    queries += result.queries
    differences.push(...result.differences)
  }
  const small = logs.filter((log) => log.group === '2k').slice(0, 3)
  for (const log of small) {
    const result = await compareWithGrep(context, log, 'max', Math.round(count / 8), 77)
    queries += result.queries
    differences.push(...result.differences)
  }
  for (const difference of differences.slice(0, 8)) context.say(show(difference))
  const figure = `${queries - differences.length} of ${queries}`
  context.check(`grep prints the lines of GNU grep, ${count} queries a file`, differences.length === 0, figure)
}

/** Share of the coded bytes that queries without a hit read, on the full-size files. */
export async function acceptGrepShare(context: AcceptContext): Promise<void> {
  for (const level of ['fast', 'default'] as const) {
    const shares: number[] = []
    const outside: number[] = []
    for (const log of realLogs().filter((file) => file.group === 'full')) {
      const patterns = absentPatterns(log.path, 20, 5)
      const found = await measureShare(context, log.path, level, patterns)
      shares.push(...found.map(({ share }) => share))
      context.say(
        `${level} ${log.name}: median ${median(found.map(({ share }) => share)).toFixed(3)} of ${found.length}`,
      )
      const late = await measureShare(context, log.path, level, patterns.slice(0, 3), { since: Date.UTC(2090, 0, 1) })
      outside.push(...late.map(({ share }) => share))
    }
    atMost(context, `${level}: median share read without a hit, full-size files`, median(shares), 0.4)
    atMost(context, `${level}: median share read where the time range leaves all out`, median(outside), 0.1)
  }
}

/** A log of 1 GB: shares, and wall clock against the pipe. */
export async function acceptLargeGrep(context: AcceptContext): Promise<void> {
  const megabytes = Math.max(1, Math.round(1000 * context.scale))
  const file = sampleFile(context.cache, megabytes, 'mixed')
  const start = await measureStart(context, 5)
  const startMs = median(start['node -e 0']!.map((cost) => cost.wallMs))
  const queries = largeQueries(file, 11, LARGE_QUERIES)
  for (const level of ['fast', 'default'] as const) {
    const log = await packBoth(context, file, level)
    context.say(
      `${level}: ${megabytes} MB in ${(log.bytes.ours / 1e6).toFixed(1)} MB, zstd -3 ${(log.bytes.zstd / 1e6).toFixed(1)} MB; peak ${(log.peakBytes / 1e6).toFixed(0)} MB`,
    )
    const shares = (await shareOf(log.packed, absentPatterns(file, 8, 6))).map(({ share }) => share)
    atMost(context, `${level}: median share read without a hit, large file`, median(shares), 0.4)
    const timed = await timeQueries(context, log, queries, 1, TIME_FOR_QUERIES)
    const figure = `${timed.length} of ${queries.length}`
    context.checkCost(`${level}: all queries within two minutes`, timed.length === queries.length, figure)
    tellTimes(context, level, timed, startMs)
    rmSync(log.packed)
  }
  rmSync(join(context.cache, 'large'), { recursive: true })
}

function tellTimes(context: AcceptContext, level: Level, timed: readonly TimedQuery[], startMs: number): void {
  const rows = timed.map((query) => [
    `${query.kind} ${[...query.flags, query.pattern.slice(0, 40)].join(' ').replace(/[^ -~]/g, '?')}`,
    String(query.lines),
    query.oursMs.toFixed(0),
    query.pipeMs.toFixed(0),
    (query.pipeMs / query.oursMs).toFixed(2),
  ])
  context.say(textTable([`${level}, wall clock`, 'lines', 'pith ms', 'pipe ms', 'times'], rows))
  const gains = timed.map((query) => query.pipeMs / query.oursMs)
  const spreadOf = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1].map((share) => quantile(gains, share).toFixed(2)).join(' ')
  context.say(`${level}: times faster than the pipe at 0, 10, 25, 50, 75, 90, 100 %: ${spreadOf}`)
  const rare = timed.filter((query) => query.kind === 'rare').map((query) => query.pipeMs / query.oursMs)
  const value = median(rare)
  context.checkCost(
    `${level}: a rare token, times faster than zstd -dc | grep -F`,
    value >= 3,
    `${value.toFixed(2)} (at least 3, median of ${rare.length})`,
  )
  const slower = timed.filter((query) => query.oursMs > query.pipeMs + startMs)
  const figure = slower.map(
    (query) =>
      `${query.kind} ${query.pattern.slice(0, 30)} ${query.oursMs.toFixed(0)} ms, pipe ${query.pipeMs.toFixed(0)} ms`,
  )
  context.checkCost(
    `${level}: no query slower than the pipe and Node's start`,
    slower.length === 0,
    slower.length === 0
      ? `${timed.length} queries`
      : `${slower.length} of ${timed.length}: ${figure.slice(0, 4).join('; ')}`,
  )
}
