/** Reading a prompt so that what is worth keeping of it can be judged. */
import { meterProgress, PithError, type Run, throwIfAborted } from '@pith/core'
import type { Decoder } from './decoder.ts'
import type { Prompt, PromptLayer, PromptNeeds, Stage } from './eviction.ts'
import { groupByLayer } from './head-groups.ts'
import { KvMemory } from './memory.ts'
import type { RaggedDecoder } from './ragged-decoder.ts'
import { RaggedMemory } from './ragged-memory.ts'

/** How a prompt is read. */
export interface ReadPromptOptions extends Pick<Run, 'signal' | 'onProgress'> {
  /** Tokens that are computed at once. Default 256. */
  chunk?: number
}

/** Tokens that choose what goes on behind a stage. */
const CHOOSERS = 8

/**
 * Read a prompt whole, in chunks, with the attention that its last queries pay.
 *
 * @throws PithError `PITH_ARG` no tokens · `PITH_LIMIT` more than the model was made for · the reason of the abort
 */
export async function readPrompt(
  decoder: Decoder,
  ids: Int32Array,
  needs: PromptNeeds,
  { chunk = 256, signal, onProgress }: ReadPromptOptions = {},
): Promise<Prompt> {
  const { layers, kvHeads } = decoder.config
  const n = ids.length
  const window = checkPrompt(n, needs)
  const memory = new KvMemory(decoder.config, n)
  const each = Array.from({ length: layers }, (_, layer) => layer)
  const every = needs.every ? each.map(() => new Float32Array(kvHeads * n)) : []
  const recent = each.map(() => new Float32Array(kvHeads * window * n))
  const meter = meterProgress(onProgress === undefined ? {} : { onProgress }, {
    stage: 'read',
    unit: 'tokens',
    total: n,
  })
  let logits: Float32Array = new Float32Array(0)
  for (let at = 0, next = 0; at < n; at = next) {
    throwIfAborted(signal)
    // The last queries are computed at once, so that their rows come together.
    next = at + chunk + window >= n ? n : at + chunk
    const isLast = next === n
    const count = next - at
    const capacity = memory.capacity
    const sums = { layers: each, window: isLast ? window : 1, each: isLast, every: needs.every }
    const computed = await decoder.run(
      memory,
      ids.subarray(at, next),
      Int32Array.from({ length: count }, (_, i) => at + i),
      { ...(isLast ? { rows: [count - 1] } : {}), ...(isLast || needs.every ? { sums } : {}) },
    )
    for (const layer of each) {
      const data = computed.sums.get(layer)
      if (data === undefined) continue
      const rows = (isLast ? window : 1) + (needs.every ? 1 : 0)
      /** Adds row `row` of a head to `out`, from `to` on: places of the past and then new ones. */
      const take = (head: number, row: number, out: Float32Array, to: number): void => {
        const from = (head * rows + row) * (capacity + count)
        for (let t = 0; t < at; t++) out[to + t] = (out[to + t] as number) + (data[from + t] as number)
        for (let t = 0; t < count; t++) {
          out[to + at + t] = (out[to + at + t] as number) + (data[from + capacity + t] as number)
        }
      }
      for (let head = 0; head < kvHeads; head++) {
        if (isLast) {
          for (let row = 0; row < window; row++) {
            take(head, row, recent[layer] as Float32Array, (head * window + row) * n)
          }
        }
        if (needs.every) take(head, rows - 1, every[layer] as Float32Array, head * n)
      }
    }
    memory.append(computed.keys, computed.values, count)
    if (computed.logits !== undefined) logits = new Float32Array(computed.logits)
    meter.update(next)
  }
  meter.finish()
  const positions = Int32Array.from({ length: n }, (_, i) => i)
  return {
    tokens: ids.slice(),
    window,
    logits,
    layers: each.map((layer): PromptLayer => {
      const own = { positions, ...memory.rows(layer, 0, n), recent: recent[layer] as Float32Array }
      return needs.every ? { ...own, every: every[layer] as Float32Array } : own
    }),
  }
}

/**
 * Read a prompt whose tokens fall away at stages: those that the last queries of the layer before attend to least. Survivors
 * keep their positions, and later layers hold nothing of the others.
 *
 * @param stages ascending in layers, descending in tokens
 * @throws PithError `PITH_ARG` no tokens, stages out of order · `PITH_LIMIT` more than the model was made for
 */
export async function readPromptInStages(
  decoder: RaggedDecoder,
  config: Decoder['config'],
  ids: Int32Array,
  needs: PromptNeeds,
  stages: readonly Stage[],
  { signal }: ReadPromptOptions = {},
): Promise<Prompt> {
  const { layers, kvHeads, hidden } = config
  const window = checkPrompt(ids.length, needs)
  checkStages(stages, layers, ids.length, window)
  const memory = new RaggedMemory(config, groupByLayer(config))
  const sums = { window: Math.max(window, Math.min(CHOOSERS, ids.length)), each: true, every: needs.every }
  const out: PromptLayer[] = []
  let positions: Int32Array = Int32Array.from(ids, (_, i) => i)
  let input: Int32Array | Float32Array = ids
  let logits: Float32Array = new Float32Array(0)
  for (const [i, from] of [0, ...stages.map(({ layer }) => layer)].entries()) {
    throwIfAborted(signal)
    const to = stages[i]?.layer ?? layers
    const n: number = positions.length
    const computed = await decoder.run(memory, input, positions, { from, to, sums, rows: to === layers ? [n - 1] : [] })
    for (let layer = from; layer < to; layer++) {
      const rows = Array.from({ length: kvHeads }, (_, head) => computed.seen(layer, head))
      const recent = new Float32Array(kvHeads * window * n)
      const every = new Float32Array(needs.every ? kvHeads * n : 0)
      for (const [head, own] of rows.entries()) {
        for (let row = 0; row < window; row++) {
          recent.set(own[sums.window - window + row] as Float32Array, (head * window + row) * n)
        }
        if (needs.every) every.set(own.at(-1) as Float32Array, head * n)
      }
      const keys = byToken(computed.keys[layer - from] as Float32Array, kvHeads, n)
      const values = byToken(computed.values[layer - from] as Float32Array, kvHeads, n)
      out.push({ positions, keys, values, recent, ...(needs.every ? { every } : {}) })
    }
    if (computed.logits !== undefined) logits = new Float32Array(computed.logits)
    const stage = stages[i]
    if (stage === undefined) break
    const sum = new Float64Array(n)
    for (let head = 0; head < kvHeads; head++) {
      const rows = computed.seen(to - 1, head).slice(0, sums.window)
      for (const row of rows.slice(-CHOOSERS)) {
        for (let t = 0; t < n; t++) sum[t] = (sum[t] as number) + (row[t] as number)
      }
    }
    const scores = smoothed(sum, stage.kernel ?? 1)
    for (let t = n - sums.window; t < n; t++) scores[t] = Number.POSITIVE_INFINITY
    const kept = bestPlaces(scores, stage.tokens)
    const x: Float32Array = computed.hidden as Float32Array
    const next: Float32Array = new Float32Array(kept.length * hidden)
    for (const [row, t] of kept.entries()) next.set(x.subarray(t * hidden, (t + 1) * hidden), row * hidden)
    input = next
    positions = kept.map((t) => positions[t] as number)
  }
  return { tokens: ids.slice(), window, logits, layers: out }
}

/** Places of the highest scores, ascending; among equals the later ones. */
export function bestPlaces(scores: ArrayLike<number>, count: number): Int32Array {
  const order = Int32Array.from({ length: scores.length }, (_, t) => t)
  order.sort((a, b) => (scores[b] as number) - (scores[a] as number) || b - a)
  return order.subarray(0, count).sort()
}

/** Means over `kernel` neighbours, an odd number; what is beyond the ends counts as 0. */
export function smoothed(values: Float64Array, kernel: number): Float64Array {
  const half = (kernel - 1) / 2
  return values.map((_, t) => {
    let sum = 0
    for (let i = Math.max(0, t - half); i <= Math.min(values.length - 1, t + half); i++) sum += values[i] as number
    return sum / kernel
  })
}

function checkPrompt(n: number, { window }: PromptNeeds): number {
  if (n === 0) throw new PithError('PITH_ARG', 'there are no tokens to read')
  if (!(Number.isInteger(window) && window >= 1)) {
    throw new PithError('PITH_ARG', `window must be 1 or more, got ${window}`)
  }
  return Math.min(window, n)
}

function checkStages(stages: readonly Stage[], layers: number, n: number, window: number): void {
  let [layer, tokens] = [0, n]
  for (const stage of stages) {
    const isNext = stage.layer > layer && stage.layer < layers
    if (!(isNext && stage.tokens <= tokens && stage.tokens >= Math.max(window, CHOOSERS))) {
      throw new PithError('PITH_ARG', `a stage with ${stage.tokens} tokens cannot begin at layer ${stage.layer}`)
    }
    layer = stage.layer
    tokens = stage.tokens
  }
}

/** f32[kvHeads, n, headDim] as f32[n, kvHeads * headDim]. */
function byToken(rows: Float32Array, kvHeads: number, n: number): Float32Array {
  const headDim = rows.length / (kvHeads * n)
  const out = new Float32Array(rows.length)
  for (let head = 0; head < kvHeads; head++) {
    for (let t = 0; t < n; t++) {
      const from = (head * n + t) * headDim
      out.set(rows.subarray(from, from + headDim), (t * kvHeads + head) * headDim)
    }
  }
  return out
}
