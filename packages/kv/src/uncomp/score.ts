/** What it costs to keep a part of a cache: how much worse the text behind it is foreseen. */
import { bootstrapMean, meterProgress, PithError, type Run, throwIfAborted } from '@pith/core'
import { type EvictionPolicy, type Lm, logProbability } from '@pith/lm'

/** What one policy costs. */
export interface EvictionScore {
  readonly name: string
  /** Bytes of the keys and values that are kept of a prompt, on average; and what they are of all. */
  readonly bytes: number
  readonly share: number
  /** Nats by which a token is foreseen worse, with its paired bootstrap interval over windows. */
  readonly dNLL: number
  readonly interval: readonly [low: number, high: number]
  /** Share of tokens for which the same one is foreseen. */
  readonly top1: number
  /** Tokens of a prompt that are kept, on average, by layer and head. */
  readonly kept: readonly (readonly number[])[]
}

/** Scores of a text. */
export interface EvictionScores {
  readonly windows: number
  /** Tokens that were foreseen. */
  readonly tokens: number
  /** Mean nats of a token behind the whole cache. */
  readonly nll: number
  /** Bytes of the whole cache of a prompt. */
  readonly bytes: number
  readonly scores: readonly EvictionScore[]
}

interface Sums {
  readonly differences: number[]
  readonly kept: number[][]
  bytes: number
  same: number
}

/** Shortest windows. */
const LEAST_TOKENS = 32

/**
 * Foresee the second half of each window behind what each policy keeps of the first.
 *
 * @param windows ids, each of 32 tokens or more
 * @throws PithError `PITH_ARG` no windows, or short ones · `PITH_LIMIT` longer than the model's context · `PITH_MODEL` a
 * policy for another model
 */
export async function scoreEvictions(
  lm: Lm,
  windows: readonly Int32Array[],
  policies: readonly EvictionPolicy[],
  run: Pick<Run, 'signal' | 'onProgress'> = {},
): Promise<EvictionScores> {
  if (windows.length === 0 || windows.some((ids) => ids.length < LEAST_TOKENS)) {
    throw new PithError('PITH_ARG', `one window or more is needed, each of ${LEAST_TOKENS} tokens or more`)
  }
  const { layers, kvHeads, headDim, vocab } = lm.config
  const sums = policies.map((): Sums => {
    const kept = Array.from({ length: layers }, () => new Array<number>(kvHeads).fill(0))
    return { differences: [], kept, bytes: 0, same: 0 }
  })
  const needs = {
    window: policies.reduce((most, { window }) => Math.max(most, window), 1),
    every: policies.some(({ every }) => every),
  }
  const meter = meterProgress(run, { stage: 'score', unit: 'steps', total: windows.length * policies.length })
  let [nll, tokens, bytes] = [0, 0, 0]
  for (const [w, ids] of windows.entries()) {
    const half = Math.floor(ids.length / 2)
    const rest = ids.subarray(half, ids.length - 1)
    const prompt = await lm.readPrompt(ids.subarray(0, half), needs)
    const whole = lm.session({ capacity: ids.length })
    await whole.prefill(ids.subarray(0, half), { logits: 'none' })
    const exact = foreseen(await whole.prefill(rest, { logits: 'all' }), ids, half, vocab)
    bytes += 8 * half * layers * kvHeads * headDim
    for (const [p, policy] of policies.entries()) {
      throwIfAborted(run.signal)
      const sum = sums[p] as Sums
      const session = lm.session({ policy })
      if ((policy.stages?.(lm.config, half) ?? []).length > 0) await session.prefill(ids.subarray(0, half))
      else session.start(prompt)
      sum.bytes += session.heldBytes
      for (const [layer, heads] of sum.kept.entries()) {
        for (const [head, count] of heads.entries()) heads[head] = count + session.positions(layer, head).length
      }
      const own = foreseen(await session.read(rest, [...rest.keys()]), ids, half, vocab)
      sum.differences.push((own.nll - exact.nll) / rest.length)
      sum.same += own.best.filter((id, i) => id === exact.best[i]).length
      meter.update(w * policies.length + p + 1)
    }
    nll += exact.nll
    tokens += rest.length
  }
  meter.finish()
  const scores = policies.map(({ name }, p): EvictionScore => {
    const { differences, kept, bytes: held, same } = sums[p] as Sums
    const { value, interval } = bootstrapMean(differences)
    return {
      name,
      bytes: held / windows.length,
      share: held / bytes,
      dNLL: value,
      interval,
      top1: same / tokens,
      kept: kept.map((heads) => heads.map((count) => count / windows.length)),
    }
  })
  return { windows: windows.length, tokens, nll: nll / tokens, bytes: bytes / windows.length, scores }
}

/** Nats of tokens half + 1 .. end, and the likeliest at each place. */
function foreseen(logits: Float32Array, ids: Int32Array, half: number, vocab: number): { nll: number; best: number[] } {
  let nll = 0
  const best: number[] = []
  for (let row = 0; row * vocab < logits.length; row++) {
    const own = logits.subarray(row * vocab, (row + 1) * vocab)
    nll -= logProbability(own, ids[half + 1 + row] as number)
    best.push(own.reduce((most, logit, id) => (logit > (own[most] as number) ? id : most), 0))
  }
  return { nll, best }
}
