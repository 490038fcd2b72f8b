/** Rows for a query, with what a teacher scores them. */
export interface LabelledRows {
  readonly rows: Uint32Array
  /** Any size: only differences within a query count. */
  readonly scores: ArrayLike<number>
}

/**
 * Half the mean square, over all pairs of rows, of the difference between the margins of the scores and those of the labels.
 *
 * @param labels    what a teacher gives, in the size of the scores
 * @param gradient  f64[scores], receives the derivatives
 */
export function marginLoss(scores: ArrayLike<number>, labels: ArrayLike<number>, gradient: Float64Array): number {
  const n = scores.length
  let mean = 0
  for (let i = 0; i < n; i++) mean += ((scores[i] as number) - (labels[i] as number)) / n
  let loss = 0
  for (let i = 0; i < n; i++) {
    const rest = (scores[i] as number) - (labels[i] as number) - mean
    loss += (rest * rest) / n
    gradient[i] = (2 * rest) / n
  }
  return loss
}
