/** The best of all rows, or of those that a filter keeps, by scores that a kernel computes. */
import { PithError } from '@pith/core'
import { keptRows } from '../row-filter.ts'
import { TopK } from '../top-k.ts'
import type { Hits, RowFilter } from '../types.ts'
import { floatsAt, type PqKernels } from './memory.ts'

/** Rows that are scored at once: their scores stay in the nearest caches. */
const CHUNK = 4096
/** The first ones, before there is a limit that most rows do not reach. */
const FIRST_CHUNK = 128

/** Scores f32[count] to `out` of the rows of the u32[count] at `list`, or where that is 0 of those from `first` on. */
export type ScoreRows = (list: number, first: number, count: number, out: number) => void

/** Scratch space of searches in `n` rows. */
export class Scanner {
  readonly n: number
  readonly #kernels: PqKernels
  readonly #scores: number
  readonly #list: number
  readonly #limit: number
  readonly #filter: number

  constructor(kernels: PqKernels, n: number) {
    this.n = n
    this.#kernels = kernels
    this.#scores = kernels.memory.alloc(4 * CHUNK)
    this.#list = kernels.memory.alloc(4 * CHUNK)
    this.#limit = kernels.memory.alloc(4)
    this.#filter = kernels.memory.alloc(4 * ((n + 31) >>> 5))
  }

  /**
   * The k best rows.
   *
   * @param sparse share of rows that a filter keeps below which these rows are scored one by one
   */
  top(k: number, filter: RowFilter | undefined, score: ScoreRows, sparse = 0.5): Hits {
    const best = new TopK(Math.min(checkCount(k), Math.max(1, this.n)))
    const at = this.putFilter(filter)
    if (filter !== undefined && filter.count < sparse * this.n) {
      this.each(keptRows(filter), score, (rows, scores) => {
        for (const [i, row] of rows.entries()) best.push(row, scores[i] as number)
      })
      return best.take()
    }
    const { exports } = this.#kernels
    const scores = floatsAt(this.#kernels, this.#scores, CHUNK)
    const found = new Uint32Array(this.#kernels.memory.buffer, this.#list, CHUNK)
    const limit = floatsAt(this.#kernels, this.#limit, 1)
    for (let first = 0, size = FIRST_CHUNK; first < this.n; first += size, size = Math.min(2 * size, CHUNK)) {
      const count = Math.min(size, this.n - first)
      score(0, first, count, this.#scores)
      limit[0] = best.least
      const kept = exports.above(this.#scores, first, count, this.#limit, at, this.#list)
      for (let i = 0; i < kept; i++) {
        const place = found[i] as number
        best.push(first + place, scores[place] as number)
      }
    }
    return best.take()
  }

  /** Scores of rows, in their order. @throws PithError `PITH_ARG` a row that is not there */
  at(rows: Uint32Array, score: ScoreRows): Float32Array {
    const out = new Float32Array(rows.length)
    for (const row of rows) {
      if (row >= this.n) throw new PithError('PITH_ARG', `there is no row ${row}, only ${this.n}`)
    }
    let done = 0
    this.each(rows, score, (part, scores) => {
      out.set(scores, done)
      done += part.length
    })
    return out
  }

  /** Score rows, some at a time. */
  each(rows: Uint32Array, score: ScoreRows, take: (rows: Uint32Array, scores: Float32Array) => void): void {
    const list = new Uint32Array(this.#kernels.memory.buffer, this.#list, CHUNK)
    for (let from = 0; from < rows.length; from += CHUNK) {
      const part = rows.subarray(from, from + CHUNK)
      list.set(part)
      score(this.#list, 0, part.length, this.#scores)
      take(part, floatsAt(this.#kernels, this.#scores, part.length))
    }
  }

  /** Where a filter stands in the memory, 0 for none. @throws PithError `PITH_SHAPE` it is for other rows */
  putFilter(filter: RowFilter | undefined): number {
    if (filter === undefined) return 0
    const words = (this.n + 31) >>> 5
    if (filter.words.length !== words) {
      throw new PithError('PITH_SHAPE', `the filter has ${filter.words.length} words, ${this.n} rows have ${words}`)
    }
    new Uint32Array(this.#kernels.memory.buffer, this.#filter, words).set(filter.words)
    return this.#filter
  }
}

/** @throws PithError `PITH_ARG` k is not a whole number above 0 */
export function checkCount(k: number): number {
  if (!(Number.isInteger(k) && k >= 1)) throw new PithError('PITH_ARG', `k must be a whole number above 0, not ${k}`)
  return k
}

/** The k best of scored rows. */
export function bestOf(rows: Uint32Array, scores: Float32Array, k: number): Hits {
  const best = new TopK(Math.max(1, Math.min(k, rows.length)))
  for (const [i, row] of rows.entries()) best.push(row, scores[i] as number)
  return best.take()
}
