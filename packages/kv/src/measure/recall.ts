/** What a model still recalls of a context whose cache was made smaller: copies, looked-up values, codes within a story. */
import { isPithError, meterProgress, Random, type Run, throwIfAborted, wilsonInterval } from '@pith/core'
import type { KvCache, Lm } from '@pith/lm'
import { MIN_ROW, type RecallRow, type RecallTask, type RecallWords, recallRow, recallWords } from '@pith/lm/recall'
import type { Scheme } from './scheme.ts'

/** Tasks that are asked. */
const TASKS: readonly RecallTask[] = ['lookup', 'needle', 'copy']

/** Tokens of a row, at most. */
const LENGTH = 320

/** A model that answers less than this with its whole cache has nothing to lose. */
const ABLE = 0.5

/** Share of answers that may clearly be lost. */
const TOLERANCE = 0.02

/** Right answers. */
export interface RecallScore {
  readonly accuracy: number
  readonly interval: readonly [low: number, high: number]
  /** Answers that were asked for. */
  readonly n: number
}

/** Scores by task. */
export type RecallScores = Readonly<Partial<Record<RecallTask, RecallScore>>>

/** What a model is asked. */
export interface RecallQuestions {
  /** Rows of each task. */
  readonly rows: number
  /** Right answers behind the whole cache, of all tasks. */
  readonly exact: RecallScores
  /** Rows of the tasks that the model is able to do. */
  readonly asked: Readonly<Partial<Record<RecallTask, readonly RecallRow[]>>>
}

/**
 * Make rows of each task, and see what a model answers behind its whole cache.
 *
 * @param text ids of running text that codes are hidden in
 * @param rows of each task
 * @returns undefined for a model whose tokenizer has no words for the tasks
 */
export async function recallQuestions(
  lm: Lm,
  text: Int32Array,
  rows: number,
  run: Pick<Run, 'signal' | 'seed'> = {},
): Promise<RecallQuestions | undefined> {
  const words = wordsOf(lm)
  const length = Math.min(LENGTH, lm.config.ctx)
  if (words === undefined || length < MIN_ROW || text.length < length) return undefined
  const random = new Random(run.seed ?? 0)
  const take = (own: Random, count: number): Int32Array => {
    const start = own.integer(text.length - count + 1)
    return text.subarray(start, start + count)
  }
  const exact: Partial<Record<RecallTask, RecallScore>> = {}
  const asked: Partial<Record<RecallTask, RecallRow[]>> = {}
  for (const [t, task] of TASKS.entries()) {
    const own = Array.from({ length: rows }, (_, i) =>
      recallRow(task, random.split(t).split(i), length, words, { text: take }),
    )
    const sum = { right: 0, n: 0 }
    for (const row of own) {
      throwIfAborted(run.signal)
      await ask(lm, row, await contextOf(lm, row), sum)
    }
    const score = scoreOf(sum)
    exact[task] = score
    if (score.accuracy >= ABLE) asked[task] = own
  }
  return { rows, exact, asked }
}

/** Ask behind contexts whose caches went through schemes. @returns the scores of each scheme, of the tasks that were asked */
export async function scoreRecall(
  lm: Lm,
  { asked }: RecallQuestions,
  schemes: readonly Scheme[],
  run: Pick<Run, 'signal' | 'onProgress'> = {},
): Promise<RecallScores[]> {
  const all = Object.entries(asked).flatMap(([task, rows]) => rows.map((row) => [task as RecallTask, row] as const))
  const meter = meterProgress(run, { stage: 'recall', unit: 'steps', total: all.length })
  const sums = schemes.map((): Partial<Record<RecallTask, Sum>> => ({}))
  for (const [i, [task, row]] of all.entries()) {
    const kv = await contextOf(lm, row)
    for (const [s, scheme] of schemes.entries()) {
      throwIfAborted(run.signal)
      const own = sums[s] as Partial<Record<RecallTask, Sum>>
      const sum = (own[task] ??= { right: 0, n: 0 })
      await ask(lm, row, (await scheme.change(kv)).kv, sum)
    }
    meter.update(i + 1)
  }
  meter.finish()
  return sums.map((own) => Object.fromEntries(Object.entries(own).map(([task, sum]) => [task, scoreOf(sum)])))
}

/** Whether no task is clearly done worse than behind the whole cache. */
export function keepsRecall(exact: RecallScores, own: RecallScores): boolean {
  return Object.entries(own).every(([task, { interval }]) => {
    return interval[1] >= (exact[task as RecallTask]?.accuracy ?? 0) - TOLERANCE
  })
}

/** What stands before the first answer; the token in front of that is read behind the cache, for what it foresees. */
async function contextOf(lm: Lm, { ids, question }: RecallRow): Promise<KvCache> {
  const session = lm.session({ capacity: question })
  await session.prefill(ids.subarray(0, question - 1), { logits: 'none' })
  return session.kv()
}

interface Sum {
  right: number
  n: number
}

function scoreOf({ right, n }: Sum): RecallScore {
  const { value, interval } = wilsonInterval(right, n)
  return { accuracy: value, interval, n }
}

function wordsOf(lm: Lm): RecallWords | undefined {
  try {
    return recallWords(lm.tokenizer)
  } catch (error) {
    if (isPithError(error, 'PITH_MODEL') || isPithError(error, 'PITH_CAPABILITY')) return undefined
    throw error
  }
}

/** An answer is right where each of its tokens is the likeliest behind those before it. */
async function ask(lm: Lm, { ids, answers }: RecallRow, kv: KvCache, sum: Sum): Promise<void> {
  const { vocab } = lm.config
  const end = answers.at(-1)?.end ?? 0
  if (end === 0) return
  const session = lm.session({ capacity: end })
  session.attachKv(kv)
  const from = kv.length
  const logits = await session.prefill(ids.subarray(from, end - 1), { logits: 'all' })
  const best = (t: number): number => {
    const row = logits.subarray((t - from) * vocab, (t - from + 1) * vocab)
    return row.reduce((most, logit, id) => (logit > (row[most] as number) ? id : most), 0)
  }
  for (const answer of answers) {
    let isRight = true
    for (let t = answer.start; t < answer.end; t++) isRight &&= best(t - 1) === ids[t]
    sum.right += isRight ? 1 : 0
    sum.n++
  }
}
