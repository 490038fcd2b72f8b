/** Writing text token by token. */
import { PithError, Random, throwIfAborted } from '@pith/core'
import type { Tokenizer } from '@pith/engine/io'
import type { GeneratedToken, GenerateEnd, GenerateOptions } from './language-model.ts'
import type { LmSession } from './runtime/session.ts'
import { checkSampling, likeliest, logProbability, sampleToken } from './sample.ts'

/** Tokens before the next one that `repeatPenalty` looks at. */
const REPEAT_WINDOW = 64

/** Most tokens that are named beside a written one. */
const MAX_ALTERNATIVES = 100

/**
 * Write behind what a session has read; what it returns at last says how it ended.
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
  const written: number[] = []
  const before = tokenizer.decode(session.tokens)
  const read = [...session.tokens]
  /** Text that came out, and text that may be the start of a stop or half of a character. */
  let shown = ''
  let scores = logits
  for (let i = 0; i < maxTokens; i++) {
    throwIfAborted(signal)
    const id = sampleToken(scores, sampling, random, [...read, ...written].slice(-REPEAT_WINDOW))
    if (id === tokenizer.eos) return { reason: 'stop', tokens: written.length }
    const logprob = logProbability(scores, id)
    const beside = alternatives === 0 ? {} : { alternatives: likeliest(scores, alternatives) }
    written.push(id)
    const whole = tokenizer.decode([...read, ...written]).slice(before.length)
    const end = firstStop(whole, stop)
    if (end !== undefined) {
      if (end > shown.length) yield { id, text: whole.slice(shown.length, end), logprob, ...beside }
      return { reason: 'stop', tokens: written.length }
    }
    const isLast = i + 1 === maxTokens || session.length + 1 >= ctx
    const safe = isLast ? whole.length : safeLength(whole, stop)
    const text = whole.slice(shown.length, Math.max(shown.length, safe))
    shown += text
    yield { id, text, logprob, ...beside }
    if (isLast) break
    scores = await session.decode(id)
  }
  return { reason: 'length', tokens: written.length }
}

function firstStop(text: string, stops: readonly string[]): number | undefined {
  const places = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0)
  return places.length === 0 ? undefined : Math.min(...places)
}

/** How much of a text is certain: not the start of a stop at its end, nor bytes that are no character yet. */
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
  while (safe > 0 && text[safe - 1] === '�') safe--
  return safe
}
