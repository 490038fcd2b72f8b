/** Checks and forms of dense vectors. */
import { PithError } from '@pith/core'
import type { DenseMatrix } from '../types.ts'

/** Squares of lengths stay below, so that no sum of products leaves single precision. */
export const MAX_SQUARE = 1e37

/**
 * Refuse rows that are none.
 *
 * @throws PithError `PITH_SHAPE` as many numbers as rows and columns do not make up · `PITH_NONFINITE` naming row and column
 */
export function checkMatrix(x: DenseMatrix, what: string): void {
  const { n, dim, data } = x
  if (!(Number.isInteger(n) && n >= 0 && Number.isInteger(dim) && dim >= 1 && data.length === n * dim)) {
    throw new PithError('PITH_SHAPE', `${what}: ${data.length} numbers for ${n} rows of ${dim}`)
  }
  for (let row = 0; row < n; row++) checkRow(data, row * dim, dim, () => `${what}: row ${row}`)
}

function checkRow(data: Float32Array, from: number, dim: number, name: () => string): void {
  let sum = 0
  for (let j = from; j < from + dim; j++) sum += (data[j] as number) ** 2
  if (sum <= MAX_SQUARE) return
  const hint = 'Leave the row out, or find out why its encoder gives no number.'
  for (let j = 0; j < dim; j++) {
    const value = data[from + j]
    if (!Number.isFinite(value)) throw new PithError('PITH_NONFINITE', `${name()} column ${j} is ${value}`, { hint })
  }
  throw new PithError(
    'PITH_NONFINITE',
    `${name()} has the length ${Math.sqrt(sum).toPrecision(3)}, at most 3.1e18 can be`,
    {
      hint: 'Scale the vectors down.',
    },
  )
}

/** @throws PithError `PITH_SHAPE` · `PITH_NONFINITE` */
export function checkQuery(query: Float32Array, dim: number): void {
  if (query.length !== dim) {
    throw new PithError('PITH_SHAPE', `the query has ${query.length} numbers, the rows have ${dim}`, {
      hint: 'Encode queries by the encoder that the rows were encoded by.',
    })
  }
  checkRow(query, 0, dim, () => 'the query')
}

/** Bring rows of `dim` numbers to length 1, in place; rows of zeros stay. */
export function normalizeRows(data: Float32Array, dim: number): void {
  for (let from = 0; from < data.length; from += dim) {
    let sum = 0
    for (let j = from; j < from + dim; j++) sum += (data[j] as number) ** 2
    if (sum === 0) continue
    const length = Math.sqrt(sum)
    for (let j = from; j < from + dim; j++) data[j] = (data[j] as number) / length
  }
}

/** The query, of length 1 where likeness is the cosine; memory of its own. */
export function ownQuery(query: Float32Array, isCosine: boolean): Float32Array {
  const own = query.slice()
  if (isCosine) normalizeRows(own, own.length)
  return own
}
