import { bootstrapMean, PithError, throwIfAborted } from '@pith/core'
import { compressPassages } from '../passages.ts'
import type { Background } from '../select/bm25.ts'
import type { Passage, TokenCounter } from '../types.ts'

/** A question, strings any of which answers it, and the passages that were found for it. */
export interface AnswerRow {
  readonly question: string
  readonly answers: readonly string[]
  readonly passages: readonly Passage[]
}

/** How answers are looked for. */
export interface AnswerOptions {
  /** Tokens of the passages over those that may stay, at least 1. Default 5 and 10. */
  ratios?: readonly number[]
  /** As of `compressPassages`. */
  background?: Background | 'none'
  counter?: TokenCounter
  signal?: AbortSignal
  /** Told after each question, and waited for. */
  onRow?: (done: number) => void | Promise<void>
}

/** At one ratio: the share of the questions of which an answer stands in what is left, and its 95 % bootstrap interval. */
export interface AnswersKept {
  readonly ratio: number
  readonly kept: number
  readonly interval: readonly [low: number, high: number]
  /** For each question whether an answer is left: u8[rows]. */
  readonly hits: Uint8Array
}

/** Whether one of the answers stands in a text, in letters of either case. */
export function hasAnswer(text: string, answers: readonly string[]): boolean {
  const lower = text.toLowerCase()
  return answers.some((answer) => answer !== '' && lower.includes(answer.toLowerCase()))
}

/**
 * Measure how often the answer survives when passages are cut for their question. No model is asked: that the answer is still there does
 * not say that a model finds it.
 *
 * @throws PithError `PITH_ARG` no rows, or a ratio below 1
 */
export async function measureAnswers(
  rows: readonly AnswerRow[],
  { ratios = [5, 10], onRow, ...options }: AnswerOptions = {},
): Promise<AnswersKept[]> {
  if (rows.length === 0) throw new PithError('PITH_ARG', 'there is no question')
  const wrong = ratios.find((ratio) => !(ratio >= 1))
  if (wrong !== undefined) throw new PithError('PITH_ARG', `a ratio must be at least 1, not ${wrong}`)
  const hits = ratios.map(() => new Uint8Array(rows.length))
  for (const [at, { question, answers, passages }] of rows.entries()) {
    for (const [i, ratio] of ratios.entries()) {
      const { text } = await compressPassages(passages, question, { ...options, budget: { rate: 1 / ratio } })
      if (hasAnswer(text, answers)) (hits[i] as Uint8Array)[at] = 1
    }
    throwIfAborted(options.signal)
    await onRow?.(at + 1)
  }
  return ratios.map((ratio, i) => {
    const own = hits[i] as Uint8Array
    const { value, interval } = bootstrapMean(own)
    return { ratio, kept: value, interval, hits: own }
  })
}
