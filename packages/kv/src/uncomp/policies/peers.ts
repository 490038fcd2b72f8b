/** Other systems' ways to keep a part of a cache, behind the same interface. */
import {
  bestPlaces,
  type EvictionPolicy,
  groupByHead,
  groupByLayer,
  type KvShape,
  type Prompt,
  type PromptLayer,
} from '@pith/lm'
import {
  type BudgetOptions,
  bestAndLast,
  DEFAULT_KERNEL,
  DEFAULT_WINDOW,
  judged,
  type ScoreOptions,
  windowScores,
} from './scores.ts'
import { checkBudget, checkWhole, spread, tokensOf } from './spread.ts'
import { watchMean, watchRecent, watchWindow } from './watch.ts'

/** The first tokens and the last ones (StreamingLLM, arXiv 2309.17453). @throws PithError `PITH_ARG` */
export function streamingLlm({
  budget,
  bounded = false,
  sinks = 4,
}: BudgetOptions & { sinks?: number }): EvictionPolicy {
  checkBudget(budget)
  checkWhole('sinks', sinks, 0)
  return {
    name: 'streaming',
    window: 1,
    every: false,
    groups: groupByLayer,
    keep: ({ layers, tokens }, { kvHeads }) =>
      layers.map(({ positions }) => {
        const n = positions.length
        const count = Math.min(n, tokensOf(budget, tokens.length, sinks + 1))
        const places = Int32Array.from({ length: count }, (_, i) => (i < sinks ? i : n - count + i))
        return new Array<Int32Array>(kvHeads).fill(places)
      }),
    ...(bounded ? { watch: () => watchRecent(sinks) } : {}),
  }
}

/**
 * The tokens that all queries attended to most and the last ones (H2O, arXiv 2306.14048), by the mean over the queries that
 * could see a token: sums favour what came early.
 *
 * @param options `recent`: the part of the budget that is for the last tokens. Default 0.5.
 * @throws PithError `PITH_ARG`
 */
export function h2o({ budget, bounded = false, recent = 0.5 }: BudgetOptions & { recent?: number }): EvictionPolicy {
  checkBudget(budget)
  const lastOf = (tokens: number): number => Math.max(1, Math.round(recent * tokensOf(budget, tokens, 2)))
  return {
    name: 'h2o',
    window: 1,
    every: true,
    groups: groupByLayer,
    keep: ({ layers, tokens }, { kvHeads }) =>
      layers.map((own) => {
        const n = own.positions.length
        const before = judged(own, lastOf(tokens.length))
        const count = Math.min(n, tokensOf(budget, tokens.length, 2))
        return Array.from({ length: kvHeads }, (_, head) => {
          const sums = (own.every as Float32Array).subarray(head * n, head * n + before)
          return bestAndLast(
            Float64Array.from(sums, (sum, t) => sum / (n - t)),
            n,
            count,
          )
        })
      }),
    ...(bounded
      ? { watch: (prompt, layer, head, kept) => watchMean(prompt, layer, head, kept, lastOf(prompt.tokens.length)) }
      : {}),
  }
}

/** What policies that judge by the last queries share. */
export function judging(
  name: string,
  { budget, bounded = false, window = DEFAULT_WINDOW, kernel = DEFAULT_KERNEL }: BudgetOptions & ScoreOptions,
): Pick<EvictionPolicy, 'name' | 'window' | 'every' | 'watch'> & { readonly kernel: number } {
  checkBudget(budget)
  checkWhole('window', window, 1)
  checkWhole('kernel', kernel, 1)
  return {
    name,
    window,
    every: false,
    kernel,
    ...(bounded ? { watch: (prompt, layer, head, kept) => watchWindow(prompt, layer, head, kept, window) } : {}),
  }
}

/** Keep the best of each head and the last tokens, as many as `countOf` says. */
export function keepEach(
  prompt: Prompt,
  { kvHeads }: KvShape,
  window: number,
  kernel: number,
  countOf: (layer: number, head: number) => number,
): Int32Array[][] {
  return prompt.layers.map(({ positions }, layer) =>
    Array.from({ length: kvHeads }, (_, head) =>
      bestAndLast(windowScores(prompt, layer, head, window, kernel), positions.length, countOf(layer, head)),
    ),
  )
}

/** The tokens that the last queries attend to most, the same number in each head (SnapKV, arXiv 2404.14469). @throws PithError `PITH_ARG` */
export function snapKv(options: BudgetOptions & ScoreOptions): EvictionPolicy {
  const { kernel, ...own } = judging('snapkv', options)
  return {
    ...own,
    groups: groupByLayer,
    keep: (prompt, shape) => {
      const count = tokensOf(options.budget, prompt.tokens.length, own.window)
      return keepEach(prompt, shape, own.window, kernel, () => count)
    },
  }
}

/**
 * As SnapKV, with budgets that fall from layer to layer (PyramidKV, arXiv 2406.02069).
 *
 * @param options `beta`: the last layer gets 1 / beta of the mean. Default 20.
 * @throws PithError `PITH_ARG`
 */
export function pyramidKv({ beta = 20, ...options }: BudgetOptions & ScoreOptions & { beta?: number }): EvictionPolicy {
  const { kernel, ...own } = judging('pyramidkv', options)
  checkWhole('beta', beta, 1)
  return {
    ...own,
    groups: groupByLayer,
    keep: (prompt, shape) => {
      const n = prompt.tokens.length
      const count = tokensOf(options.budget, n, own.window)
      const { layers } = shape
      // Beyond the window: 2 - 1 / beta of the mean at first, 1 / beta at last.
      const weights = Array.from({ length: layers }, (_, layer) =>
        layers === 1 ? 1 : 2 - 1 / beta - (layer * (2 - 2 / beta)) / (layers - 1),
      )
      const extra = spread(weights, layers * Math.max(0, count - own.window), 0, Math.max(0, n - own.window))
      return keepEach(prompt, shape, own.window, kernel, (layer) => Math.min(n, own.window + (extra[layer] as number)))
    },
  }
}

/**
 * As SnapKV, but the heads of a layer share its budget: the best scores of all of them are kept (AdaKV, arXiv 2407.11550).
 *
 * @param options `floor`: the part of its mean budget that each head keeps in any case. Default 0.2.
 * @throws PithError `PITH_ARG`
 */
export function adaKv({ floor = 0.2, ...options }: BudgetOptions & ScoreOptions & { floor?: number }): EvictionPolicy {
  const { kernel, ...own } = judging('adakv', options)
  return {
    ...own,
    groups: groupByHead,
    keep: (prompt, shape) => {
      const count = tokensOf(options.budget, prompt.tokens.length, own.window)
      return prompt.layers.map((_, layer) => {
        const counts = new Array<number>(shape.kvHeads).fill(count)
        return keepTogether(prompt, layer, counts, own.window, kernel, floor)
      })
    },
  }
}

/**
 * Keep the best scores of all heads of a layer together.
 *
 * @param counts tokens that each head would keep alone
 * @param floor the part of the mean of these, beyond the window, that each head keeps in any case
 */
export function keepTogether(
  prompt: Prompt,
  layer: number,
  counts: readonly number[],
  window: number,
  kernel: number,
  floor: number,
): Int32Array[] {
  const n = (prompt.layers[layer] as PromptLayer).positions.length
  const heads = counts.length
  const scores = counts.map((_, head) => windowScores(prompt, layer, head, window, kernel))
  const before = (scores[0] as Float64Array).length
  const last = n - before
  const extra = counts.reduce((sum, count) => sum + Math.max(0, Math.min(n, count) - last), 0)
  const least = Math.min(before, Math.floor((floor * extra) / heads))
  const joint = new Float64Array(heads * before)
  for (const [head, own] of scores.entries()) {
    joint.set(own, head * before)
    for (const t of bestPlaces(own, least)) joint[head * before + t] = Number.POSITIVE_INFINITY
  }
  const kept: number[][] = counts.map(() => [])
  for (const place of bestPlaces(joint, extra)) (kept[Math.floor(place / before)] as number[]).push(place % before)
  return kept.map((places) => Int32Array.from([...places, ...Array.from({ length: last }, (_, i) => before + i)]))
}
