/** What product quantisation and the searchers over dense vectors hand to each other and to the rest of the room. */
import type { Run } from '@pith/core'
import type { KernelTarget } from '@pith/core/wasm'
import type { Hits, RowFilter } from '../types.ts'

/** How alike two vectors are: inner product, minus the squared distance, or the cosine. The greater, the more alike. */
export type Metric = 'ip' | 'l2' | 'cos'

/** Bits of the code of a part: 256 or 16 centroids. */
export type PqBits = 4 | 8

/**
 * A product quantiser. A vector, less the mean, padded by zeros to `padded` numbers and turned by the rotation, falls into m parts
 * of padded / m numbers; each is coded by the nearest of its 2^bits centroids of `encoding`, and scored by those of `scoring`.
 */
export interface Pq {
  /** Numbers of a vector. */
  readonly dim: number
  /** `dim`, up to the next multiple of m. */
  readonly padded: number
  readonly m: number
  readonly bits: PqBits
  readonly metric: Metric
  /** f32[dim] */
  readonly mean: Float32Array
  /** f32[padded, padded], orthogonal, y = x rotation; undefined without OPQ. */
  readonly rotation: Float32Array | undefined
  /** f32[m, 2^bits, padded / m]: what codes are chosen by, now and later. Never changed. */
  readonly encoding: Float32Array
  /** The same shape: what codes score as. Is `encoding` until it is trained. */
  readonly scoring: Float32Array
}

/** Codes of rows: `data` is u8[n, rowBytes], with 4 bits the even parts in the lower halves of the bytes. */
export interface PqCodes {
  readonly n: number
  /** ceil(m bits / 8). */
  readonly rowBytes: number
  readonly data: Uint8Array
}

/** Options of {@link trainPq}. */
export interface PqOptions extends Run {
  /** Parts, 1..dim. With 8 bits it is the bytes of a code, with 4 bits twice as many. */
  m: number
  /** Default 8. */
  bits?: PqBits
  /** Learn a rotation first (OPQ). Default true. */
  opq?: boolean
  /** Default `ip`. `cos` codes vectors of length 1, and queries are brought to it. */
  metric?: Metric
  /** Rounds of k-means. Default 20. */
  iters?: number
  /** Rounds of OPQ. Default 20. */
  rounds?: number
  /** Rows that are learned from at most, drawn by the seed. Default 65,536. */
  sample?: number
}

/** Options of a search in dense vectors. */
export interface DenseSearchOptions {
  /** Rows that may be returned. Default all. */
  filter?: RowFilter | undefined
}

/** Options of a search in codes. */
export interface CodeSearchOptions extends DenseSearchOptions {
  /**
   * How many of the best rows by their codes are scored anew by the vectors that stand behind the codes; 0 for none. Default
   * max(100, 10 k) where there are vectors.
   */
  rerank?: number | undefined
}

/** Scores single rows, better than a code does. */
export interface RowScorer {
  readonly n: number
  readonly dim: number
  /** Scores of rows, in the order in which they are asked for. */
  scoreRows(query: Float32Array, rows: Uint32Array): Float32Array
}

/** Finds the rows that are most like a query. */
export interface DenseSearcher {
  readonly n: number
  readonly dim: number
  /**
   * @param query f32[dim]
   * @throws PithError `PITH_SHAPE` another length · `PITH_NONFINITE` · `PITH_ARG` k
   */
  search(query: Float32Array, k: number, options?: DenseSearchOptions): Hits
}

/** What runs the loops, and in how much memory. */
export interface SearcherOptions {
  /** Default `auto`: WebAssembly, and the twin in TypeScript where it is forbidden. Both give the same hits. */
  target?: KernelTarget | 'auto'
}

/** Rows by their codes. */
export interface CodeSearcher extends DenseSearcher {
  search(query: Float32Array, k: number, options?: CodeSearchOptions): Hits
}
