/** CPU time for 1,000 tokens that are read, beside peers that rank whole passages and are cut by the same counts. */

import { compressPassages } from '../../packages/context/src/passages.ts'
import { compressBy } from '../../packages/context/src/safe/compress.ts'
import { o200kCounter } from '../../packages/context/src/safe/counter.ts'
import { generalBackground } from '../../packages/context/src/select/background.ts'
import { renderPassages } from '../../packages/context/src/select/passages.ts'
import { compressText } from '../../packages/context/src/text.ts'
import { type AcceptContext, costAtMost } from '../measure/accept.ts'
import type { BenchContext } from '../measure/case.ts'
import { interleave, median } from '../measure/statistics.ts'
import { textTable } from '../measure/table.ts'
import { meetings, type QaRow, rowsOf } from './data.ts'
import { PASSAGE_PEERS } from './peers.ts'

const QUESTIONS = 100
const RATE = 0.2

async function cpuOf(work: () => Promise<void>): Promise<number> {
  const start = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

/** CPU milliseconds for 1,000 tokens of the input, for each contender in each repeat. */
async function measure(repeats: number): Promise<Record<string, number[]>> {
  await generalBackground()
  const counter = await o200kCounter()
  const rows = rowsOf<QaRow>('qa20_test.jsonl').slice(0, QUESTIONS)
  const budget = { rate: RATE }
  const tokens = rows.reduce((sum, { passages }) => sum + counter.count(renderPassages(passages).text), 0)
  const contenders: Record<string, () => Promise<number>> = {
    pith: async () =>
      (await cpuOf(async () => {
        for (const { passages, question } of rows) await compressPassages(passages, question, { budget })
      })) / tokens,
  }
  for (const { name, rank } of PASSAGE_PEERS) {
    contenders[name] = async () =>
      (await cpuOf(async () => {
        for (const { passages, question } of rows) {
          const { text, places } = renderPassages(passages)
          const pieces = places.map(({ title, body }) => ({ start: title.start, end: body.end }))
          const groups = rank(passages, question).map((i) => [i])
          await compressBy(() => ({ scorer: name, pieces, groups }), text, { budget })
        }
      })) / tokens
  }
  contenders['counting tokens once'] = async () =>
    (await cpuOf(async () => {
      for (const { passages } of rows) counter.count(renderPassages(passages).text)
    })) / tokens
  const [meeting] = meetings() as [ReturnType<typeof meetings>[number]]
  const size = counter.count(meeting.text)
  for (const kind of ['transcript', 'text', 'words', 'log'] as const) {
    contenders[`pith, a meeting as ${kind}`] = async () =>
      (await cpuOf(async () => {
        await compressText(meeting.text, {
          kind,
          budget,
          query: 'What was said about the budget?',
          onOverflow: 'keep-protected',
        })
      })) / size
  }
  const times = await interleave(contenders, repeats + 1)
  // The first of the repeats warms up.
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, all.slice(1).map((ms) => 1000 * ms)]))
}

export async function benchCpu(context: BenchContext): Promise<void> {
  const times = await measure(context.repeats)
  const ours = median(times['pith'] as number[])
  for (const { name } of PASSAGE_PEERS) {
    const theirs = median(times[name] as number[])
    context.add({
      ...{ system: 'context', kind: 'cpu', peer: { name }, repeats: context.repeats },
      data: { name: 'qa20_test', bytes: QUESTIONS },
      params: { questions: QUESTIONS, rate: RATE },
      ours: { cpuMs: ours },
      theirs: { cpuMs: theirs },
      vs: { cpuMs: ours / theirs },
    })
  }
  const rows = Object.entries(times).map(([name, all]) => [name, median(all).toFixed(2)])
  context.say(textTable(['', 'CPU ms for 1,000 tokens'], rows))
}

export async function acceptCpu(context: AcceptContext): Promise<void> {
  const times = await measure(3)
  const ours = median(times['pith'] as number[])
  const best = Math.min(...PASSAGE_PEERS.map(({ name }) => median(times[name] as number[])))
  costAtMost(context, 'CPU for 1,000 tokens of passages over that of the fastest peer', ours / best, 2)
  costAtMost(context, 'CPU milliseconds for 1,000 tokens of passages', ours, 10)
}
