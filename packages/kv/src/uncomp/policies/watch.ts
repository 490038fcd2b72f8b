/** What is given up for each token that is written. */
import type { HeadWatch, Prompt, PromptLayer } from '@pith/lm'

/** Gives up the oldest token that is no sink. */
export function watchRecent(sinks: number): HeadWatch {
  return {
    push: () => {},
    worst: (positions) => {
      let worst = 0
      let oldest = Number.POSITIVE_INFINITY
      for (const [place, position] of positions.entries()) {
        if (position >= sinks && position < oldest) {
          oldest = position
          worst = place
        }
      }
      return worst
    },
    drop: () => {},
  }
}

/** The place of the least score among all but the last `spared` positions. */
function leastOf(scores: Float64Array, positions: readonly number[], spared: number): number {
  const edge = positions.reduce((most, position) => Math.max(most, position), 0) - spared
  let worst = -1
  let least = Number.POSITIVE_INFINITY
  for (const [place, position] of positions.entries()) {
    const score = scores[place] as number
    if (position <= edge && score < least) {
      least = score
      worst = place
    }
  }
  // All are spared where a head is smaller than that: the oldest goes.
  return worst >= 0 ? worst : positions.indexOf(positions.reduce((low, position) => Math.min(low, position)))
}

/** Room for numbers that grow one by one. */
function roomFor(values: Float64Array, length: number): Float64Array {
  if (length <= values.length) return values
  const out = new Float64Array(Math.max(length, Math.ceil(values.length * 1.5)))
  out.set(values)
  return out
}

/** Gives up what the last `window` queries attend to least; never one of their own tokens. Sums are kept up row by row. */
export function watchWindow(
  prompt: Prompt,
  layer: number,
  head: number,
  kept: ArrayLike<number>,
  window: number,
): HeadWatch {
  const { recent, positions } = prompt.layers[layer] as PromptLayer
  const n = positions.length
  const rows: Float64Array[] = []
  let sums: Float64Array = new Float64Array(kept.length)
  let count = kept.length
  const add = (row: Float64Array, sign: number): void => {
    for (let i = 0; i < Math.min(count, row.length); i++) sums[i] = (sums[i] as number) + sign * (row[i] as number)
  }
  for (let row = Math.max(0, prompt.window - window); row < prompt.window; row++) {
    const at = (head * prompt.window + row) * n
    rows.push(Float64Array.from(kept, (t) => recent[at + t] as number))
    add(rows.at(-1) as Float64Array, 1)
  }
  return {
    push: (row) => {
      sums = roomFor(sums, row.length)
      sums.fill(0, count, row.length)
      count = row.length
      rows.push(Float64Array.from(row))
      add(rows.at(-1) as Float64Array, 1)
      if (rows.length > window) add(rows.shift() as Float64Array, -1)
    },
    worst: (places) => leastOf(sums, places, window),
    drop: (at) => {
      count--
      sums[at] = sums[count] as number
      for (const row of rows) {
        // Queries before a token did not see it.
        if (at < row.length) row[at] = count < row.length ? (row[count] as number) : 0
      }
    },
  }
}

/** Gives up what had least attention from each query that could see it; never one of the last `spared`. */
export function watchMean(
  prompt: Prompt,
  layer: number,
  head: number,
  kept: ArrayLike<number>,
  spared: number,
): HeadWatch {
  const { every, positions } = prompt.layers[layer] as PromptLayer
  const n = positions.length
  let count = kept.length
  let sums: Float64Array = Float64Array.from(kept, (t) => (every as Float32Array)[head * n + t] as number)
  let queries: Float64Array = Float64Array.from(kept, (t) => n - t)
  return {
    push: (row) => {
      sums = roomFor(sums, row.length)
      queries = roomFor(queries, row.length)
      sums.fill(0, count, row.length)
      queries.fill(0, count, row.length)
      count = row.length
      for (let i = 0; i < count; i++) {
        sums[i] = (sums[i] as number) + (row[i] as number)
        queries[i] = (queries[i] as number) + 1
      }
    },
    worst: (places) =>
      leastOf(
        sums.map((sum, i) => sum / Math.max(1, queries[i] as number)),
        places,
        spared,
      ),
    drop: (at) => {
      count--
      sums[at] = sums[count] as number
      queries[at] = queries[count] as number
    },
  }
}
