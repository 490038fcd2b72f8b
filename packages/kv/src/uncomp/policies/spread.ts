/** Budgets: how many tokens each head may keep. */
import { PithError } from '@pith/core'

const HALVINGS = 80

/**
 * Whole numbers in the ratio of `weights` as far as their limits allow, whose sum is exactly `total`.
 *
 * @param weights above 0
 * @param floor least of each; less where the total does not suffice
 * @param ceiling most of each; the total is no more than all of them together
 */
export function spread(weights: readonly number[], total: number, floor: number, ceiling: number): Int32Array {
  const count = weights.length
  const sum = Math.min(total, count * ceiling)
  const least = Math.min(floor, Math.floor(sum / count), ceiling)
  const clamped = (scale: number): number[] =>
    weights.map((weight) => Math.min(ceiling, Math.max(least, weight * scale)))
  let [low, high] = [0, ceiling / Math.min(...weights)]
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2
    if (clamped(middle).reduce((a, b) => a + b, 0) <= sum) low = middle
    else high = middle
  }
  const exact = clamped(low)
  const out = Int32Array.from(exact, Math.floor)
  let left = sum - out.reduce((a, b) => a + b, 0)
  const order = exact.map((value, i) => ({ i, rest: value - Math.floor(value) }))
  order.sort((a, b) => b.rest - a.rest || a.i - b.i)
  while (left > 0) {
    for (const { i } of order) {
      if (left === 0) break
      if ((out[i] as number) >= ceiling) continue
      out[i] = (out[i] as number) + 1
      left--
    }
  }
  return out
}

/**
 * Tokens that a head keeps on average.
 *
 * @param budget a part of the prompt below 1, or a number of tokens from 1 on
 * @param least what is kept in any case
 */
export function tokensOf(budget: number, tokens: number, least: number): number {
  const wanted = budget < 1 ? Math.round(budget * tokens) : budget
  return Math.min(tokens, Math.max(least, wanted))
}

/** @throws PithError `PITH_ARG` neither a part nor a whole number of tokens */
export function checkBudget(budget: number): void {
  if (!(budget > 0 && (budget < 1 || Number.isInteger(budget)))) {
    throw new PithError('PITH_ARG', `a budget is a part below 1 or a whole number of tokens, got ${budget}`)
  }
}

/** @throws PithError `PITH_ARG` */
export function checkWhole(name: string, value: number, least: number): void {
  if (!(Number.isInteger(value) && value >= least)) {
    throw new PithError('PITH_ARG', `${name} must be a whole number from ${least} on, got ${value}`)
  }
}
