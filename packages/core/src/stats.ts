import { PithError } from './errors.ts'
import { Random } from './random.ts'

/** Arithmetic mean. @throws PithError `PITH_SHAPE` of nothing */
export function mean(values: ArrayLike<number>): number {
  needValues(values)
  let sum = 0
  // Kahan-Neumaier: long lists of small differences must not drown.
  let rest = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    const next = sum + value
    rest += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
    sum = next
  }
  return (sum + rest) / values.length
}

/** Standard deviation of a sample (n - 1); 0 for a single value. */
export function standardDeviation(values: ArrayLike<number>): number {
  const centre = mean(values)
  if (values.length === 1) return 0
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += (values[i] - centre) ** 2
  return Math.sqrt(sum / (values.length - 1))
}

/** The middle value, or the mean of the two middle ones. */
export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5)
}

/** The quantile at `share` in 0..1, linear between neighbours (type 7 of Hyndman and Fan, as in R and NumPy). */
export function quantile(values: ArrayLike<number>, share: number): number {
  needValues(values)
  if (!(share >= 0 && share <= 1)) throw new PithError('PITH_ARG', `share must be in 0..1, got ${share}`)
  return sortedQuantile(Float64Array.from(values).sort(), share)
}

function sortedQuantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1)
  const below = Math.floor(place)
  const low = sorted[below]
  const high = sorted[Math.min(below + 1, sorted.length - 1)]
  return low + (high - low) * (place - below)
}

/** How a bootstrap is drawn. */
export interface BootstrapOptions {
  /** Resamples, default 2000. */
  resamples?: number
  /** Share of resamples within the interval, default 0.95. */
  confidence?: number
  /** Default 0. */
  seed?: number
}

/** A figure with its interval. */
export interface Estimate {
  value: number
  interval: [low: number, high: number]
  n: number
}

/** Mean with its bootstrap percentile interval. @throws PithError `PITH_SHAPE` of nothing */
export function bootstrapMean(values: ArrayLike<number>, options: BootstrapOptions = {}): Estimate {
  const { resamples = 2000, confidence = 0.95, seed = 0 } = options
  needValues(values)
  if (!(Number.isInteger(resamples) && resamples >= 1)) {
    throw new PithError('PITH_ARG', `resamples must be an integer >= 1, got ${resamples}`)
  }
  if (!(confidence > 0 && confidence < 1)) {
    throw new PithError('PITH_ARG', `confidence must be in 0..1, got ${confidence}`)
  }
  const random = new Random(seed)
  const n = values.length
  const means = new Float64Array(resamples)
  for (let resample = 0; resample < resamples; resample++) {
    let sum = 0
    for (let i = 0; i < n; i++) sum += values[random.integer(n)]
    means[resample] = sum / n
  }
  means.sort()
  const tail = (1 - confidence) / 2
  return { value: mean(values), interval: [sortedQuantile(means, tail), sortedQuantile(means, 1 - tail)], n }
}

/**
 * Mean of `ours[i] - theirs[i]` with its paired bootstrap interval: an interval that excludes 0 is a difference.
 *
 * @throws PithError `PITH_SHAPE` the lengths differ or are 0
 */
export function pairedBootstrap(
  ours: ArrayLike<number>,
  theirs: ArrayLike<number>,
  options: BootstrapOptions = {},
): Estimate {
  if (ours.length !== theirs.length) {
    throw new PithError('PITH_SHAPE', `pairs are needed, got ${ours.length} and ${theirs.length} values`)
  }
  return bootstrapMean(
    Float64Array.from(ours, (value, i) => value - theirs[i]),
    options,
  )
}

/**
 * Share of successes with Wilson's score interval (Wilson 1927).
 *
 * @param z  quantile of the normal distribution, default 1.959964 for 95 %
 */
export function wilsonInterval(successes: number, n: number, z = 1.959963984540054): Estimate {
  if (!(Number.isInteger(n) && n >= 1 && Number.isInteger(successes) && successes >= 0 && successes <= n)) {
    throw new PithError('PITH_ARG', `successes must be an integer in 0..n with n >= 1, got ${successes} of ${n}`)
  }
  const share = successes / n
  const square = z * z
  const centre = (share + square / (2 * n)) / (1 + square / n)
  const half = (z / (1 + square / n)) * Math.sqrt((share * (1 - share)) / n + square / (4 * n * n))
  // The ends are exact; rounding may not move them.
  return {
    value: share,
    interval: [successes === 0 ? 0 : centre - half, successes === n ? 1 : centre + half],
    n,
  }
}

/**
 * Two-sided p-value of McNemar's exact test, from the pairs on which two systems disagree: `onlyOurs` right only by the one,
 * `onlyTheirs` only by the other.
 */
export function mcnemarExact(onlyOurs: number, onlyTheirs: number): number {
  for (const count of [onlyOurs, onlyTheirs]) {
    if (!(Number.isSafeInteger(count) && count >= 0)) {
      throw new PithError('PITH_ARG', `counts must be integers >= 0, got ${count}`)
    }
  }
  const n = onlyOurs + onlyTheirs
  const least = Math.min(onlyOurs, onlyTheirs)
  if (2 * least >= n) return 1
  // log of C(n, least) / 2^n; the smaller terms follow by their ratios, so nothing overflows.
  let log = -n * Math.LN2
  for (let i = 1; i <= least; i++) log += Math.log((n - least + i) / i)
  let term = 1
  let sum = 1
  for (let i = least; i > 0; i--) {
    term *= i / (n - i + 1)
    sum += term
    if (term < 1e-18) break
  }
  return Math.min(1, 2 * Math.exp(log + Math.log(sum)))
}

function needValues(values: ArrayLike<number>): void {
  if (values.length === 0) throw new PithError('PITH_SHAPE', 'at least one value is needed')
}
