/** `pith index eval`. */
import { stat } from 'node:fs/promises'
import { type Arguments, type CommandContext, PithError, textTable } from '@pith/core'
import { inputSource } from '@pith/core/node'
import { compareRuns, type Evaluation, evaluate, readQrels, readRun, trecEvalLines } from '../metrics/index.ts'
import { namesOf, runOf, withIndex } from './inputs.ts'
import { judgedQueries, rankQueries } from './judged-queries.ts'

/** What is measured of an index. */
const MEASURES: readonly string[] = ['nDCG@10', 'R@100']
/** Hits of a query where a measure has no cut. */
const DEPTH = 1000

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const [ours, judged] = args.operands as readonly [string, string]
  const place = await stat(judged).catch((cause: unknown) => {
    throw new PithError('PITH_IO', `there is no file or folder ${judged}`, { hint: 'Check the path.', cause })
  })
  return place.isDirectory() ? await evalIndex(args, judged, context) : await evalRun(args, ours, judged, context)
}

/** Measure each way of searching that an index has. */
async function evalIndex(args: Arguments, folder: string, context: CommandContext): Promise<number> {
  const own = runOf(args, context)
  const { queries, qrels } = await judgedQueries(folder, [args.value('split')], own)
  return await withIndex(args, context, async (reader) => {
    const measures = args.has('measures') ? namesOf(args, 'measures') : MEASURES
    // A query's own document takes the place of another one.
    const depth = depthOf(measures) + (args.has('beir') ? 1 : 0)
    const results: Record<string, Evaluation> = {}
    const given = { vector: queries.some(({ vector }) => vector), sparse: queries.some(({ sparse }) => sparse) }
    for (const way of reader.modes(given)) {
      const rankings = await rankQueries(reader, queries, { mode: way, k: depth }, way, own)
      results[way] = evaluate(rankings, qrels, optionsOf(args, measures))
    }
    await report(args, context, measures, results)
    return 0
  })
}

/** Measure a run as trec_eval does. */
async function evalRun(args: Arguments, path: string, judged: string, context: CommandContext): Promise<number> {
  const measures = args.has('measures') ? namesOf(args, 'measures') : undefined
  const qrels = await withFile(judged, (source) => readQrels(source, { name: judged, signal: context.signal }))
  const judge = async (file: string): Promise<Evaluation> => {
    const rankings = await withFile(file, (source) => readRun(source, { name: file, signal: context.signal }))
    return evaluate(rankings, qrels, optionsOf(args, measures))
  }
  const ours = await judge(path)
  const other = args.value('against')
  const against = other === undefined ? undefined : compareRuns(ours, await judge(other))
  if (context.json) {
    const perQuery = args.has('per-query') ? { perQuery: perQueryOf(ours) } : {}
    await context.report({ queries: ours.queries.length, ...ours.mean, ...perQuery, ...(against && { against }) })
    return 0
  }
  for (const line of trecEvalLines(ours, { perQuery: args.has('per-query') })) await context.stdout.write(`${line}\n`)
  for (const [name, { theirs, difference, wins, losses }] of Object.entries(against ?? {})) {
    const [low, high] = difference.interval
    await context.stdout.write(
      `${name}: ${signed(difference.value)} [${signed(low)}, ${signed(high)}] over ${theirs.toFixed(4)}, ${wins} better, ${losses} worse\n`,
    )
  }
  return 0
}

async function report(
  args: Arguments,
  context: CommandContext,
  measures: readonly string[],
  results: Readonly<Record<string, Evaluation>>,
): Promise<void> {
  if (context.json) {
    const perQuery = args.has('per-query')
    const rows = Object.entries(results).map(([way, own]) => [
      way,
      { ...own.mean, ...(perQuery ? { perQuery: perQueryOf(own) } : {}) },
    ])
    return await context.report(Object.fromEntries(rows))
  }
  const rows = Object.entries(results).map(([way, { mean }]) => [
    way,
    ...measures.map((name) => (mean[name] as number).toFixed(4)),
  ])
  await context.stdout.write(textTable([['', ...measures], ...rows], `l${'r'.repeat(measures.length)}`))
  const [first] = Object.values(results)
  if (first !== undefined) await context.note(`${first.queries.length} judged queries`)
}

function perQueryOf({ queries, perQuery }: Evaluation): Record<string, Record<string, number>> {
  return Object.fromEntries(
    queries.map((id, row) => [
      id,
      Object.fromEntries(Object.entries(perQuery).map(([name, values]) => [name, values[row] as number])),
    ]),
  )
}

function optionsOf(args: Arguments, measures: readonly string[] | undefined): Parameters<typeof evaluate>[2] {
  return {
    complete: args.has('complete'),
    dropSelf: args.has('beir'),
    ...(measures === undefined ? {} : { measures }),
  }
}

/** Hits that measures need. */
function depthOf(measures: readonly string[]): number {
  const cuts = measures.map((name) => Number(/[@_](\d{1,5})$/.exec(name)?.[1] ?? DEPTH))
  return Math.max(10, ...cuts)
}

async function withFile<T>(
  path: string,
  use: (source: Awaited<ReturnType<typeof inputSource>>) => Promise<T>,
): Promise<T> {
  const source = await inputSource(path)
  try {
    return await use(source)
  } finally {
    await source.close()
  }
}

function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(4)}`
}
