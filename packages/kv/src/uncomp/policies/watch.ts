/** What is given up for each token that is written. */
import type { HeadWatch, Prompt, PromptLayer } from '@pith/lm'

/** Gives up the oldest token that is no sink. */
export function watchRecent(sinks: number): HeadWatch {
  const own: HeadWatch = {
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
    clone: () => own,
  }
  return own
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
  const rows = Array.from({ length: Math.min(window, prompt.window) }, (_, i) => {
    const row = prompt.window - Math.min(window, prompt.window) + i
    const at = (head * prompt.window + row) * n
    return Float64Array.from(kept, (t) => recent[at + t] as number)
  })
  return new WindowWatch(rows, kept.length, window)
}

class WindowWatch implements HeadWatch {
  readonly #window: number
  /** Attention of the last queries to what lay there when they came: later tokens are 0. */
  readonly #rows: Float64Array[]
  #sums: Float64Array
  #count: number

  constructor(rows: readonly Float64Array[], count: number, window: number) {
    this.#window = window
    this.#rows = rows.map((row) => row.slice())
    this.#count = count
    this.#sums = new Float64Array(count)
    for (const row of rows) this.#add(row, 1)
  }

  push(row: Float32Array): void {
    this.#sums = roomFor(this.#sums, row.length)
    this.#sums.fill(0, this.#count, row.length)
    this.#count = row.length
    const own = Float64Array.from(row)
    this.#rows.push(own)
    this.#add(own, 1)
    if (this.#rows.length > this.#window) this.#add(this.#rows.shift() as Float64Array, -1)
  }

  worst(positions: readonly number[]): number {
    return leastOf(this.#sums, positions, this.#window)
  }

  drop(at: number): void {
    const last = --this.#count
    this.#sums[at] = this.#sums[last] as number
    for (const row of this.#rows) {
      if (at < row.length) row[at] = last < row.length ? (row[last] as number) : 0
      // The next token will lie there, which this query did not see.
      if (last < row.length) row[last] = 0
    }
  }

  clone(): WindowWatch {
    const copy = new WindowWatch(this.#rows, this.#count, this.#window)
    // Sums that were kept up may differ in the last bit from those made anew.
    copy.#sums = this.#sums.slice()
    return copy
  }

  #add(row: Float64Array, sign: number): void {
    const sums = this.#sums
    for (let i = 0; i < Math.min(this.#count, row.length); i++)
      sums[i] = (sums[i] as number) + sign * (row[i] as number)
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
  const sums = Float64Array.from(kept, (t) => (every as Float32Array)[head * n + t] as number)
  const queries = Float64Array.from(kept, (t) => n - t)
  return new MeanWatch(sums, queries, kept.length, spared)
}

class MeanWatch implements HeadWatch {
  readonly #spared: number
  #sums: Float64Array
  #queries: Float64Array
  #count: number

  constructor(sums: Float64Array, queries: Float64Array, count: number, spared: number) {
    this.#sums = sums
    this.#queries = queries
    this.#count = count
    this.#spared = spared
  }

  push(row: Float32Array): void {
    const count = row.length
    this.#sums = roomFor(this.#sums, count)
    this.#queries = roomFor(this.#queries, count)
    this.#sums.fill(0, this.#count, count)
    this.#queries.fill(0, this.#count, count)
    this.#count = count
    const [sums, queries] = [this.#sums, this.#queries]
    for (let i = 0; i < count; i++) {
      sums[i] = (sums[i] as number) + (row[i] as number)
      queries[i] = (queries[i] as number) + 1
    }
  }

  worst(positions: readonly number[]): number {
    const means = this.#sums.map((sum, i) => sum / Math.max(1, this.#queries[i] as number))
    return leastOf(means, positions, this.#spared)
  }

  drop(at: number): void {
    const last = --this.#count
    this.#sums[at] = this.#sums[last] as number
    this.#queries[at] = this.#queries[last] as number
  }

  clone(): MeanWatch {
    return new MeanWatch(this.#sums.slice(), this.#queries.slice(), this.#count, this.#spared)
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
