/** How long the first token takes where the beginning of a text is known, against reading all of it; and near misses. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fitProfile, profileCoder } from '@pith/kv'
import { type ChunkCoder, PrefixStore, rawCoder, type StoreTier } from '@pith/kv/store'
import { diskTier, redisTier } from '@pith/kv/store/node'
import { type Lm, prefillThrough } from '@pith/lm'
import { loadLm } from '@pith/lm/node'
import { askNearMisses } from '../../packages/kv/test/near-miss.ts'
import { startRedis } from '../../packages/kv/test/redis-server.ts'
import { type AcceptContext, costAtMost } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { ROOT } from '../measure/machine.ts'
import { interleave } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'

/** Tokens that a second text has in common with the first, and those behind them. */
const PREFIX = 768
const QUESTION = 32

/** Part of the time to the first token that a known prefix may take. */
const LIMIT = 0.3

/** Near misses of the acceptance. */
const MISSES = 10_000

/** Milliseconds. */
interface Times {
  readonly cpu: number
  readonly wall: number
}

/** One way to keep prefixes, against none. */
export interface StoreFigures {
  readonly coder: string
  readonly tier: string
  readonly times: Times
  /** Of the values. */
  readonly bytes: number
  /** CPU milliseconds behind the first text to keep its prefix. */
  readonly keepCpu: number
}

/** What all ways of keeping took in one run. */
export interface StoreRun {
  readonly plain: Times
  readonly stores: readonly StoreFigures[]
}

/** Ids of a document of the repository: text that the model was not trained on. */
function idsOf(lm: Lm, file: string): Int32Array {
  return lm.tokenizer.encode(readFileSync(join(ROOT, file), 'utf8').toLowerCase(), { special: true })
}

async function timed(task: () => Promise<unknown>): Promise<Times> {
  const [start, from] = [process.cpuUsage(), performance.now()]
  await task()
  const wall = performance.now() - from
  const { user, system } = process.cpuUsage(start)
  return { cpu: (user + system) / 1000, wall }
}

function least(times: readonly Times[]): Times {
  return { cpu: Math.min(...times.map((own) => own.cpu)), wall: Math.min(...times.map((own) => own.wall)) }
}

/** Measure all ways of keeping in turn with none. Stores hold nothing in memory: the prefix is read from its tier each time. */
export async function measureStore(rounds: number, presets: readonly ('cachegen' | 'pca')[]): Promise<StoreRun> {
  const folder = mkdtempSync(join(tmpdir(), 'pith-kv-'))
  const server = await startRedis()
  const lm = await loadLm(join(ROOT, 'models/pith-recall'), { threads: 1 })
  try {
    const learned = idsOf(lm, 'docs/engine.md')
    const fit = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => learned.slice(512 * i, 512 * (i + 1)))
    const coders: ChunkCoder[] = [rawCoder('f32'), rawCoder('f16')]
    for (const preset of presets) coders.push(profileCoder(await fitProfile(lm, fit, { preset })))
    const tiers: Record<string, () => Promise<StoreTier>> = {
      folder: async () => diskTier(join(folder, 'store')),
      redis: () => redisTier(server.url),
    }
    const ids = idsOf(lm, 'ARCHITECTURE.md').slice(0, PREFIX + QUESTION)
    const open = async (coder: ChunkCoder, tier: string): Promise<PrefixStore> =>
      new PrefixStore({ tiers: [await (tiers[tier] as () => Promise<StoreTier>)()], coder })
    const tasks: Record<string, () => Promise<Times>> = {
      plain: () => timed(() => lm.session({ capacity: ids.length }).prefill(ids)),
    }
    const stores: PrefixStore[] = []
    const kept: Omit<StoreFigures, 'times'>[] = []
    for (const coder of coders) {
      for (const tier of Object.keys(tiers)) {
        const store = await open(coder, tier)
        await prefillThrough(lm.session({ capacity: ids.length }), ids, store)
        const { cpu: keepCpu } = await timed(() => store.flush())
        await store.close()
        const place = await (tiers[tier] as () => Promise<StoreTier>)()
        let bytes = 0
        for await (const value of place.list()) if (value.name.endsWith(`.${coder.name}`)) bytes += value.bytes
        await place.close()
        kept.push({ coder: coder.name.replace(/-[0-9a-f]{16}$/, ''), tier, bytes, keepCpu })
        const own = await open(coder, tier)
        stores.push(own)
        // Another question behind the same prefix.
        const asked = Int32Array.from(ids, (id, i) => (i < PREFIX ? id : (id + 1) % lm.config.vocab))
        tasks[`${kept.length - 1}`] = async () => {
          const times = await timed(async () => {
            const { reused } = await prefillThrough(lm.session({ capacity: ids.length }), asked, own)
            if (reused !== PREFIX) throw new Error(`${reused} tokens were found`)
          })
          await own.flush()
          return times
        }
      }
    }
    const times = await interleave(tasks, rounds)
    for (const store of stores) await store.close()
    return {
      plain: least(times['plain'] as Times[]),
      stores: kept.map((own, i) => ({ ...own, times: least(times[`${i}`] as Times[]) })),
    }
  } finally {
    await lm.close()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function tableOf({ plain, stores }: StoreRun): string {
  const ms = (own: number): string => own.toFixed(0)
  return textTable(
    ['prefix kept as', 'in', 'bytes', 'ms CPU', 'ms', 'CPU / none', 'time / none', 'ms CPU to keep'],
    [
      ['nothing', '', '', ms(plain.cpu), ms(plain.wall), '1', '1', ''],
      ...stores.map(({ coder, tier, times, bytes, keepCpu }) => [
        ...[coder, tier, String(bytes), ms(times.cpu), ms(times.wall)],
        ...[(times.cpu / plain.cpu).toFixed(3), (times.wall / plain.wall).toFixed(3), ms(keepCpu)],
      ]),
    ],
  )
}

/** `npm run bench -- kv --only store` */
export async function benchStore(context: BenchContext): Promise<void> {
  const rounds = Math.max(7, context.repeats)
  const run = await measureStore(rounds, ['cachegen', 'pca'])
  for (const { coder, tier, times, bytes, keepCpu } of run.stores) {
    context.add({
      system: 'kv',
      kind: 'store',
      peer: { name: 'no store' },
      data: {
        name: `pith-recall, a known prefix of ${PREFIX} tokens, ${QUESTION} new ones`,
        bytes: 4 * (PREFIX + QUESTION),
      },
      params: { coder, tier },
      ours: { bytes, cpuMs: times.cpu, wallMs: times.wall, quality: { keepCpuMs: keepCpu } },
      theirs: { cpuMs: run.plain.cpu, wallMs: run.plain.wall },
      vs: { cpu: times.cpu / run.plain.cpu, wall: times.wall / run.plain.wall },
      repeats: rounds,
    })
  }
  context.say(tableOf(run))
}

/** The time to the first token behind a known prefix, and near misses. Needs no data. */
export async function acceptStore(context: AcceptContext): Promise<void> {
  const run = await measureStore(15, [])
  context.say(tableOf(run))
  // As a store is opened by default; compressed chunks and servers pay where models are larger than this one.
  const { times } = run.stores.find(({ coder, tier }) => coder === 'raw-f32' && tier === 'folder') as StoreFigures
  costAtMost(context, 'prefix store: CPU time to the first token, against none', times.cpu / run.plain.cpu, LIMIT)
  costAtMost(context, 'prefix store: time to the first token, against none', times.wall / run.plain.wall, LIMIT)
  const folder = mkdtempSync(join(tmpdir(), 'pith-kv-'))
  const tier = diskTier(folder)
  try {
    const { wrong, found } = await askNearMisses(tier, MISSES, 99)
    const figure = `${wrong} wrong, ${found} chunks rightly found`
    context.check(`prefix store: wrong hits of ${MISSES} near misses`, wrong === 0 && found > 0, figure)
  } finally {
    await tier.close()
    rmSync(folder, { recursive: true, force: true })
  }
}
