/** Which token comes next, given the scores of all. */
import { PithError, type Random } from '@pith/core'

/** Tokens that are e^40 times less likely than the best are left out before the rest are sorted. */
const UNLIKELY = 40

/** How a token is drawn. Filters work in this order: repeatPenalty, temperature, topK, topP, minP. */
export interface SampleOptions {
  /** 0 takes the best token, the lowest id of equal ones. Default 0.8. */
  temperature?: number
  /** Only so many best tokens; 0 is all. Default 0. */
  topK?: number
  /** Only the best tokens that together have this probability, 0..1. Default 1. */
  topP?: number
  /** Only tokens with this part of the best one's probability, 0..1. Default 0. */
  minP?: number
  /** Scores of tokens that were there before are divided (below 0: multiplied) by it. Default 1. */
  repeatPenalty?: number
}

/** @throws PithError `PITH_ARG` values outside of their ranges */
export function checkSampling({
  temperature = 0.8,
  topK = 0,
  topP = 1,
  minP = 0,
  repeatPenalty = 1,
}: SampleOptions): void {
  const isPart = (x: number): boolean => x >= 0 && x <= 1
  if (!(Number.isFinite(temperature) && temperature >= 0)) {
    throw new PithError('PITH_ARG', `temperature must be 0 or more, got ${temperature}`)
  }
  if (!(Number.isInteger(topK) && topK >= 0)) throw new PithError('PITH_ARG', `topK must be 0 or more, got ${topK}`)
  if (!isPart(topP) || !isPart(minP)) throw new PithError('PITH_ARG', 'topP and minP must be within 0..1')
  if (!(Number.isFinite(repeatPenalty) && repeatPenalty > 0)) {
    throw new PithError('PITH_ARG', `repeatPenalty must be above 0, got ${repeatPenalty}`)
  }
}

/**
 * Draw the next token.
 *
 * @param logits f32[vocab]; not changed
 * @param before tokens that `repeatPenalty` is for
 */
export function sampleToken(
  logits: Float32Array,
  { temperature = 0.8, topK = 0, topP = 1, minP = 0, repeatPenalty = 1 }: SampleOptions,
  random: Random,
  before: Iterable<number> = [],
): number {
  const scores = Float64Array.from(logits)
  if (repeatPenalty !== 1) {
    for (const id of new Set(before)) {
      const score = scores[id] as number
      scores[id] = score > 0 ? score / repeatPenalty : score * repeatPenalty
    }
  }
  let best = 0
  for (let id = 1; id < scores.length; id++) if ((scores[id] as number) > (scores[best] as number)) best = id
  if (temperature === 0) return best
  const top = scores[best] as number
  const least = top - UNLIKELY * temperature
  const order: number[] = []
  for (let id = 0; id < scores.length; id++) if ((scores[id] as number) >= least) order.push(id)
  order.sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b)
  const kept = topK === 0 ? order : order.slice(0, topK)
  const weights = kept.map((id) => Math.exp(((scores[id] as number) - top) / temperature))
  let total = weights.reduce((sum, weight) => sum + weight, 0)
  let count = kept.length
  if (topP < 1) {
    let sum = 0
    for (count = 0; count < kept.length && (count === 0 || sum < topP * total); count++) sum += weights[count] as number
  }
  while (count > 1 && (weights[count - 1] as number) < minP) count--
  total = weights.slice(0, count).reduce((sum, weight) => sum + weight, 0)
  let left = random.uniform() * total
  for (let i = 0; i < count; i++) {
    left -= weights[i] as number
    if (left < 0) return kept[i] as number
  }
  return kept[count - 1] as number
}

/** The natural logarithm of the probability of a token. */
export function logProbability(logits: Float32Array, id: number): number {
  let top = Number.NEGATIVE_INFINITY
  for (const score of logits) if (score > top) top = score
  let sum = 0
  for (const score of logits) sum += Math.exp(score - top)
  return (logits[id] as number) - top - Math.log(sum)
}

/** The likeliest tokens, best first, the lowest id of equal ones. */
export function likeliest(logits: Float32Array, count: number): { id: number; logprob: number }[] {
  const ids: number[] = []
  for (let id = 0; id < logits.length; id++) {
    const score = logits[id] as number
    if (ids.length === count && !(score > (logits[ids[count - 1] as number] as number))) continue
    let at = ids.length
    while (at > 0 && score > (logits[ids[at - 1] as number] as number)) at--
    ids.splice(at, 0, id)
    if (ids.length > count) ids.pop()
  }
  return ids.map((id) => ({ id, logprob: logProbability(logits, id) }))
}
