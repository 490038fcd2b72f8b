/** The least effort that finds what is wanted. */
import { meterProgress, PithError, type Run, throwIfAborted } from '@pith/core'
import { sparseRow } from '../sparse/matrix.ts'
import type { SparseMatrix } from '../types.ts'
import type { EffortSettings } from './options.ts'
import type { SearchCounts, SeismicIndex } from './seismic-index.ts'

/** What is wanted. */
export interface TuneOptions extends Run {
  /** Share of the exact best rows that is to be found in the mean, above 0 to 1. Default .95. */
  recall?: number
  /** Rows that are asked for. Default 10. */
  k?: number
}

/** One way to search, and what it found. */
export interface TuneTrial {
  readonly effort: EffortSettings
  readonly recall: number
  /** Rows and components that were looked at for a query in the mean, in units of a row's largest components. */
  readonly cost: number
}

/** What tuning chose, and all that it tried. */
export interface TuneResult extends TuneTrial {
  /** Whether the chosen way finds as much as was wanted; else it is the one that finds most. */
  readonly reached: boolean
  readonly trials: readonly TuneTrial[]
}

const CUTS: readonly number[] = [3, 4, 5, 6, 8, 10, 14, 20]
const HEAD_FACTORS: readonly number[] = [0.65, 0.625, 0.6, 0.55, 0.5, 0.35]
const HEAP_FACTORS: readonly number[] = [0.8, 0.75, 0.7, 0.675, 0.65, 0.625, 0.6, 0.575, 0.55, 0.5, 0.45, 0.4]
/** What a list, a block and the whole of a row cost, in units of a row's largest components. */
const COSTS = { list: 50, block: 2, whole: 4 } as const

/**
 * Find the cheapest search that finds the wanted share of what all rows give, and make it the index's own. Use queries that are like
 * those to come, and others than those that the result is judged by. The cost is counted, not timed: the same queries always choose the same.
 *
 * @throws PithError `PITH_ARG` an option is out of range, or there are no queries; the abort reason
 */
export async function tuneSeismic(
  index: SeismicIndex,
  queries: SparseMatrix,
  options: TuneOptions = {},
): Promise<TuneResult> {
  const { recall: wanted = 0.95, k = 10, signal } = options
  const count = queries.indptr.length - 1
  if (!(wanted > 0 && wanted <= 1)) throw new PithError('PITH_ARG', `recall must be above 0 to 1, got ${wanted}`)
  if (count === 0) throw new PithError('PITH_ARG', 'there are no queries to tune by')
  const total = count + CUTS.length * HEAP_FACTORS.length * HEAD_FACTORS.length
  const meter = meterProgress(options, { stage: 'tuning', unit: 'steps', total })
  const best: Set<number>[] = []
  for (let row = 0; row < count; row++) {
    await pause(signal)
    best.push(new Set(index.search(sparseRow(queries, row), k, { exact: true }).ids))
    meter.update(best.length)
  }
  const trials: TuneTrial[] = []
  let chosen: TuneTrial | undefined
  for (const [i, cut] of CUTS.entries()) {
    for (const [j, headFactor] of HEAD_FACTORS.entries()) {
      for (const heapFactor of HEAP_FACTORS) {
        await pause(signal)
        const effort = { cut, heapFactor, headFactor }
        const trial = { effort, ...measure(index, queries, best, k, effort) }
        trials.push(trial)
        if (trial.recall >= wanted && (chosen === undefined || trial.cost < chosen.cost)) chosen = trial
        // What looks at more costs more.
        if (trial.recall >= wanted || (chosen !== undefined && trial.cost > chosen.cost)) break
      }
      meter.update(count + (i * HEAD_FACTORS.length + j + 1) * HEAP_FACTORS.length)
    }
  }
  chosen ??= trials.reduce((a, b) => (b.recall > a.recall ? b : a))
  meter.finish()
  index.effort = chosen.effort
  return { ...chosen, reached: chosen.recall >= wanted, trials }
}

function measure(
  index: SeismicIndex,
  queries: SparseMatrix,
  best: readonly ReadonlySet<number>[],
  k: number,
  effort: EffortSettings,
): { recall: number; cost: number } {
  let [found, wanted, cost] = [0, 0, 0]
  for (const [row, rows] of best.entries()) {
    const { ids } = index.search(sparseRow(queries, row), k, effort)
    for (const id of ids) if (rows.has(id)) found++
    wanted += rows.size
    cost += costOf(index.counts, effort)
  }
  return { recall: wanted === 0 ? 1 : found / wanted, cost: cost / best.length }
}

function costOf({ blocks, rows, whole }: SearchCounts, { cut }: EffortSettings): number {
  return COSTS.list * cut + COSTS.block * blocks + rows + COSTS.whole * whole
}

/** Let others run, and a signal come through. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve))
  throwIfAborted(signal)
}
