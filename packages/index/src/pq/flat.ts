/** Exact search in vectors as they are, in single or half precision. */
import { f16FromF32, f32FromF16, PithError } from '@pith/core'
import type { DenseMatrix, Hits } from '../types.ts'
import { floatsAt, makeKernels, type PqKernels, roundUp } from './memory.ts'
import { bestOf, Scanner, type ScoreRows } from './scan.ts'
import type { DenseSearcher, DenseSearchOptions, Metric, RowScorer, SearcherOptions } from './types.ts'
import { checkMatrix, checkQuery, MAX_SQUARE, normalizeRows, ownQuery } from './vectors.ts'

/** Rows that are brought into the memory at once. */
const CHUNK = 1024

/** How numbers of rows are kept. */
export type FlatType = 'f32' | 'f16'

/** Options of {@link flatIndex}. */
export interface FlatOptions extends SearcherOptions {
  /** Default `ip`. */
  metric?: Metric
  /** Default `f32`. */
  type?: FlatType
}

/** What rows are. */
export interface FlatShape {
  readonly n: number
  readonly dim: number
  readonly metric: Metric
  readonly type: FlatType
}

/**
 * Rows to be searched exactly.
 *
 * @throws PithError `PITH_SHAPE` · `PITH_NONFINITE` NaN, infinite, or beyond 65,504 in half precision · `PITH_LIMIT` more than 2 GiB
 */
export function flatIndex(x: DenseMatrix, options: FlatOptions = {}): FlatIndex {
  const { metric = 'ip', type = 'f32' } = options
  checkMatrix(x, 'rows')
  const index = new FlatIndex({ n: x.n, dim: x.dim, metric, type }, options)
  for (let from = 0; from < x.n; from += CHUNK) {
    const rows = x.data.slice(from * x.dim, Math.min(x.n, from + CHUNK) * x.dim)
    if (metric === 'cos') normalizeRows(rows, x.dim)
    index.fill(from, type === 'f32' ? rows : f16FromF32(rows))
  }
  return index
}

/** Vectors as they are. */
export class FlatIndex implements DenseSearcher, RowScorer {
  readonly n: number
  readonly dim: number
  readonly metric: Metric
  readonly type: FlatType
  readonly #kernels: PqKernels
  readonly #scanner: Scanner
  readonly #width: number
  readonly #rows: number
  readonly #norms: number
  readonly #query: number

  /** Rows of zeros, until they are filled in. @throws PithError `PITH_LIMIT` more than 2 GiB */
  constructor(shape: FlatShape, options: SearcherOptions = {}) {
    const { n, dim, metric, type } = shape
    this.n = n
    this.dim = dim
    this.metric = metric
    this.type = type
    const kernels = makeKernels(options.target)
    this.#kernels = kernels
    this.#width = roundUp(dim, 4)
    this.#rows = kernels.memory.alloc(n * this.#width * (type === 'f32' ? 4 : 2))
    this.#query = kernels.memory.alloc(4 * this.#width)
    this.#norms = metric === 'l2' ? kernels.memory.alloc(4 * n) : 0
    this.#scanner = new Scanner(kernels, n)
  }

  /**
   * Put rows in from `first` on, as they are stored: f32 or halves [rows, dim], of length 1 where the metric is the cosine.
   *
   * @throws PithError `PITH_NONFINITE`
   */
  fill(first: number, data: Float32Array | Uint16Array): void {
    const own = this.#view()
    const { dim } = this
    for (let row = first, from = 0; from < data.length; row++, from += dim) {
      own.set(data.subarray(from, from + dim), row * this.#width)
      let sum = 0
      for (const value of this.vector(row)) sum += value * value
      if (!(sum <= MAX_SQUARE)) {
        throw new PithError('PITH_NONFINITE', `row ${row} has numbers that ${this.type} does not hold`)
      }
      if (this.#norms !== 0) floatsAt(this.#kernels, this.#norms, this.n)[row] = sum
    }
  }

  search(query: Float32Array, k: number, options: DenseSearchOptions = {}): Hits {
    const hits = this.#scanner.top(k, options.filter, this.#put(query))
    return this.metric === 'l2' ? bestOf(hits.ids, this.#distances(query, hits.scores), k) : hits
  }

  scoreRows(query: Float32Array, rows: Uint32Array): Float32Array {
    const scores = this.#scanner.at(rows, this.#put(query))
    return this.metric === 'l2' ? this.#distances(query, scores) : scores
  }

  /** f32[dim] as it is kept. */
  vector(row: number): Float32Array {
    const from = row * this.#width
    const own = this.#view().slice(from, from + this.dim)
    return own instanceof Float32Array ? own : f32FromF16(own)
  }

  /** Rows `from` to `to`, as {@link fill} takes them. */
  stored(from = 0, to: number = this.n): Float32Array | Uint16Array {
    const own = this.#view()
    const count = (to - from) * this.dim
    const data = own instanceof Float32Array ? new Float32Array(count) : new Uint16Array(count)
    for (let row = from; row < to; row++) {
      data.set(own.subarray(row * this.#width, row * this.#width + this.dim), (row - from) * this.dim)
    }
    return data
  }

  #view(): Float32Array | Uint16Array {
    const { buffer } = this.#kernels.memory
    const count = this.n * this.#width
    return this.type === 'f32'
      ? new Float32Array(buffer, this.#rows, count)
      : new Uint16Array(buffer, this.#rows, count)
  }

  #put(query: Float32Array): ScoreRows {
    checkQuery(query, this.dim)
    floatsAt(this.#kernels, this.#query, this.dim).set(ownQuery(query, this.metric === 'cos'))
    const dot = this.type === 'f32' ? this.#kernels.exports.dotF32 : this.#kernels.exports.dotF16
    return (list, first, count, out) => dot(this.#query, this.#rows, this.#width, list, first, count, this.#norms, out)
  }

  /** Minus squared distances, of 2 q x - |x|^2. */
  #distances(query: Float32Array, scores: Float32Array): Float32Array {
    let own = 0
    for (const value of query) own += value * value
    return scores.map((score) => Math.min(0, score - own))
  }
}
