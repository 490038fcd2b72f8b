import { throwIfAborted } from '@pith/core'
import type { Ranking, Span } from '../types.ts'
import { type Assembled, assemble, type JoinGap } from './assemble.ts'
import { joinSpans } from './pieces.ts'

/** Counts of whole texts while the number of pieces is searched for, and pieces that may turn out too large behind it. */
const COUNTS = 12
const MISSES = 8
/** Characters of a token in running text, at most. */
const LONGEST_TOKEN = 12

/** What is fitted, and to what. */
export interface FitTask {
  readonly text: string
  readonly pieces: Ranking['pieces']
  readonly groups: Ranking['groups']
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
 * Keep as many of the most important groups as fit, by real counts of the assembled text: sums over pieces are wrong by a third.
 *
 * The pinned pieces alone are returned where nothing more fits, even if they are above the budget.
 */
export function fitBudget(task: FitTask): Fitted {
  const { text, pieces, groups, pinned, tokens: budget, count, join, signal } = task
  /** How many of what was taken want a piece. */
  const wanted = Uint32Array.from(pinned)
  const build = (): Fitted => {
    throwIfAborted(signal)
    const kept = joinSpans(pieces.filter((_, piece) => (wanted[piece] as number) > 0))
    const assembled = assemble(text, kept, join)
    return { ...assembled, tokens: count(assembled.text) }
  }
  let best = build()
  if (best.tokens > budget) return best
  // Characters foresee tokens well enough to guess the next count.
  const lengths = cumulatedLengths(task)
  let [low, high] = [0, groups.length + 1]
  /** Tokens with `high` groups, once that was counted. */
  let above: number | undefined
  let taken = 0
  const want = (group: number, by: 1 | -1): void => {
    for (const piece of groups[group] as readonly number[]) wanted[piece] += by
  }
  const take = (n: number): void => {
    for (; taken < n; taken++) want(taken, 1)
    for (; taken > n; taken--) want(taken - 1, -1)
  }
  for (let counts = 0; counts < COUNTS && high - low > 1; counts++) {
    const room = budget - best.tokens
    const between =
      above === undefined ? 0 : ((lengths[high] as number) - (lengths[low] as number)) / (above - best.tokens)
    const perToken = best.tokens > 0 && best.text.length > 0 ? best.text.length / best.tokens : 4
    const reach = (lengths[low] as number) + room * (between > 0 ? between : perToken)
    let guess = counts % 3 === 2 ? (low + high) >> 1 : upTo(lengths, reach)
    guess = Math.min(Math.max(guess, low + 1), high - 1)
    take(guess)
    const fitted = build()
    if (fitted.tokens <= budget) [low, best] = [guess, fitted]
    else [high, above] = [guess, fitted.tokens]
  }
  take(low)
  for (let at = low, misses = 0; at < groups.length && misses < MISSES && best.tokens < budget; at++) {
    // What is far too long is not counted.
    if ((lengths[at + 1] as number) - (lengths[at] as number) > LONGEST_TOKEN * (budget - best.tokens)) {
      misses++
      continue
    }
    want(at, 1)
    const fitted = build()
    if (fitted.tokens <= budget) best = fitted
    else {
      want(at, -1)
      misses++
    }
  }
  return best
}

/** Characters of the pieces that the first groups add, by their number. */
function cumulatedLengths({ pieces, groups, pinned }: FitTask): Float64Array {
  const isCounted = Uint8Array.from(pinned)
  const lengths = new Float64Array(groups.length + 1)
  for (const [i, group] of groups.entries()) {
    let sum = lengths[i] as number
    for (const piece of group) {
      if (isCounted[piece] === 1) continue
      isCounted[piece] = 1
      const { start, end } = pieces[piece] as Span
      sum += end - start
    }
    lengths[i + 1] = sum
  }
  return lengths
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
