/** One linear layer whose signs are the codes of documents. */
import { PithError } from '@pith/core'
import { packSigns, type SignCodes } from '../pq/index.ts'
import type { DenseMatrix } from '../types.ts'
import { Products } from './products.ts'

/** Queries become e W, documents the signs of e W + b. */
export interface BprLayer {
  /** Numbers of a vector. */
  readonly dim: number
  /** Numbers of a hashed one. */
  readonly bits: number
  /** f32[dim, bits] */
  readonly weight: Float32Array
  /** f32[bits] */
  readonly bias: Float32Array
}

/** Rows that are multiplied at once. */
const ROWS = 4096

/** Vectors of queries as they are searched with: f32[n, bits]. @throws PithError `PITH_SHAPE` */
export function hashQueries(layer: BprLayer, queries: DenseMatrix): DenseMatrix {
  checkDim(layer, queries)
  const { dim, bits, weight } = layer
  const products = new Products()
  const data = new Float32Array(queries.n * bits)
  for (let first = 0; first < queries.n; first += ROWS) {
    const rows = queries.data.subarray(first * dim, Math.min(queries.n, first + ROWS) * dim)
    data.set(products.multiply(rows, rows.length / dim, dim, weight, bits), first * bits)
  }
  return { n: queries.n, dim: bits, data }
}

/** Codes of documents. @throws PithError `PITH_SHAPE` · `PITH_NONFINITE` */
export function hashDocuments(layer: BprLayer, documents: DenseMatrix): SignCodes {
  const own = hashQueries(layer, documents)
  for (let row = 0, at = 0; row < own.n; row++) {
    for (let j = 0; j < layer.bits; j++, at++) own.data[at] += layer.bias[j] as number
  }
  return packSigns(own)
}

function checkDim({ dim }: BprLayer, x: DenseMatrix): void {
  if (x.dim !== dim) throw new PithError('PITH_SHAPE', `rows have ${x.dim} numbers, the layer takes ${dim}`)
}
