/** Sparse rows: checking them, making them, turning them round. */
import { PithError } from '@pith/core'
import type { SparseMatrix, SparseVector } from '../types.ts'

/** Components of a row at most, since a row's length is a 16-bit number on disk. */
const MAX_ROW_COMPONENTS = 65535

/** Rows of a matrix. */
export function rowsOf(matrix: SparseMatrix): number {
  return matrix.indptr.length - 1
}

/** Row `row`, as views of the matrix. */
export function sparseRow(matrix: SparseMatrix, row: number): SparseVector {
  const [from, to] = [matrix.indptr[row] as number, matrix.indptr[row + 1] as number]
  return { indices: matrix.indices.subarray(from, to), values: matrix.values.subarray(from, to) }
}

/**
 * Refuse what is no sparse matrix.
 *
 * @throws PithError `PITH_SHAPE` lengths do not fit, `indptr` falls, indices do not ascend or are not below `dim` · `PITH_LIMIT`
 * a row with more than 65,535 components · `PITH_NONFINITE` a value is not a finite number · `PITH_ARG` a value is not above 0
 */
export function checkSparseMatrix(matrix: SparseMatrix): void {
  const { dim, indptr, indices, values } = matrix
  if (!(Number.isInteger(dim) && dim >= 0 && dim <= 0xffffffff)) {
    throw new PithError('PITH_SHAPE', `dim must be 0..2^32-1, got ${dim}`)
  }
  const rows = indptr.length - 1
  if (rows < 0 || indptr[0] !== 0 || indices.length !== indptr[rows] || values.length !== indices.length) {
    throw new PithError(
      'PITH_SHAPE',
      `indptr must run from 0 to the number of indices and of values, ${indices.length} and ${values.length}`,
    )
  }
  for (let row = 0; row < rows; row++) {
    const [from, to] = [indptr[row] as number, indptr[row + 1] as number]
    if (to < from || to > indices.length) throw new PithError('PITH_SHAPE', `indptr falls behind row ${row}`)
    if (to - from > MAX_ROW_COMPONENTS) {
      throw new PithError(
        'PITH_LIMIT',
        `row ${row} has ${to - from} components, at most ${MAX_ROW_COMPONENTS} are kept`,
      )
    }
    let last = -1
    for (let at = from; at < to; at++) {
      const index = indices[at] as number
      const value = values[at] as number
      if (!(index > last && index < dim)) {
        throw new PithError('PITH_SHAPE', `row ${row}: component ${index} stands behind ${last}, of ${dim}`, {
          hint: 'Components ascend within a row; sparseMatrix() sorts them and adds what stands twice.',
        })
      }
      if (!(value > 0 && value < Number.POSITIVE_INFINITY)) throw badValue(value, row, index)
      last = index
    }
  }
}

/**
 * A matrix from rows whose components may be in any order; values of one component are added.
 *
 * @throws PithError as {@link checkSparseMatrix}
 */
export function sparseMatrix(rows: Iterable<SparseVector>, dim: number): SparseMatrix {
  const indptr: number[] = [0]
  let indices: Uint16Array | Uint32Array = dim <= 65536 ? new Uint16Array(1024) : new Uint32Array(1024)
  let values = new Float32Array(1024)
  let used = 0
  for (const vector of rows) {
    const row = sortVector(vector)
    const end = used + row.indices.length
    if (end > values.length) {
      const size = Math.max(end, 2 * values.length)
      const [oldIndices, oldValues] = [indices, values]
      indices = dim <= 65536 ? new Uint16Array(size) : new Uint32Array(size)
      indices.set(oldIndices)
      values = new Float32Array(size)
      values.set(oldValues)
    }
    for (let i = 0; i < row.indices.length; i++) {
      const index = row.indices[i] as number
      // A view of 16 bits would wrap it round.
      if (index >= dim) throw new PithError('PITH_SHAPE', `row ${indptr.length - 1}: component ${index} of ${dim}`)
      indices[used + i] = index
      values[used + i] = row.values[i] as number
    }
    used = end
    indptr.push(used)
  }
  const matrix = {
    dim,
    indptr: Uint32Array.from(indptr),
    indices: indices.slice(0, used),
    values: values.slice(0, used),
  }
  checkSparseMatrix(matrix)
  return matrix
}

/** A vector with ascending indices; values of one component are added. @throws PithError `PITH_SHAPE` `PITH_NONFINITE` `PITH_ARG` */
export function sortVector(vector: SparseVector): { indices: Uint32Array; values: Float32Array } {
  const n = vector.indices.length
  if (vector.values.length !== n) {
    throw new PithError('PITH_SHAPE', `a vector has ${n} indices and ${vector.values.length} values`)
  }
  let ascends = true
  for (let i = 0; i < n; i++) {
    const index = vector.indices[i] as number
    const value = vector.values[i] as number
    if (!(Number.isInteger(index) && index >= 0 && index <= 0xffffffff)) {
      throw new PithError('PITH_SHAPE', `components are integers 0..2^32-1, got ${index}`)
    }
    if (!(value > 0 && Math.fround(value) < Number.POSITIVE_INFINITY)) throw badValue(value, undefined, index)
    if (i > 0 && index <= (vector.indices[i - 1] as number)) ascends = false
  }
  if (ascends) return { indices: Uint32Array.from(vector.indices), values: Float32Array.from(vector.values) }
  const order = Array.from({ length: n }, (_, i) => i)
  order.sort((a, b) => (vector.indices[a] as number) - (vector.indices[b] as number) || a - b)
  const indices: number[] = []
  const values: number[] = []
  for (const i of order) {
    const index = vector.indices[i] as number
    if (indices.at(-1) !== index) {
      indices.push(index)
      values.push(0)
    }
    values[values.length - 1] += vector.values[i] as number
  }
  return { indices: Uint32Array.from(indices), values: Float32Array.from(values) }
}

function badValue(value: number, row: number | undefined, index: number): PithError {
  const where = row === undefined ? `component ${index}` : `row ${row}, component ${index}`
  if (!Number.isFinite(Math.fround(value))) {
    return new PithError('PITH_NONFINITE', `${where}: the value ${value} is not a finite number`)
  }
  return new PithError('PITH_ARG', `${where}: values are above 0, got ${value}`, {
    hint: 'Leave out components that are 0; negative ones have no meaning here.',
  })
}

/** The components that occur, ascending, and the matrix over them alone: component i of it is `components[i]`. */
export function compactComponents(matrix: SparseMatrix): { components: Uint32Array; matrix: SparseMatrix } {
  const components = distinctOf(matrix)
  if (components.length === matrix.dim) return { components, matrix }
  const dim = components.length
  const number = renumbering(components)
  const indices = dim <= 65536 ? new Uint16Array(matrix.indices.length) : new Uint32Array(matrix.indices.length)
  for (let i = 0; i < indices.length; i++) indices[i] = number(matrix.indices[i] as number)
  return { components, matrix: { ...matrix, dim, indices } }
}

/** Dimensions up to which a table by component is made. */
const TABLE_DIM = 2 ** 24

function distinctOf({ dim, indices }: SparseMatrix): Uint32Array {
  if (dim > TABLE_DIM) return new Uint32Array(new Set(indices)).sort()
  const seen = new Uint8Array(dim)
  for (let i = 0; i < indices.length; i++) seen[indices[i] as number] = 1
  const components: number[] = []
  for (let i = 0; i < dim; i++) if (seen[i] === 1) components.push(i)
  return Uint32Array.from(components)
}

function renumbering(components: Uint32Array): (component: number) => number {
  const last = components.at(-1) ?? 0
  if (last >= TABLE_DIM) {
    const map = new Map<number, number>()
    for (let i = 0; i < components.length; i++) map.set(components[i] as number, i)
    return (component) => map.get(component) as number
  }
  const table = new Uint32Array(last + 1)
  for (let i = 0; i < components.length; i++) table[components[i] as number] = i
  return (component) => table[component] as number
}

/** Place of `value` in ascending values, or -1. */
export function placeOf(ascending: Uint32Array, value: number): number {
  let [low, high] = [0, ascending.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return ascending[low] === value ? low : -1
}
