/** `pith index tune`. */
import { type Arguments, type CommandContext, PithError, pairedBootstrap, textTable } from '@pith/core'
import { evaluate } from '../metrics/index.ts'
import type { IndexReader, Tuning } from '../store/index.ts'
import { openWriter } from '../store/node/index.ts'
import { indexOf, runOf, withIndex } from './inputs.ts'
import { judgedQueries, rankQueries } from './judged-queries.ts'

/** Where an index says nothing. */
const UNTUNED: Tuning = { fusion: 'rrf', alpha: 0.5 }
const WEIGHTS = 11
const FOLDS = 5
const LEAST_QUERIES = 10
const DEPTH = 100

/** A way of joining, and what it is worth for each query. */
interface Candidate {
  readonly tuning: Tuning
  readonly values: Float64Array
}

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const own = runOf(args, context)
  const measure = args.value('measure') ?? 'nDCG@10'
  const split = args.value('split')
  const splits = split === undefined ? ['dev', 'train', 'test', undefined] : [split]
  const { queries, qrels } = await judgedQueries(args.operands[1] as string, splits, own)
  if (queries.length < LEAST_QUERIES) {
    throw new PithError(
      'PITH_ARG',
      `${queries.length} judged queries are too few to tune by, ${LEAST_QUERIES} are needed`,
    )
  }
  const { before, best, difference, table } = await withIndex(args, context, async (reader) => {
    const candidates: Candidate[] = []
    for (const tuning of tunings(reader)) {
      const rankings = await rankQueries(reader, queries, { mode: 'hybrid', k: DEPTH, ...tuning }, shown(tuning), own)
      const { perQuery } = evaluate(rankings, qrels, { measures: [measure], complete: true })
      candidates.push({ tuning, values: perQuery[measure] as Float64Array })
    }
    return choose(candidates, reader.info.settings.tuning ?? UNTUNED, own.seed ?? 0)
  })
  const isBetter = difference.value > 0
  const isTaken = !args.has('dry-run') && (isBetter || args.has('force'))
  if (isTaken) {
    const writer = await openWriter(indexOf(args))
    await writer.tune(best).finally(() => writer.close())
  }
  if (context.json) {
    await context.report({ measure, queries: queries.length, before, chosen: best, difference, taken: isTaken, table })
  } else {
    const rows = table.map(({ name, value }) => [name, value.toFixed(4)])
    await context.stdout.write(textTable([['', measure], ...rows], 'lr'))
    const [low, high] = difference.interval.map((end) => end.toFixed(4))
    await context.stdout.write(
      `${shown(best)} instead of ${shown(before)}: ${difference.value.toFixed(4)} [${low}, ${high}] on queries that were not chosen by${isTaken ? '' : '; the index stays as it is'}\n`,
    )
  }
  return 0
}

/** Ways of joining that are tried. @throws PithError `PITH_CAPABILITY` there is nothing to join */
function tunings(reader: IndexReader): Tuning[] {
  if (!reader.modes().includes('hybrid')) {
    throw new PithError('PITH_CAPABILITY', 'the index has one way of searching, nothing to join', {
      hint: 'Build it with vectors: pith index build --dense lsa.',
    })
  }
  const weighted = Array.from({ length: WEIGHTS }, (_, i): Tuning => ({ fusion: 'zsum', alpha: i / (WEIGHTS - 1) }))
  return [UNTUNED, { fusion: 'sparse-first', alpha: 0.5 }, ...weighted]
}

/** The best of all, and what choosing is worth: on each fold, the best of the others against what was before. */
function choose(candidates: readonly Candidate[], before: Tuning, seed: number) {
  const now = candidates.find(({ tuning }) => shown(tuning) === shown(before)) ?? (candidates[0] as Candidate)
  const count = now.values.length
  const chosen = new Float64Array(count)
  for (let fold = 0; fold < FOLDS; fold++) {
    const { values } = bestOf(candidates, (query) => query % FOLDS !== fold)
    for (let query = fold; query < count; query += FOLDS) chosen[query] = values[query] as number
  }
  const difference = pairedBootstrap(chosen, now.values, { resamples: 10_000, seed })
  const table = candidates.map(({ tuning, values }) => ({ name: shown(tuning), value: meanOf(values, () => true) }))
  return { before: now.tuning, best: bestOf(candidates, () => true).tuning, difference, table }
}

function bestOf(candidates: readonly Candidate[], counts: (query: number) => boolean): Candidate {
  return candidates.reduce((best, own) => (meanOf(own.values, counts) > meanOf(best.values, counts) ? own : best))
}

function meanOf(values: Float64Array, counts: (query: number) => boolean): number {
  let [sum, n] = [0, 0]
  for (const [query, value] of values.entries()) {
    if (!counts(query)) continue
    sum += value
    n++
  }
  return n === 0 ? 0 : sum / n
}

function shown({ fusion, alpha }: Tuning): string {
  return fusion === 'zsum' ? `zsum ${alpha}` : fusion
}
