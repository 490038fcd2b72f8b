/** Inputs of the network beside ids and the past: angles at positions, who sees whom, whose attention is summed. */
import { PithError } from '@pith/core'
import { Tensor } from '@pith/engine'
import { HIDDEN } from './memory.ts'

/** Masks that are kept: steps of one token and chunks of one length are what comes again. */
const KEPT_MASKS = 4

/**
 * Rows of a table of angles; a view where the positions follow each other.
 *
 * @throws PithError `PITH_LIMIT` a position outside of the table
 */
export function angleRows(table: Tensor, positions: Int32Array): Tensor {
  const [count = 0, width = 0] = table.shape
  const numbers = table.data as Float32Array
  const first = positions[0] as number
  for (const position of positions) {
    if (!(position >= 0 && position < count)) {
      throw new PithError('PITH_LIMIT', `position ${position} is outside of the ${count} that the model was made for`, {
        hint: 'Load it with a larger ctx, or use shorter texts.',
      })
    }
  }
  if (positions.every((position, i) => position === first + i)) {
    const rows = numbers.subarray(first * width, (first + positions.length) * width)
    return new Tensor(rows, [positions.length, width])
  }
  const rows = new Float32Array(positions.length * width)
  for (const [i, position] of positions.entries()) {
    rows.set(numbers.subarray(position * width, (position + 1) * width), i * width)
  }
  return new Tensor(rows, [positions.length, width])
}

/** What is added to scores among new tokens: each sees itself and those before it. */
export class CausalMasks {
  readonly #group: number
  readonly #masks: Map<number, Tensor> = new Map()

  /** @param group heads of queries that share keys */
  constructor(group: number) {
    this.#group = group
  }

  /** f32[group * n, n]. */
  of(n: number): Tensor {
    let mask = this.#masks.get(n)
    if (mask === undefined) {
      const group = this.#group
      const data = new Float32Array(group * n * n)
      for (let row = 0; row < group * n; row++) data.fill(HIDDEN, row * n + (row % n) + 1, (row + 1) * n)
      mask = new Tensor(data, [group * n, n])
      if (this.#masks.size >= KEPT_MASKS) this.#masks.delete(this.#masks.keys().next().value as number)
      this.#masks.set(n, mask)
    }
    return mask
  }
}

/** Whose attention is summed: rows of it, in this order. */
export interface SumRows {
  /** Last queries that are summed. */
  readonly window: number
  /** One row for each of them in place of their sum. Default false. */
  readonly each?: boolean
  /** One more row: the sum over all queries. Default false. */
  readonly every?: boolean
}

/** Rows of sums for n new queries. */
export function sumRowCount({ window, each = false, every = false }: SumRows, n: number): number {
  return (each ? Math.min(window, n) : 1) + (every ? 1 : 0)
}

/** Weights of n queries in each of the heads that share keys: f32[kvHeads, rows, group * n]. */
export function shareOf(kvHeads: number, group: number, n: number, sums: SumRows): Tensor {
  const rows = sumRowCount(sums, n)
  const start = Math.max(0, n - sums.window)
  const own = new Float32Array(rows * group * n)
  for (let head = 0; head < group; head++) {
    for (let i = start; i < n; i++) own[((sums.each ? i - start : 0) * group + head) * n + i] = 1
  }
  if (sums.every) own.fill(1, (rows - 1) * group * n)
  const data = new Float32Array(kvHeads * own.length)
  for (let head = 0; head < kvHeads; head++) data.set(own, head * own.length)
  return new Tensor(data, [kvHeads, rows, group * n])
}
