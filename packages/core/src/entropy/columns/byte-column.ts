import { PithError } from '../../errors.ts'

/** Strings of bytes, one per row: row `i` is `bytes[ends[i - 1]..ends[i])`, row 0 starts at 0. */
export interface ByteColumn {
  readonly bytes: Uint8Array
  /** u32[rows], not decreasing, the last one at most `bytes.length`. */
  readonly ends: Uint32Array
}

/** A column of the given rows. */
export function columnOf(rows: readonly Uint8Array[]): ByteColumn {
  const ends = new Uint32Array(rows.length)
  let length = 0
  for (const [i, row] of rows.entries()) ends[i] = length += row.length
  const bytes = new Uint8Array(length)
  for (const [i, row] of rows.entries()) bytes.set(row, ends[i] - row.length)
  return { bytes, ends }
}

/** Where row `i` starts. */
export function startOf(column: ByteColumn, i: number): number {
  return i === 0 ? 0 : column.ends[i - 1]
}

/** Row `i` as a view. */
export function rowOf(column: ByteColumn, i: number): Uint8Array {
  return column.bytes.subarray(startOf(column, i), column.ends[i])
}

/** Whether row `i` of `a` equals row `j` of `b`. */
export function equalRows(a: ByteColumn, i: number, b: ByteColumn, j: number): boolean {
  const from = startOf(a, i)
  const other = startOf(b, j)
  const length = a.ends[i] - from
  if (b.ends[j] - other !== length) return false
  for (let k = 0; k < length; k++) if (a.bytes[from + k] !== b.bytes[other + k]) return false
  return true
}

/** The rows with the given numbers, which need not be in order. */
export function pickRows(column: ByteColumn, rows: ArrayLike<number>): ByteColumn {
  const ends = new Uint32Array(rows.length)
  let length = 0
  for (let i = 0; i < rows.length; i++) {
    length += column.ends[rows[i]] - startOf(column, rows[i])
    if (length > 0xffffffff) throw new PithError('PITH_LIMIT', 'the rows take more than 2^32 - 1 bytes')
    ends[i] = length
  }
  const bytes = new Uint8Array(length)
  for (let i = 0; i < rows.length; i++) bytes.set(rowOf(column, rows[i]), i === 0 ? 0 : ends[i - 1])
  return { bytes, ends }
}
