import { isPithError } from '@pith/core'
import type { LanguageModel } from '@pith/lm'

/** What is asked of a language model. */
export type ForeseeingModel = Pick<LanguageModel, 'config' | 'tokenizer' | 'logprobs'>

/** Functions that a model is asked about: each takes one pass. */
const ASKED = 16

/**
 * Order the best functions anew by how much better a model foresees the question behind them than by itself: the mean of the
 * negative logarithms, NLL(question) - NLL(question | function). The scores stay those that there are, given out in the new order.
 *
 * @param best  units by descending score
 * @returns undefined where the model gives no probabilities of what it reads
 */
export async function rerankByModel(
  model: ForeseeingModel,
  query: string,
  best: readonly { readonly at: number; readonly code: string }[],
  scores: Float64Array,
  signal?: AbortSignal,
): Promise<Float64Array | undefined> {
  const { ctx } = model.config
  const question = model.tokenizer.encode(`\n${query}`).slice(0, ctx >> 1)
  if (question.length < 2) return scores
  const asked = best.slice(0, ASKED)
  const run = signal === undefined ? {} : { signal }
  try {
    const alone = lossOf(await model.logprobs(question, run), question.length - 1)
    const gains: number[] = []
    for (const { code } of asked) {
      const before = model.tokenizer.encode(code).slice(0, ctx - question.length)
      const ids = new Int32Array(before.length + question.length)
      ids.set(before)
      ids.set(question, before.length)
      gains.push(alone - lossOf(await model.logprobs(ids, run), question.length - 1))
    }
    const order = asked.map((_, i) => i).sort((a, b) => (gains[b] as number) - (gains[a] as number) || a - b)
    const ranked = Float64Array.from(scores)
    for (const [place, i] of order.entries()) {
      ranked[asked[i]?.at as number] = scores[asked[place]?.at as number] as number
    }
    return ranked
  } catch (error) {
    if (isPithError(error, 'PITH_CAPABILITY')) return undefined
    throw error
  }
}

/** Mean negative logarithm over the last tokens. */
function lossOf(logprobs: Float32Array, tokens: number): number {
  return -logprobs.subarray(logprobs.length - tokens).reduce((sum, own) => sum + own, 0) / tokens
}
