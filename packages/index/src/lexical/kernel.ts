/** Term-at-a-time scoring: plain loops over typed arrays. */

/** Scores that are being summed, and the rows that have one. */
export class Accumulator {
  readonly scores: Float64Array
  readonly touched: Uint32Array
  count = 0

  constructor(rows: number) {
    this.scores = new Float64Array(rows)
    this.touched = new Uint32Array(rows)
  }

  /** Set all back to 0. */
  clear(): void {
    clearScores(this.scores, this.touched, this.count)
    this.count = 0
  }
}

/** Add `weight * count / (count + norm)` for each posting. */
export function addPostings(
  sums: Accumulator,
  rows: Uint32Array,
  counts: Uint16Array,
  norms: Float64Array,
  weight: number,
): void {
  const { scores, touched } = sums
  let n = sums.count
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    const count = counts[i] as number
    const before = scores[row] as number
    if (before === 0) touched[n++] = row
    scores[row] = before + (weight * count) / (count + (norms[row] as number))
  }
  sums.count = n
}

/** Add `factor * count` for each posting, to have the counts of terms that are one. */
export function addCounts(sums: Accumulator, rows: Uint32Array, counts: Uint16Array, factor: number): void {
  const { scores, touched } = sums
  let n = sums.count
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    const before = scores[row] as number
    if (before === 0) touched[n++] = row
    scores[row] = before + factor * (counts[i] as number)
  }
  sums.count = n
}

function clearScores(scores: Float64Array, touched: Uint32Array, count: number): void {
  for (let i = 0; i < count; i++) scores[touched[i] as number] = 0
}
