/** What caches that were made smaller do to the text behind them. */
import { bootstrapMean, type Estimate, meterProgress, PithError, type Run, throwIfAborted } from '@pith/core'
import type { KvCache, Lm } from '@pith/lm'
import { q8Bits } from './q8.ts'
import { countNumbers, type Scheme } from './scheme.ts'

/** What one scheme at one setting costs. */
export interface Score {
  readonly name: string
  readonly setting: string
  /** All that is stored for a number of the keys or values. */
  readonly bitsPerElem: number
  /** How many times smaller than 8 bits with a scale a token. */
  readonly vs8bit: number
  /** Nats by which a token is foreseen worse, with its paired bootstrap interval over windows. */
  readonly dNLL: number
  readonly interval: readonly [low: number, high: number]
  /** Divergence of what is foreseen from what is foreseen behind the exact cache, in nats. */
  readonly kl: number
  /** Share of tokens for which the same one is foreseen. */
  readonly top1: number
  readonly profileBytes?: number
}

/** Scores of a text. */
export interface Scores {
  readonly windows: number
  /** Tokens that were foreseen. */
  readonly tokens: number
  /** Mean nats of a token behind the exact cache. */
  readonly nll: number
  readonly scores: readonly Score[]
}

/** Sums of one scheme. */
interface Sums {
  readonly differences: number[]
  bits: number
  kl: number
  same: number
}

/**
 * Foresee the second half of each window behind the cache of the first, exact and as each scheme gives it back.
 *
 * @param windows ids, each of 16 tokens or more
 * @throws PithError `PITH_ARG` no windows, or short ones · `PITH_LIMIT` longer than the model's context
 */
export async function scoreSchemes(
  lm: Lm,
  windows: readonly Int32Array[],
  schemes: readonly Scheme[],
  run: Pick<Run, 'signal' | 'onProgress'> = {},
): Promise<Scores> {
  if (windows.length === 0 || windows.some((ids) => ids.length < 16)) {
    throw new PithError('PITH_ARG', 'one window or more is needed, each of 16 tokens or more')
  }
  const sums = schemes.map((): Sums => ({ differences: [], bits: 0, kl: 0, same: 0 }))
  const meter = meterProgress(run, { stage: 'score', unit: 'steps', total: windows.length * schemes.length })
  let nll = 0
  let tokens = 0
  let numbers = 0
  let width = 1
  for (const [w, ids] of windows.entries()) {
    const half = Math.floor(ids.length / 2)
    const session = lm.session({ capacity: half })
    await session.prefill(ids.subarray(0, half), { logits: 'none' })
    const kv = session.kv()
    width = kv.width
    numbers += countNumbers(kv)
    const exact = await foresee(lm, ids, half, kv)
    const own = ids.length - half - 1
    for (const [s, scheme] of schemes.entries()) {
      throwIfAborted(run.signal)
      const changed = await scheme.change(kv)
      const seen = await foresee(lm, ids, half, changed.kv)
      const sum = sums[s] as Sums
      sum.bits += changed.bits
      sum.differences.push((seen.nll - exact.nll) / own)
      compare(sum, exact.logs, seen.logs, lm.config.vocab)
      meter.update(w * schemes.length + s + 1)
    }
    nll += exact.nll
    tokens += own
  }
  meter.finish()
  const scores = schemes.map(({ name, setting, profileBytes }, s): Score => {
    const { differences, bits, kl, same } = sums[s] as Sums
    const { value, interval }: Estimate = bootstrapMean(differences)
    const bitsPerElem = bits / numbers
    return {
      name,
      setting,
      bitsPerElem,
      vs8bit: q8Bits({ width }) / bitsPerElem,
      dNLL: value,
      interval,
      kl: kl / tokens,
      top1: same / tokens,
      ...(profileBytes === undefined ? {} : { profileBytes }),
    }
  })
  return { windows: windows.length, tokens, nll: nll / tokens, scores }
}

/** Nats of tokens half + 1 .. end behind a cache of the first half, and the logarithms of all probabilities. */
async function foresee(
  lm: Lm,
  ids: Int32Array,
  half: number,
  kv: KvCache,
): Promise<{ nll: number; logs: Float32Array }> {
  const { vocab } = lm.config
  const session = lm.session({ capacity: ids.length })
  session.attachKv(kv)
  const logs = await session.prefill(ids.subarray(half, ids.length - 1), { logits: 'all' })
  let nll = 0
  for (let at = 0, t = half + 1; at < logs.length; at += vocab, t++) {
    let most = Number.NEGATIVE_INFINITY
    for (let i = 0; i < vocab; i++) most = Math.max(most, logs[at + i] as number)
    let sum = 0
    for (let i = 0; i < vocab; i++) sum += Math.exp((logs[at + i] as number) - most)
    const all = most + Math.log(sum)
    for (let i = 0; i < vocab; i++) logs[at + i] = (logs[at + i] as number) - all
    nll -= logs[at + (ids[t] as number)] as number
  }
  return { nll, logs }
}

function compare(sum: Sums, exact: Float32Array, seen: Float32Array, vocab: number): void {
  for (let at = 0; at < exact.length; at += vocab) {
    let [ours, theirs] = [0, 0]
    for (let i = 0; i < vocab; i++) {
      const [p, q] = [exact[at + i] as number, seen[at + i] as number]
      sum.kl += Math.exp(p) * (p - q)
      if (p > (exact[at + theirs] as number)) theirs = i
      if (q > (seen[at + ours] as number)) ours = i
    }
    if (ours === theirs) sum.same++
  }
}
