import { PithError } from '@pith/core'

/** What tokens cost, and how often a text is read. */
export interface Prices {
  /** For a million tokens that are read. */
  readonly input: number
  /** For a million tokens that the provider remembers. Default a tenth of `input`. */
  readonly cached?: number
  /** For a million tokens that the provider begins to remember. Default 1.25 times `input`. */
  readonly write?: number
  /** Of an hour of CPU. Default 0.05. */
  readonly cpuHour?: number
}

/** What a text costs with and without compressing. */
export interface BreakEven {
  readonly whole: number
  /** Where the provider remembers the whole text between calls. */
  readonly wholeCached: number
  readonly compressed: number
  /** Where it remembers the compressed text: the question of the calls must be the same, or none. */
  readonly compressedCached: number
  /** CPU time of compressing, in all calls. */
  readonly cpu: number
  /** Whether compressing costs least; else why not. */
  readonly verdict: string
  readonly pays: boolean
}

/**
 * What reading a text costs over some calls, with a provider's cache of prompts and without, in the currency of the prices.
 *
 * @throws PithError `PITH_ARG` a negative price, or no call
 */
export function breakEven(
  { originalTokens, tokens, cpuSeconds }: { originalTokens: number; tokens: number; cpuSeconds: number },
  calls: number,
  { input, cached = input / 10, write = 1.25 * input, cpuHour = 0.05 }: Prices,
): BreakEven {
  if (!([input, cached, write, cpuHour].every((price) => price >= 0) && Number.isInteger(calls) && calls >= 1)) {
    throw new PithError('PITH_ARG', 'prices must not be negative, and there must be a call')
  }
  const million = 1e-6
  const remembered = (size: number): number => million * size * (write + (calls - 1) * cached)
  const cost = (cpuSeconds * cpuHour) / 3600
  const whole = million * originalTokens * input * calls
  const wholeCached = remembered(originalTokens)
  // A question of its own for each call means a text of its own.
  const compressed = million * tokens * input * calls + cost * calls
  const compressedCached = remembered(tokens) + cost
  const pays = compressed < Math.min(whole, wholeCached)
  const verdict = pays
    ? 'compress: cheaper even where the provider remembers the whole text'
    : compressedCached < Math.min(whole, wholeCached)
      ? 'compress once for all calls: a new text for each question costs more than what the provider remembers'
      : 'do not compress: it saves less than it costs'
  return { ...{ whole, wholeCached, compressed, compressedCached }, cpu: cost * calls, pays, verdict }
}
