/** Exact search in vectors as they are, in single or half precision. */
import { f16FromF32, f32FromF16, PithError } from '@pith/core'
import type { DenseMatrix, Hits } from '../types.ts'
import { floatsAt, makeKernels, type PqKernels, roundUp } from './memory.ts'
import { bestOf, Scanner, type ScoreRows } from './scan.ts'
import type { DenseSearcher, DenseSearchOptions, Metric, RowScorer, SearcherOptions } from './types.ts'
import { checkMatrix, checkQuery, normalizeRows, ownQuery } from './vectors.ts'

/** How numbers of rows are kept. */
export type FlatType = 'f32' | 'f16'

/** Options of {@link flatIndex}. */
export interface FlatOptions extends SearcherOptions {
  /** Default `ip`. */
  metric?: Metric
  /** Default `f32`. */
  type?: FlatType
}

/** Rows as they are stored: f32 or f16 [n, dim], of length 1 where the metric is the cosine. */
export interface FlatRows {
  readonly n: number
  readonly dim: number
  readonly metric: Metric
  readonly data: Float32Array | Uint16Array
}

/**
 * Rows to be searched exactly.
 *
 * @throws PithError `PITH_SHAPE` · `PITH_NONFINITE` NaN, infinite, or beyond 65,504 in half precision · `PITH_LIMIT` more than 2 GiB
 */
export function flatIndex(x: DenseMatrix, options: FlatOptions = {}): FlatIndex {
  const { metric = 'ip', type = 'f32' } = options
  checkMatrix(x, 'rows')
  let data: Float32Array | Uint16Array = x.data
  if (metric === 'cos') {
    data = x.data.slice()
    normalizeRows(data, x.dim)
  }
  if (type === 'f16') data = f16FromF32(data as Float32Array)
  return new FlatIndex({ n: x.n, dim: x.dim, metric, data }, options)
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

  /** @throws PithError `PITH_NONFINITE` · `PITH_LIMIT` more than 2 GiB */
  constructor(rows: FlatRows, options: SearcherOptions = {}) {
    const { n, dim, data } = rows
    this.n = n
    this.dim = dim
    this.metric = rows.metric
    this.type = data instanceof Float32Array ? 'f32' : 'f16'
    const kernels = makeKernels(options.target)
    this.#kernels = kernels
    this.#width = roundUp(dim, 4)
    this.#rows = kernels.memory.alloc(n * this.#width * data.BYTES_PER_ELEMENT)
    this.#query = kernels.memory.alloc(4 * this.#width)
    this.#norms = rows.metric === 'l2' ? kernels.memory.alloc(4 * n) : 0
    this.#scanner = new Scanner(kernels, n)
    const own = this.#view()
    for (let row = 0; row < n; row++) own.set(data.subarray(row * dim, (row + 1) * dim), row * this.#width)
    this.#checkAndNorm()
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

  /** Rows `from` to `to` as they are stored. */
  stored(from: number, to: number): FlatRows {
    const own = this.#view()
    const data =
      own instanceof Float32Array ? new Float32Array((to - from) * this.dim) : new Uint16Array((to - from) * this.dim)
    for (let row = from; row < to; row++) {
      data.set(own.subarray(row * this.#width, row * this.#width + this.dim), (row - from) * this.dim)
    }
    return { n: to - from, dim: this.dim, metric: this.metric, data }
  }

  #view(): Float32Array | Uint16Array {
    const { buffer } = this.#kernels.memory
    const count = this.n * this.#width
    return this.type === 'f32'
      ? new Float32Array(buffer, this.#rows, count)
      : new Uint16Array(buffer, this.#rows, count)
  }

  #checkAndNorm(): void {
    const norms = this.#norms === 0 ? undefined : floatsAt(this.#kernels, this.#norms, this.n)
    for (let row = 0; row < this.n; row++) {
      let sum = 0
      for (const value of this.vector(row)) sum += value * value
      if (!Number.isFinite(sum)) {
        throw new PithError('PITH_NONFINITE', `row ${row} has numbers that ${this.type} does not hold`)
      }
      if (norms !== undefined) norms[row] = sum
    }
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
