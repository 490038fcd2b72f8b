import { PithError } from '@pith/core'

/** Cells of the table of the exact solution, and buckets of weight where there would be more. */
const MAX_CELLS = 5_000_000
const BUCKETS = 4096

/**
 * Which items to take so that their values sum up to the most while their weights stay within a capacity (0/1 knapsack).
 *
 * Exact where items times capacity is at most 5,000,000; beyond that weights are rounded up to 4,096 steps, so the capacity holds.
 * Values below 0 count as 0, and items of no value are not taken.
 *
 * @param weights  whole numbers, at least 0
 * @returns u8[n], 1 for what is taken
 * @throws PithError `PITH_SHAPE` there are not as many weights as values · `PITH_ARG` a weight is no whole number
 */
export function knapsack(values: ArrayLike<number>, weights: ArrayLike<number>, capacity: number): Uint8Array {
  const n = values.length
  if (weights.length !== n) throw new PithError('PITH_SHAPE', `${n} values have ${weights.length} weights`)
  const room = Math.floor(capacity)
  const isTaken = new Uint8Array(n)
  if (!(room >= 0)) return isTaken
  const step = n * room > MAX_CELLS ? Math.max(1, Math.ceil(room / BUCKETS)) : 1
  const buckets = Math.floor(room / step)
  const best = new Float64Array(buckets + 1)
  const isBetter = new Uint8Array(n * (buckets + 1))
  for (let i = 0; i < n; i++) {
    const [value, weight] = [values[i] as number, weights[i] as number]
    if (!(Number.isSafeInteger(weight) && weight >= 0)) throw new PithError('PITH_ARG', `weight ${i} is ${weight}`)
    const size = Math.ceil(weight / step)
    if (!(value > 0) || size > buckets) continue
    for (let at = buckets; at >= size; at--) {
      const sum = (best[at - size] as number) + value
      if (sum > (best[at] as number)) {
        best[at] = sum
        isBetter[i * (buckets + 1) + at] = 1
      }
    }
  }
  for (let i = n - 1, at = buckets; i >= 0; i--) {
    if (isBetter[i * (buckets + 1) + at] !== 1) continue
    isTaken[i] = 1
    at -= Math.ceil((weights[i] as number) / step)
  }
  return isTaken
}
