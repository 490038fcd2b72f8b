/** Order statistics of repeats and means of ratios. */

/** Value at a share in 0..1 of the sorted values, interpolated. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = [...values].sort((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const low = Math.floor(place)
  const next = sorted[Math.min(low + 1, sorted.length - 1)]!
  return sorted[low]! + (next - sorted[low]!) * (place - low)
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Half the distance between the quartiles, as a share of the median. */
export function spread(values: readonly number[]): number {
  return (quantile(values, 0.75) - quantile(values, 0.25)) / 2 / median(values)
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}

/** Slope of log(y) over log(x): 1 says that y is linear in x. */
export function exponent(points: readonly (readonly [x: number, y: number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const)
  const meanX = logs.reduce((sum, [x]) => sum + x, 0) / logs.length
  const meanY = logs.reduce((sum, [, y]) => sum + y, 0) / logs.length
  const over = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
  return over / logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
}

/** Measure several contenders in turn, A B A B, and keep what each repeat gave. */
export async function interleave<T>(
  contenders: Readonly<Record<string, () => Promise<T>>>,
  repeats: number,
): Promise<Record<string, T[]>> {
  const results: Record<string, T[]> = {}
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const [name, measure] of Object.entries(contenders)) (results[name] ??= []).push(await measure())
  }
  return results
}

/** Run tasks with at most `width` at once; results in the order of the tasks. */
export async function inParallel<T>(tasks: readonly (() => Promise<T>)[], width: number): Promise<T[]> {
  const results: T[] = new Array<T>(tasks.length)
  let next = 0
  const worker = async () => {
    while (next < tasks.length) {
      const index = next++
      results[index] = await tasks[index]!()
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  return results
}
