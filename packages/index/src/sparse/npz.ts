/** Sparse matrices as scipy.sparse.save_npz writes them: a zip of .npy files. */
import { type ByteSource, PithError, type Run } from '@pith/core'
import type { SparseMatrix } from '../types.ts'
import { checkSparseMatrix } from './matrix.ts'

/**
 * Read a matrix in CSR form. Rows are sorted; values of 0 are left out.
 *
 * @throws PithError `PITH_UNSUPPORTED` another form than CSR · `PITH_CORRUPT` arrays are missing or do not fit together; what zips and .npy
 * files give · what a sparse matrix may not be; the abort reason
 */
export async function readSparseNpz(source: ByteSource, run: Run = {}): Promise<SparseMatrix> {
  const { openZip, parseNpy } = await import('@pith/engine/io')
  const zip = await openZip(source, run)
  try {
    const read = async (name: string): Promise<Uint8Array> => {
      const entry = zip.entries.get(`${name}.npy`)
      if (entry === undefined)
        throw new PithError('PITH_CORRUPT', `the .npz file has no ${name}: it is no sparse matrix`)
      return await zip.read(entry, run)
    }
    const numbers = async (name: string): Promise<ArrayLike<number>> => {
      const { data } = parseNpy(await read(name))
      return data instanceof BigInt64Array ? Float64Array.from(data, Number) : (data as ArrayLike<number>)
    }
    // A text of NumPy, which readers of numbers do not take: its letters stand at the end.
    if (!/csr\0*$/.test(new TextDecoder('latin1').decode(await read('format')).replaceAll('\0', ''))) {
      throw new PithError('PITH_UNSUPPORTED', 'the sparse matrix is not in CSR form', {
        hint: 'Save it with scipy.sparse.save_npz(path, matrix.tocsr()).',
      })
    }
    const [rows, dim] = Array.from(await numbers('shape')) as [number, number]
    const [indptr, indices, values] = [await numbers('indptr'), await numbers('indices'), await numbers('data')]
    if (indptr.length !== rows + 1 || indices.length !== values.length || indptr[rows] !== indices.length) {
      throw new PithError('PITH_CORRUPT', `the arrays of a sparse matrix of ${rows} rows do not fit together`)
    }
    return sortRows(rows, dim, indptr, indices, values)
  } finally {
    await zip.close()
  }
}

function sortRows(
  rows: number,
  dim: number,
  indptr: ArrayLike<number>,
  indices: ArrayLike<number>,
  values: ArrayLike<number>,
): SparseMatrix {
  const starts = new Uint32Array(rows + 1)
  const sortedIndices = dim <= 65536 ? new Uint16Array(indices.length) : new Uint32Array(indices.length)
  const sortedValues = new Float32Array(indices.length)
  let used = 0
  for (let row = 0; row < rows; row++) {
    const [from, to] = [indptr[row] as number, indptr[row + 1] as number]
    if (!(from >= 0 && to >= from && to <= indices.length)) {
      throw new PithError('PITH_CORRUPT', `row ${row} is at ${from}..${to} of ${indices.length} values`)
    }
    const order = Array.from({ length: to - from }, (_, i) => from + i)
    order.sort((a, b) => (indices[a] as number) - (indices[b] as number))
    for (const at of order) {
      const index = indices[at] as number
      if (!(index >= 0 && index < dim))
        throw new PithError('PITH_CORRUPT', `row ${row} has component ${index} of ${dim}`)
      if (values[at] === 0) continue
      sortedIndices[used] = index
      sortedValues[used++] = values[at] as number
    }
    starts[row + 1] = used
  }
  const matrix = { dim, indptr: starts, indices: sortedIndices.slice(0, used), values: sortedValues.slice(0, used) }
  checkSparseMatrix(matrix)
  return matrix
}
