/** What the parts of the room hand to each other. */
import type { Run } from '@pith/core'

/** A value that a document can be filtered, counted or sorted by; a list is a set of keywords. */
export type FieldValue = string | number | boolean | readonly string[]

/** A document as it comes from a reader and goes back to who searched. */
export interface IndexDocument {
  /** Unique within an index; a later document of the same id replaces an earlier one. */
  readonly id: string
  readonly title?: string
  readonly text: string
  readonly fields?: Readonly<Record<string, FieldValue>>
  /** f32[dim] of the user's own encoder. */
  readonly vector?: Float32Array
  /** Of the user's own sparse encoder; components are names. */
  readonly sparse?: Readonly<Record<string, number>>
}

/** A query of a collection. */
export interface IndexQuery {
  readonly id: string
  readonly text: string
  readonly vector?: Float32Array
  readonly sparse?: Readonly<Record<string, number>>
}

/** Relevance judgements: gain by document by query. */
export type Qrels = ReadonlyMap<string, ReadonlyMap<string, number>>

/** What a system returned: score by document by query. */
export type Rankings = ReadonlyMap<string, ReadonlyMap<string, number>>

/** Non-zero components of a vector: indices ascend, values are finite and above 0. */
export interface SparseVector {
  readonly indices: ArrayLike<number>
  readonly values: ArrayLike<number>
}

/** Sparse rows behind each other (CSR). Row i is at indptr[i] .. indptr[i + 1]; indices ascend within a row, values are above 0. */
export interface SparseMatrix {
  /** Components, at most 2^32 - 1. */
  readonly dim: number
  /** u32[n + 1]. */
  readonly indptr: Uint32Array
  readonly indices: Uint16Array | Uint32Array
  readonly values: Float32Array
}

/** f32[n, dim], row by row. */
export interface DenseMatrix {
  readonly n: number
  readonly dim: number
  readonly data: Float32Array
}

/** The best rows for a query: scores descend, equal scores by ascending row. */
export interface Hits {
  readonly ids: Uint32Array
  readonly scores: Float32Array
}

/** Rows that may be returned; bit i of word i >> 5 stands for row i. */
export interface RowFilter {
  readonly words: Uint32Array
  /** Rows that it keeps. */
  readonly count: number
}

/** Texts to dense vectors. The same id always means the same function. */
export interface Encoder {
  /** Stored in an index; an index refuses the vectors of another encoder. */
  readonly id: string
  readonly dim: number
  /** f32[texts.length, dim]. Documents and queries may be encoded differently. */
  encode(texts: readonly string[], kind: 'query' | 'document', run?: Run): Promise<DenseMatrix>
}

/** Texts to learned-sparse vectors over a fixed vocabulary. */
export interface SparseEncoder {
  readonly id: string
  readonly dim: number
  encode(texts: readonly string[], kind: 'query' | 'document', run?: Run): Promise<SparseMatrix>
}
