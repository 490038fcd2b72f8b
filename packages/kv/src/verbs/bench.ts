/** `pith kv bench`. */
import { resourceUsage } from 'node:process'
import { type Arguments, type CommandContext, numberOf, PithError } from '@pith/core'
import { writeAtomic } from '@pith/core/node'
import type { Lm } from '@pith/lm'
import { modelOf } from '@pith/lm/node'
import { fitProfile } from '../cachegen/index.ts'
import {
  BENCH_PRESETS,
  type BenchPreset,
  type BenchRow,
  benchKv,
  plotArrivals,
  plotRates,
  simulateArrivals,
} from '../measure/index.ts'
import { measureCosts } from '../stream/index.ts'
import { benchPage } from './bench-page.ts'
import { idsOfTexts, windowSize, windowsOf } from './inputs.ts'
import { rowsText } from './rows.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const presets = presetsOf(args)
  if (args.has('arrivals') && presets?.includes('pca') === false) {
    throw new PithError('PITH_ARG', '--arrivals needs the preset pca', { hint: 'Name it in --presets as well.' })
  }
  const lm = await modelOf(args, context)
  try {
    const [ids] = (await idsOfTexts(args, context, lm)) as [Int32Array]
    const result = await benchKv(lm, ids, {
      window: windowSize(args, lm),
      signal: context.signal,
      onProgress: (progress) => context.onProgress(progress),
      ...(presets === undefined ? {} : { presets }),
      ...(args.has('windows') ? { windows: numberOf(args, 'windows', 2, 4096, true) } : {}),
      ...(args.has('fit-windows') ? { fitWindows: numberOf(args, 'fit-windows', 2, 4096, true) } : {}),
      ...(args.has('rows') ? { rows: numberOf(args, 'rows', 0, 4096, true) } : {}),
      ...(args.has('limit') ? { limit: numberOf(args, 'limit', 0, 10, false) } : {}),
    })
    const [plot, arrivals, page] = ['plot', 'arrivals', 'html'].map((name) => args.value(name))
    const rows = Object.values(result.presets)
    const isTimed = arrivals !== undefined || (page !== undefined && rows.some(({ preset }) => preset === 'pca'))
    const rates = plotRates(rows, result.limit, 'Bits of a cache, and what they cost')
    const times = isTimed ? [await drawArrivals(args, lm, ids, rows)] : []
    const write = async (path: string | undefined, text: string): Promise<void> => {
      if (path !== undefined) await writeAtomic(path, new TextEncoder().encode(text), { force: args.has('force') })
    }
    await write(plot, rates)
    await write(arrivals, times.join(''))
    await write(page, benchPage(result, [rates, ...times]))
    if (context.json) await context.report({ ...result, peakRssBytes: 1024 * resourceUsage().maxRSS })
    else {
      const { windows, window, fitWindows, nll, recall } = result
      await context.note(
        `learned on ${fitWindows} windows of ${window} tokens, measured on ${windows} others; the exact cache: ${nll.toFixed(3)} nats a token`,
      )
      if (recall !== undefined) {
        const shares = Object.entries(recall.exact).map(
          ([task, own]) => `${task} ${own.accuracy.toFixed(3)} of ${own.n}`,
        )
        await context.note(`right answers behind the exact cache, ${recall.rows} rows a task: ${shares.join(', ')}`)
      }
      await context.stdout.write(`${rowsText(result.presets)}\n${result.verdict}\n`)
    }
    return 0
  } finally {
    await lm.close()
  }
}

/** Seconds until caches are ready over the bandwidth, simulated with what work takes on this machine. */
async function drawArrivals(args: Arguments, lm: Lm, ids: Int32Array, rows: readonly BenchRow[]): Promise<string> {
  const own = rows.filter(({ preset }) => preset === 'pca')
  const slo = args.has('within') ? numberOf(args, 'within', 0.001, 86400, false) : 1
  const text = ids.subarray(0, lm.config.ctx)
  const profile = await fitProfile(lm, windowsOf([text], Math.floor(text.length / 2), 2), { preset: 'cachegen' })
  const costs = await measureCosts(lm, profile, text)
  const lines = await simulateArrivals(lm.config, own, costs, { tokens: text.length, slo })
  return plotArrivals(lines, slo, `Until ${text.length} tokens are ready (simulated links)`)
}

function presetsOf(args: Arguments): BenchPreset[] | undefined {
  const text = args.value('presets')
  if (text === undefined) return undefined
  const names = text.split(',').map((name) => name.trim())
  const wild = names.find((name) => !(BENCH_PRESETS as readonly string[]).includes(name))
  if (wild !== undefined) {
    throw new PithError('PITH_ARG', `there is no preset ${wild.slice(0, 40)}`, {
      hint: `Take some of ${BENCH_PRESETS.join(',')}.`,
    })
  }
  return names as BenchPreset[]
}
