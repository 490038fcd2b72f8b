/** The loss over the ranks of one query, with its gradient. */
import { portableExp } from '../portable-exp.ts'

/** log(1 + e^x) and its derivative, without overflow. */
function softplus(x: number): { value: number; slope: number } {
  const small = portableExp(-Math.abs(x))
  const share = 1 / (1 + small)
  // log1p by its own series in small / (2 + small), as Math.log1p may differ between engines.
  const t = small / (2 + small)
  let log = 0
  for (let k = 29; k >= 1; k -= 2) log = log * t * t + 1 / k
  return { value: Math.max(0, x) + 2 * t * log, slope: x >= 0 ? share : small * share }
}

/**
 * The rank loss of JPQ: over pairs of a relevant row i and another one j, the mean of |1 / rank_i - 1 / rank_j| log(1 + e^(s_j - s_i)).
 *
 * @param scores    rows by falling rank: the first has rank 1
 * @param relevant  1 for the rows that are
 * @param scale     scores are multiplied by it
 * @param gradient  f64[scores], receives the derivatives
 * @returns the loss; 0 where all rows are relevant, or none
 */
export function rankLoss(
  scores: ArrayLike<number>,
  relevant: ArrayLike<number>,
  scale: number,
  gradient: Float64Array,
): number {
  const n = scores.length
  gradient.fill(0)
  let good = 0
  for (let i = 0; i < n; i++) good += relevant[i] as number
  const pairs = good * (n - good)
  if (pairs === 0) return 0
  let loss = 0
  for (let i = 0; i < n; i++) {
    if (relevant[i] === 0) continue
    for (let j = 0; j < n; j++) {
      if (relevant[j] !== 0) continue
      const weight = Math.abs(1 / (i + 1) - 1 / (j + 1)) / pairs
      const { value, slope } = softplus(scale * ((scores[j] as number) - (scores[i] as number)))
      loss += weight * value
      gradient[j] += weight * scale * slope
      gradient[i] -= weight * scale * slope
    }
  }
  return loss
}
