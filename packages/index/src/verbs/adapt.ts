/** `pith index adapt`. */
import { rm } from 'node:fs/promises'
import { pid } from 'node:process'
import { type Arguments, type CommandContext, numberOf, PithError, textTable } from '@pith/core'
import { type Adapted, type AdaptOptions, adapt } from '../domain-adaptation/index.ts'
import { openWriter, snapshotIndex } from '../store/node/index.ts'
import type { IndexDocument } from '../types.ts'
import { generatorOf, teacherOf } from './encoders.ts'
import { indexOf, runOf, withIndex } from './inputs.ts'
import { judgedQueries } from './judged-queries.ts'
import { checkFree, putInPlace } from './places.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const out = args.value('output')
  if (out !== undefined) await checkFree(out, args.has('force'))
  const own = runOf(args, context)
  const split = args.value('split')
  const judged = args.value('judged')
  const splits = split === undefined ? ['dev', 'train', 'test', undefined] : [split]
  const options: AdaptOptions = {
    ...own,
    method: (args.value('method') as AdaptOptions['method']) ?? 'gpl',
    model: (args.value('model') as AdaptOptions['model']) ?? 'jpq',
    ...(args.has('queries-per-doc') ? { queriesPerDocument: numberOf(args, 'queries-per-doc', 1, 100, true) } : {}),
    ...(args.has('queries') ? { most: numberOf(args, 'queries', 10, 1_000_000, true) } : {}),
    ...(judged === undefined ? {} : { judged: await judgedQueries(judged, splits, own) }),
  }
  const generator = await generatorOf(args)
  const { report, jpq, bpr } = await withIndex(args, context, async (reader): Promise<Adapted> => {
    const { models, encoder } = await reader.learned(own)
    if (encoder === undefined || models.pq === undefined) {
      throw new PithError('PITH_CAPABILITY', 'the index has no codes of an encoder that is at hand', {
        hint: 'Build it with codes: pith index build --dense lsa.',
      })
    }
    const documents: IndexDocument[] = []
    for await (const document of reader.documents(own)) documents.push(document)
    const teacher = await teacherOf(args, documents)
    try {
      const given = { ...(generator && { generator }), ...(teacher && { teacher }) }
      return await adapt({ documents, encoder, pq: models.pq }, { ...options, ...given })
    } finally {
      await teacher?.close?.()
    }
  })
  const isTaken = (jpq ?? bpr) !== undefined && (report.accepted || args.has('force'))
  if (isTaken) await write(indexOf(args), out, { jpq, bpr })
  if (context.json)
    await context.report({ ...report, taken: isTaken, ...(isTaken ? { index: out ?? indexOf(args) } : {}) })
  else await show(report, isTaken, out ?? indexOf(args), context)
  return 0
}

/** Score an index by what was learned, or a copy of it. */
async function write(
  index: string,
  out: string | undefined,
  { jpq, bpr }: { jpq: Adapted['jpq']; bpr: Adapted['bpr'] },
): Promise<void> {
  const part = out === undefined ? index : `${out}.part-${pid}`
  try {
    if (out !== undefined) await snapshotIndex(index, part)
    const writer = await openWriter(part)
    try {
      if (jpq !== undefined) await writer.adapt({ scoring: jpq.pq.scoring, adapter: jpq.adapter })
      if (bpr !== undefined) await writer.hash(bpr.layer)
    } finally {
      await writer.close()
    }
    if (out !== undefined) await putInPlace(part, out)
  } finally {
    if (out !== undefined) await rm(part, { recursive: true, force: true })
  }
}

async function show(report: Adapted['report'], isTaken: boolean, out: string, context: CommandContext): Promise<void> {
  const rows = report.rows.map(({ name, ndcg10, recall100 }) => [name, ndcg10.toFixed(4), recall100.toFixed(4)])
  await context.stdout.write(textTable([['', 'nDCG@10', 'R@100'], ...rows], 'lrr'))
  const { difference, measuredOn, trainedOn, reason } = report
  const interval = difference?.interval.map((end) => end.toFixed(4)).join(', ')
  const gain = difference === undefined ? '' : `${difference.value.toFixed(4)} [${interval}], `
  await context.stdout.write(`${gain}${isTaken ? `${out} is adapted` : 'the index stays as it is'}: ${reason}\n`)
  await context.note(`trained on ${trainedOn} queries, measured on ${measuredOn.queries} ${measuredOn.kind} ones`)
}
