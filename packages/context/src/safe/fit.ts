import { throwIfAborted } from '@pith/core'
import type { Ranking, Span } from '../types.ts'
import { type Assembled, assemble, type JoinGap } from './assemble.ts'
import { joinSpans } from './pieces.ts'

/** Counts of whole texts while the number of pieces is searched for, and pieces that may turn out too large behind it. */
const COUNTS = 12
const MISSES = 8

/** What is fitted, and to what. */
export interface FitTask {
  readonly text: string
  readonly ranking: Ranking
  /** Pieces that stay whatever it costs. */
  readonly pinned: Uint8Array
  readonly tokens: number
  readonly count: (text: string) => number
  readonly join: JoinGap
  readonly signal?: AbortSignal | undefined
}

/** The longest beginning of the order that fits, and what can still be added to it. */
export interface Fitted extends Assembled {
  readonly tokens: number
}

/**
 * Keep as many of the most important pieces as fit, by real counts of the assembled text: sums over pieces are wrong by a third.
 *
 * The pinned pieces alone are returned where nothing more fits, even if they are above the budget.
 */
export function fitBudget(task: FitTask): Fitted {
  const { text, ranking, pinned, tokens: budget, count, join, signal } = task
  const order = Array.from(ranking.order).filter((piece) => pinned[piece] !== 1)
  const isKept = Uint8Array.from(pinned)
  const build = (): Fitted => {
    throwIfAborted(signal)
    const kept = joinSpans(ranking.pieces.filter((_, piece) => isKept[piece] === 1))
    const assembled = assemble(text, kept, join)
    return { ...assembled, tokens: count(assembled.text) }
  }
  let best = build()
  if (best.tokens > budget) return best
  // Characters foresee tokens well enough to guess the next count.
  const lengths = new Float64Array(order.length + 1)
  for (const [i, piece] of order.entries()) {
    const { start, end } = ranking.pieces[piece] as Span
    lengths[i + 1] = (lengths[i] as number) + end - start
  }
  let [low, high] = [0, order.length + 1]
  let taken = 0
  const take = (n: number): void => {
    for (; taken < n; taken++) isKept[order[taken] as number] = 1
    for (; taken > n; taken--) isKept[order[taken - 1] as number] = 0
  }
  for (let counts = 0; counts < COUNTS && high - low > 1; counts++) {
    const room = budget - best.tokens
    const perToken = best.tokens > 0 && best.text.length > 0 ? best.text.length / best.tokens : 4
    const reach = (lengths[low] as number) + room * perToken
    let guess = counts % 3 === 2 ? (low + high) >> 1 : upTo(lengths, reach)
    guess = Math.min(Math.max(guess, low + 1), high - 1)
    take(guess)
    const fitted = build()
    if (fitted.tokens <= budget) [low, best] = [guess, fitted]
    else high = guess
  }
  take(low)
  for (let at = low, misses = 0; at < order.length && misses < MISSES && best.tokens < budget; at++) {
    const piece = order[at] as number
    isKept[piece] = 1
    const fitted = build()
    if (fitted.tokens <= budget) best = fitted
    else {
      isKept[piece] = 0
      misses++
    }
  }
  return best
}

/** Last index whose value is at most `limit`; values ascend. */
function upTo(values: Float64Array, limit: number): number {
  let [low, high] = [0, values.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((values[middle] as number) <= limit) low = middle + 1
    else high = middle
  }
  return Math.max(0, low - 1)
}
