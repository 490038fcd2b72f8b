/** Search in vectors of whole numbers of 8 bits, a scale for each row; and what codes are ranked anew by. */
import { PithError } from '@pith/core'
import type { DenseMatrix, Hits } from '../types.ts'
import { floatsAt, makeKernels, type PqKernels, roundUp } from './memory.ts'
import { bestOf, Scanner, type ScoreRows } from './scan.ts'
import type { DenseSearcher, DenseSearchOptions, Metric, RowScorer, SearcherOptions } from './types.ts'
import { checkMatrix, checkQuery, MAX_SQUARE, normalizeRows, ownQuery } from './vectors.ts'

const LEVELS = 127
/** Rows that are brought into the memory at once. */
const CHUNK = 1024

/** Options of {@link int8Index}. */
export interface Int8Options extends SearcherOptions {
  /** Default `ip`. */
  metric?: Metric
}

/** What rows are. */
export interface Int8Shape {
  readonly n: number
  readonly dim: number
  readonly metric: Metric
}

/** Rows as they are stored: number j of row i is scales[i] data[i dim + j]. */
export interface Int8Rows {
  /** i8[rows, dim], -127..127. */
  readonly data: Int8Array
  /** f32[rows], finite and not below 0. */
  readonly scales: Float32Array
}

/** Rows in 8 bits a number, rounded to nearest. @throws PithError `PITH_SHAPE` · `PITH_NONFINITE` · `PITH_LIMIT` */
export function int8Index(x: DenseMatrix, options: Int8Options = {}): Int8Index {
  const { metric = 'ip' } = options
  checkMatrix(x, 'rows')
  const { n, dim } = x
  const index = new Int8Index({ n, dim, metric }, options)
  for (let from = 0; from < n; from += CHUNK) {
    const rows = x.data.slice(from * dim, Math.min(n, from + CHUNK) * dim)
    if (metric === 'cos') normalizeRows(rows, dim)
    index.fill(from, roundRows(rows, dim))
  }
  return index
}

/** Rows f32[rows, dim] in 8 bits a number. */
export function roundRows(rows: Float32Array, dim: number): Int8Rows {
  const data = new Int8Array(rows.length)
  const scales = new Float32Array(rows.length / dim)
  for (let row = 0, from = 0; row < scales.length; row++, from += dim) {
    let most = 0
    for (let j = from; j < from + dim; j++) most = Math.max(most, Math.abs(rows[j] as number))
    const scale = Math.fround(most / LEVELS)
    if (scale === 0) continue
    scales[row] = scale
    for (let j = from; j < from + dim; j++) {
      data[j] = Math.max(-LEVELS, Math.min(LEVELS, Math.floor((rows[j] as number) / scale + 0.5)))
    }
  }
  return { data, scales }
}

/** Vectors in 8 bits a number. */
export class Int8Index implements DenseSearcher, RowScorer {
  readonly n: number
  readonly dim: number
  readonly metric: Metric
  readonly #kernels: PqKernels
  readonly #scanner: Scanner
  readonly #width: number
  readonly #rows: number
  readonly #scales: number
  readonly #norms: number
  readonly #query: number
  readonly #factor: number

  /** Rows of zeros, until they are filled in. @throws PithError `PITH_LIMIT` more than 2 GiB */
  constructor(shape: Int8Shape, options: SearcherOptions = {}) {
    const { n, dim, metric } = shape
    this.n = n
    this.dim = dim
    this.metric = metric
    const kernels = makeKernels(options.target)
    const { memory } = kernels
    this.#kernels = kernels
    this.#width = roundUp(dim, 16)
    this.#rows = memory.alloc(n * this.#width)
    this.#scales = memory.alloc(4 * n)
    this.#query = memory.alloc(2 * this.#width)
    this.#factor = memory.alloc(4)
    this.#norms = metric === 'l2' ? memory.alloc(4 * n) : 0
    this.#scanner = new Scanner(kernels, n)
  }

  /** Put rows in from `first` on, as {@link roundRows} gives them. @throws PithError `PITH_NONFINITE` they are too long */
  fill(first: number, rows: Int8Rows): void {
    const own = this.#view()
    const { dim } = this
    floatsAt(this.#kernels, this.#scales, this.n).set(rows.scales, first)
    for (const [i, scale] of rows.scales.entries()) {
      const data = rows.data.subarray(i * dim, (i + 1) * dim)
      own.set(data, (first + i) * this.#width)
      let sum = 0
      for (const level of data) sum += level * level
      const norm = sum * scale * scale
      // Rounding may have made the longest rows a little longer.
      if (!(norm <= 2 * MAX_SQUARE)) throw new PithError('PITH_NONFINITE', `row ${first + i} has the scale ${scale}`)
      if (this.#norms !== 0) floatsAt(this.#kernels, this.#norms, this.n)[first + i] = norm
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

  /** f32[dim] of a row, rounded as it is. */
  vector(row: number): Float32Array {
    const scale = floatsAt(this.#kernels, this.#scales, this.n)[row] as number
    const from = row * this.#width
    return Float32Array.from(this.#view().subarray(from, from + this.dim), (level) => level * scale)
  }

  /** Rows `from` to `to`, as {@link fill} takes them. */
  stored(from = 0, to: number = this.n): Int8Rows {
    const own = this.#view()
    const data = new Int8Array((to - from) * this.dim)
    for (let row = from; row < to; row++) {
      data.set(own.subarray(row * this.#width, row * this.#width + this.dim), (row - from) * this.dim)
    }
    const scales = floatsAt(this.#kernels, this.#scales, this.n).slice(from, to)
    return { data, scales }
  }

  #view(): Int8Array {
    return new Int8Array(this.#kernels.memory.buffer, this.#rows, this.n * this.#width)
  }

  /** The query in 16 bits, or as many as keep sums within 32. */
  #put(query: Float32Array): ScoreRows {
    checkQuery(query, this.dim)
    const own = ownQuery(query, this.metric === 'cos')
    const levels = Math.min(32767, Math.floor((2 ** 31 - 1) / (LEVELS * this.#width)))
    let most = 0
    for (const value of own) most = Math.max(most, Math.abs(value))
    const factor = Math.fround(most / levels)
    const space = new Int16Array(this.#kernels.memory.buffer, this.#query, this.#width)
    for (let j = 0; j < this.dim; j++) {
      const level = factor === 0 ? 0 : Math.floor((own[j] as number) / factor + 0.5)
      space[j] = Math.max(-levels, Math.min(levels, level))
    }
    floatsAt(this.#kernels, this.#factor, 1)[0] = factor
    const { dotI8 } = this.#kernels.exports
    return (list, first, count, out) =>
      dotI8(this.#query, this.#factor, this.#rows, this.#width, this.#scales, list, first, count, this.#norms, out)
  }

  #distances(query: Float32Array, scores: Float32Array): Float32Array {
    let own = 0
    for (const value of query) own += value * value
    return scores.map((score) => Math.min(0, score - own))
  }
}
