/** Rows as tensors, and what a model made of them. */
import { Tensor } from '@pith/engine'
import type { MixedRow } from './mixture.ts'

/** The tensors of a batch; filled anew for each. */
export class BatchTensors {
  readonly ids: Tensor
  readonly targets: Tensor
  readonly weights: Tensor
  readonly #length: number

  constructor(rows: number, length: number) {
    this.#length = length
    this.ids = Tensor.zeros([rows, length], 'i64')
    this.targets = Tensor.zeros([rows, length], 'i64')
    this.weights = Tensor.zeros([rows, length])
  }

  /** Take rows of `length` + 1 tokens. */
  fill(rows: readonly MixedRow[]): void {
    const n = this.#length
    const ids = this.ids.data as BigInt64Array
    const targets = this.targets.data as BigInt64Array
    const weights = this.weights.data as Float32Array
    for (const [r, row] of rows.entries()) {
      for (let i = 0; i < n; i++) {
        ids[r * n + i] = BigInt(row.ids[i] as number)
        targets[r * n + i] = BigInt(row.ids[i + 1] as number)
        weights[r * n + i] = row.weights[i + 1] as number
      }
    }
  }
}

/** Sums over rows of one kind. */
export interface Tally {
  rows: number
  answers: number
  right: number
  tokens: number
  nll: number
}

/** Sums by kind: whole answers, and the negative log-likelihood of targets whose weight is not 0. */
export function tallyRows(
  rows: readonly MixedRow[],
  length: number,
  logs: Float32Array,
  hits: Float32Array,
): Record<string, Tally> {
  const sums: Record<string, Tally> = {}
  for (const [r, { kind, weights, answers }] of rows.entries()) {
    sums[kind] ??= { rows: 0, answers: 0, right: 0, tokens: 0, nll: 0 }
    const sum = sums[kind]
    sum.rows++
    for (let i = 0; i < length; i++) {
      if ((weights[i + 1] as number) === 0) continue
      sum.tokens++
      sum.nll -= logs[r * length + i] as number
    }
    for (const { start, end } of answers) {
      let isRight = true
      for (let i = start; i < end; i++) isRight &&= hits[r * length + i - 1] === 1
      sum.answers++
      if (isRight) sum.right++
    }
  }
  return sums
}

/** Add tallies to others. */
export function addTallies(into: Record<string, Tally>, more: Readonly<Record<string, Tally>>): void {
  for (const [kind, own] of Object.entries(more)) {
    into[kind] ??= { rows: 0, answers: 0, right: 0, tokens: 0, nll: 0 }
    const sum = into[kind]
    for (const key of ['rows', 'answers', 'right', 'tokens', 'nll'] as const) sum[key] += own[key]
  }
}
