/** What tokens are worth to the last queries, and which are kept for it. */
import { bestPlaces, type Prompt, type PromptLayer, smoothed } from '@pith/lm'

/** How tokens are valued. */
export interface ScoreOptions {
  /** Last queries that judge; their own tokens are always kept. Default 8. */
  window?: number
  /** Neighbours whose scores are averaged, odd. Default 5. */
  kernel?: number
}

/** A part of the prompt below 1 that a head keeps on average, or a number of tokens. */
export interface BudgetOptions {
  budget: number
  /** Whether heads keep their size while text is written; else caches grow by what is written. Default false. */
  bounded?: boolean
}

export const DEFAULT_WINDOW = 8
export const DEFAULT_KERNEL = 5

/** Tokens of a layer before those that judge. */
export function judged({ positions }: PromptLayer, window: number): number {
  return Math.max(0, positions.length - window)
}

/** What each of the tokens before the last `window` is worth to a head: attention of these, smoothed. */
export function windowScores(
  prompt: Prompt,
  layer: number,
  head: number,
  window: number,
  kernel: number,
): Float64Array {
  const { recent, positions } = prompt.layers[layer] as PromptLayer
  const n = positions.length
  const count = Math.max(0, n - window)
  const sums = new Float64Array(count)
  for (let row = Math.max(0, prompt.window - window); row < prompt.window; row++) {
    const at = (head * prompt.window + row) * n
    for (let t = 0; t < count; t++) sums[t] = (sums[t] as number) + (recent[at + t] as number)
  }
  return smoothed(sums, kernel)
}

/** The best tokens by score and all behind them, `count` in all: places, ascending. */
export function bestAndLast(scores: Float64Array, tokens: number, count: number): Int32Array {
  const last = tokens - scores.length
  const best = bestPlaces(scores, Math.max(0, Math.min(scores.length, count - last)))
  const out = new Int32Array(best.length + last)
  out.set(best)
  for (let i = 0; i < last; i++) out[best.length + i] = scores.length + i
  return out
}
