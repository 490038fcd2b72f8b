/** What goes from an index to another system. */
import { PithError } from '@pith/core'
import type { FieldValue, SparseVector } from '../types.ts'

/** A document with the vectors that it is searched by. */
export interface ExportRow {
  readonly id: string
  readonly title?: string
  readonly text: string
  readonly fields?: Readonly<Record<string, FieldValue>>
  /** f32[dim]; greater inner products are nearer. */
  readonly vector?: Float32Array
  /** Greater inner products are nearer. */
  readonly sparse?: SparseVector
  /** u8[ceil(bits / 8)]: bit i of byte j is component 8 j + i; fewer different bits are nearer. */
  readonly code?: Uint8Array
}

/** Which vectors the rows have. */
export interface ExportShape {
  /** Components of dense vectors; 0 or absent: there are none. */
  readonly dim?: number
  /** Components of sparse vectors. */
  readonly sparseDim?: number
  /** Bits of binary codes. */
  readonly bits?: number
  /** The greatest length of a dense vector, where they are not all of length 1: for systems that know distances only. */
  readonly norm?: number
}

/** What is asked of another system: exactly one of the three. */
export interface ExportQuery {
  readonly vector?: Float32Array
  readonly sparse?: SparseVector
  readonly code?: Uint8Array
}

/** One row of an answer: greater scores are better. */
export interface ExportHit {
  readonly id: string
  readonly score: number
}

/**
 * The name of a table, collection or index.
 *
 * @throws PithError `PITH_ARG` it is no plain name
 */
export function plainName(name: string): string {
  if (/^[a-z_][a-z0-9_]{0,47}$/.test(name)) return name
  throw new PithError('PITH_ARG', `${JSON.stringify(name.slice(0, 60))} is no name of a table`, {
    hint: 'Take lower-case letters, digits and _, such as docs.',
  })
}

/** How many hits are asked for. @throws PithError `PITH_ARG` */
export function hitCount(k: number): number {
  if (Number.isInteger(k) && k >= 1 && k <= 10_000) return k
  throw new PithError('PITH_ARG', `k must be 1..10000, not ${k}`)
}

/**
 * Check that a row has the vectors of the shape.
 *
 * @throws PithError `PITH_SHAPE` a size that is another · `PITH_NONFINITE` a number that is none
 */
export function checkRow(row: ExportRow | ExportQuery, shape: ExportShape, name: string): void {
  const { vector, sparse, code } = row
  const sizes = [
    ['vector', vector?.length, shape.dim],
    ['code', code?.length, shape.bits === undefined ? undefined : Math.ceil(shape.bits / 8)],
  ] as const
  for (const [kind, own, wanted = 0] of sizes) {
    if (own !== undefined && own !== wanted) {
      throw new PithError('PITH_SHAPE', `the ${kind} of ${name.slice(0, 60)} has size ${own}, not ${wanted}`)
    }
  }
  if (sparse !== undefined) {
    const { indices } = sparse
    let before = -1
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i] as number
      if (!(index > before && index < (shape.sparseDim ?? 0))) {
        throw new PithError('PITH_SHAPE', `component ${index} of ${name.slice(0, 60)} is out of order or range`)
      }
      before = index
    }
  }
  for (const values of [vector, sparse?.values]) {
    for (let i = 0; i < (values?.length ?? 0); i++) {
      if (!Number.isFinite(values?.[i])) {
        throw new PithError('PITH_NONFINITE', `component ${i} of ${name.slice(0, 60)} is no number`)
      }
    }
  }
}

/** Rows in arrays of at most `size`. */
export async function* inBatches<T>(rows: Iterable<T> | AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let batch: T[] = []
  for await (const row of rows) {
    batch.push(row)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

/** Text of SQL; neither system takes a NUL, which becomes U+FFFD. */
export function sqlText(text: string | undefined): string {
  return text === undefined ? 'NULL' : `'${text.replaceAll('\0', '\uFFFD').replaceAll("'", "''")}'`
}

/** A number so that single precision reads the same one back. */
export function numberText(value: number): string {
  const single = Math.fround(value)
  // 9 digits tell any two numbers of single precision apart.
  return String(Number(single.toPrecision(9)))
}
