/** Search in the signs of vectors: by Hamming distance, then by the query as it is against the signs of the best rows. */
import { PithError } from '@pith/core'
import type { DenseMatrix, Hits } from '../types.ts'
import { floatsAt, makeKernels, type PqKernels } from './memory.ts'
import { Nibbles } from './nibbles.ts'
import { bestOf, checkCount } from './scan.ts'
import type { CodeSearcher, CodeSearchOptions, RowScorer, SearcherOptions } from './types.ts'
import { checkMatrix, checkQuery } from './vectors.ts'

/** Rows that are scored anew by default. */
const CANDIDATES = 1000
const MAX_DIM = 65528

/** Signs of rows: bit j & 7 of byte j >> 3 of a row is 1 where number j is 0 or above. */
export interface SignCodes {
  readonly n: number
  readonly dim: number
  /** u8[n, ceil(dim / 8)]; bits behind the last are 0. */
  readonly data: Uint8Array
}

/** The signs of rows. @throws PithError `PITH_SHAPE` · `PITH_NONFINITE` */
export function packSigns(x: DenseMatrix): SignCodes {
  checkMatrix(x, 'rows')
  const { n, dim } = x
  const bytes = (dim + 7) >>> 3
  const data = new Uint8Array(n * bytes)
  for (let row = 0, from = 0; row < n; row++, from += dim) {
    for (let j = 0; j < dim; j++) if ((x.data[from + j] as number) >= 0) data[row * bytes + (j >>> 3)] |= 1 << (j & 7)
  }
  return { n, dim, data }
}

/** Signs of rows, ready to be searched. */
export class BinaryIndex implements CodeSearcher, RowScorer {
  readonly n: number
  readonly dim: number
  readonly #kernels: PqKernels
  readonly #nibbles: Nibbles
  readonly #query: number

  /** @throws PithError `PITH_SHAPE` · `PITH_LIMIT` more than 2 GiB · `PITH_ARG` more than 65,528 numbers a row */
  constructor(codes: SignCodes, options: SearcherOptions = {}) {
    const { n, dim, data } = codes
    const bytes = (dim + 7) >>> 3
    if (!(dim >= 1 && dim <= MAX_DIM)) throw new PithError('PITH_ARG', `rows must have 1..${MAX_DIM} bits, not ${dim}`)
    if (data.length !== n * bytes)
      throw new PithError('PITH_SHAPE', `${data.length} bytes for ${n} rows of ${dim} bits`)
    this.n = n
    this.dim = dim
    this.#kernels = makeKernels(options.target)
    this.#query = this.#kernels.memory.alloc(bytes)
    this.#nibbles = new Nibbles(this.#kernels, data, n, bytes)
  }

  codes(from = 0, to: number = this.n): SignCodes {
    return { n: to - from, dim: this.dim, data: this.#nibbles.codes(from, to) }
  }

  /**
   * The best rows by the query against their signs, +1 and -1, of the `rerank` ones that are nearest by Hamming distance (default
   * 1,000, and 10 k at least; the number of rows or more scores all of them). With `rerank` 0, rows score by the query's signs too.
   */
  search(query: Float32Array, k: number, options: CodeSearchOptions = {}): Hits {
    const { filter } = options
    checkCount(k)
    checkQuery(query, this.dim)
    const candidates = Math.ceil(options.rerank ?? Math.max(CANDIDATES, 10 * k))
    if (candidates >= this.n) {
      this.#putTables(query)
      return this.#nibbles.top(k, filter)
    }
    this.#kernels.memory.u8.set(packSigns({ n: 1, dim: this.dim, data: query }).data, this.#query)
    if (candidates <= 0) {
      const { ids, scores } = this.#nibbles.nearest(k, filter, this.#query)
      return { ids, scores: scores.map((score) => this.dim + 2 * score) }
    }
    const { ids } = this.#nibbles.nearest(Math.max(k, candidates), filter, this.#query)
    this.#putTables(query)
    return bestOf(ids, this.#nibbles.at(ids), k)
  }

  scoreRows(query: Float32Array, rows: Uint32Array): Float32Array {
    checkQuery(query, this.dim)
    this.#putTables(query)
    return this.#nibbles.at(rows)
  }

  #putTables(query: Float32Array): void {
    putSignTables(query, floatsAt(this.#kernels, this.#nibbles.lut, 32 * this.#nibbles.bytes))
  }
}

/** What four signs score, for each of their 16 forms: f32[ceil(dim / 4), 16]; signs behind the last number score nothing. */
export function putSignTables(query: Float32Array, lut: Float32Array): void {
  for (let i = 0; i < lut.length; i++) {
    let sum = 0
    for (let b = 0; b < 4; b++) {
      const value = query[4 * (i >> 4) + b] ?? 0
      sum += ((i >> b) & 1) === 1 ? value : -value
    }
    lut[i] = sum
  }
}
