/** Searching a large log with the installed command, and how little is read for it. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchContext } from '../measure/case.ts'
import { dataFolder, NO_DATA } from '../measure/data.ts'
import { versionOf } from '../measure/peers.ts'
import { median, quantile } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'
import { absentPatterns, shareOf } from './grep-share.ts'
import { largeQueries, packBoth, timeQueries } from './grep-time.ts'
import { sampleFile } from './samples.ts'

const QUANTILES = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1]

export async function benchSearch(context: BenchContext): Promise<void> {
  if (dataFolder() === undefined) return context.say(`${NO_DATA}\n`)
  const megabytes = Math.max(1, Math.round(1000 * context.scale))
  const peer = { name: 'zstd -dc | grep', version: `zstd ${versionOf('zstd')}, grep ${versionOf('grep')}` }
  for (const mixture of ['mixed', 'Linux_full'] as const) {
    const file = sampleFile(context.cache, megabytes, mixture)
    const queries = largeQueries(file, 11, 44)
    for (const level of ['fast', 'default'] as const) {
      const log = await packBoth(context, file, level)
      const timed = await timeQueries(context, log, queries, Math.min(3, context.repeats))
      const shares = (await shareOf(log.packed, absentPatterns(file, 12, 6))).map(({ share }) => share)
      const data = { name: `generated, ${mixture}`, bytes: megabytes * 1e6 }
      const common = { system: 'logzip', data, peer, repeats: Math.min(3, context.repeats) }
      for (const query of timed) {
        context.add({
          ...common,
          kind: 'grep',
          params: { level, kind: query.kind, query: [...query.flags, query.pattern].join(' '), lines: query.lines },
          ours: { wallMs: query.oursMs },
          theirs: { wallMs: query.pipeMs },
          vs: { wall: query.pipeMs / query.oursMs },
        })
      }
      const gains = timed.map((query) => query.pipeMs / query.oursMs)
      const rare = timed.filter((query) => query.kind === 'rare').map((query) => query.pipeMs / query.oursMs)
      context.add({
        ...common,
        kind: 'grep-summary',
        params: { level },
        ours: { ratio: log.bytes.raw / log.bytes.ours, quality: { shareRead: median(shares) } },
        theirs: { ratio: log.bytes.raw / log.bytes.zstd, quality: { shareRead: 1 } },
        vs: {
          ratio: log.bytes.zstd / log.bytes.ours,
          rare: median(rare),
          median: median(gains),
          least: Math.min(...gains),
        },
      })
      const row = (name: string, values: readonly number[]) => [
        name,
        ...QUANTILES.map((share) => quantile(values, share).toFixed(2)),
      ]
      context.say(
        textTable(
          [`${level}, ${mixture}`, ...QUANTILES.map((share) => `${share * 100} %`)],
          [row('times faster', gains), row('of these rare', rare), row('share read, no hit', shares)],
        ),
      )
      rmSync(log.packed)
    }
  }
  rmSync(join(context.cache, 'large'), { recursive: true })
}
