/** Writing text token by token. */
import { PithError, Random, throwIfAborted } from '@pith/core'
import type { Tokenizer } from '@pith/engine/io'
import type { GeneratedToken, GenerateEnd, GenerateOptions } from './language-model.ts'
import type { LmSession } from './runtime/session.ts'
import { checkSampling, likeliest, logProbability, sampleToken } from './sample.ts'
import { TokenText } from './token-text.ts'

/** Tokens before the next one that `repeatPenalty` looks at. */
const REPEAT_WINDOW = 64

/** Most tokens that are named beside a written one. */
const MAX_ALTERNATIVES = 100

/**
 * Write behind what a session has read; what it returns at last says how it ended. The token that ends a text only comes where
 * text was held back, as it could have become a stop.
 *
 * @param logits of the token to come, as the last read gave them
 * @throws PithError `PITH_ARG` options outside of their ranges · the reason of the abort
 */
export async function* generateTokens(
  session: Pick<LmSession, 'tokens' | 'length' | 'decode'>,
  tokenizer: Tokenizer,
  logits: Float32Array,
  ctx: number,
  { maxTokens = 256, stop = [], seed = 0, alternatives = 0, signal, ...sampling }: GenerateOptions = {},
): AsyncGenerator<GeneratedToken, GenerateEnd, undefined> {
  if (!(Number.isInteger(maxTokens) && maxTokens >= 0)) {
    throw new PithError('PITH_ARG', `maxTokens must be 0 or more, got ${maxTokens}`)
  }
  if (!(Number.isInteger(alternatives) && alternatives >= 0 && alternatives <= MAX_ALTERNATIVES)) {
    throw new PithError('PITH_ARG', `alternatives must be 0..${MAX_ALTERNATIVES}, got ${alternatives}`)
  }
  checkSampling(sampling)
  const random = new Random(seed)
  const before = session.tokens
  const recent = [...before.subarray(Math.max(0, before.length - REPEAT_WINDOW))]
  const text = new TokenText(tokenizer, before)
  /** Text that is not out yet, as it may be the start of a stop. */
  let held = ''
  let scores = logits
  for (let i = 0; i < maxTokens; i++) {
    throwIfAborted(signal)
    const id = sampleToken(scores, sampling, random, recent)
    const logprob = logProbability(scores, id)
    if (id === tokenizer.eos) {
      const rest = held + text.finish()
      if (rest !== '') yield { id, text: rest, logprob }
      return { reason: 'stop', tokens: i }
    }
    const beside = alternatives === 0 ? {} : { alternatives: likeliest(scores, alternatives) }
    if (recent.length === REPEAT_WINDOW) recent.shift()
    recent.push(id)
    held += text.push(id)
    const isLast = i + 1 === maxTokens || session.length + 1 >= ctx
    if (isLast) held += text.finish()
    const end = firstStop(held, stop)
    if (end !== undefined) {
      if (end > 0) yield { id, text: held.slice(0, end), logprob, ...beside }
      return { reason: 'stop', tokens: i + 1 }
    }
    const safe = isLast ? held.length : safeLength(held, stop)
    const fresh = held.slice(0, safe)
    held = held.slice(safe)
    yield { id, text: fresh, logprob, ...beside }
    if (isLast) return { reason: 'length', tokens: i + 1 }
    scores = await session.decode(id)
  }
  return { reason: 'length', tokens: maxTokens }
}

function firstStop(text: string, stops: readonly string[]): number | undefined {
  const places = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0)
  return places.length === 0 ? undefined : Math.min(...places)
}

/** How much of a text is no start of a stop. */
function safeLength(text: string, stops: readonly string[]): number {
  let safe = text.length
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > 0; length--) {
      if (text.endsWith(stop.slice(0, length))) {
        safe = Math.min(safe, text.length - length)
        break
      }
    }
  }
  return safe
}
