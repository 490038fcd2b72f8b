/**
 * Columns of strings with few distinct rows: ids into a dictionary; and rows copied from another column.
 *
 * @module
 */
import { PithError } from '../../errors.ts'
import { type ByteColumn, columnOf, equalRows, pickRows, rowOf, startOf } from './byte-column.ts'

/** Rows as numbers of distinct rows. */
export interface DictionaryColumn {
  /** u32[rows]: number of the entry. */
  readonly ids: Uint32Array<ArrayBuffer>
  /** The distinct rows in order of first use. */
  readonly entries: ByteColumn
}

/**
 * Number the distinct rows in order of first use.
 *
 * @param maxEntries give up beyond so many; default no limit
 * @returns undefined where there are more entries
 */
export function encodeDictionary(
  column: ByteColumn,
  maxEntries: number = Number.POSITIVE_INFINITY,
): DictionaryColumn | undefined {
  const rows = column.ends.length
  const ids = new Uint32Array(rows)
  const firsts: number[] = []
  let table = new Int32Array(1024).fill(-1)
  for (let i = 0; i < rows; i++) {
    let slot = hashRow(column, i) & (table.length - 1)
    while (table[slot] >= 0 && !equalRows(column, firsts[table[slot]], column, i))
      slot = (slot + 1) & (table.length - 1)
    if (table[slot] < 0) {
      if (firsts.length >= maxEntries) return undefined
      table[slot] = firsts.length
      firsts.push(i)
      if (firsts.length * 2 > table.length) table = rehash(column, firsts, table.length * 4)
    }
    // The slot may have moved, but the newest entry is the last one then.
    ids[i] = firsts[firsts.length - 1] === i ? firsts.length - 1 : table[slot]
  }
  return { ids, entries: pickRows(column, firsts) }
}

/** The column behind the ids. @throws PithError `PITH_CORRUPT` an id without an entry · `PITH_LIMIT` above `maxBytes` */
export function decodeDictionary({ ids, entries }: DictionaryColumn, maxBytes: number): ByteColumn {
  let length = 0
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] >= entries.ends.length) {
      throw new PithError('PITH_CORRUPT', `row ${i} is entry ${ids[i]} of ${entries.ends.length}`)
    }
    length += entries.ends[ids[i]] - startOf(entries, ids[i])
    if (length > maxBytes) throw new PithError('PITH_LIMIT', `the rows take more than ${maxBytes} bytes`)
  }
  return pickRows(entries, ids)
}

/** Rows that repeat those of another column, and the rest. */
export interface ReferenceColumn {
  /** u8[rows]: 1 where the row equals that of the other column. */
  readonly same: Uint8Array<ArrayBuffer>
  /** The other rows. */
  readonly rest: ByteColumn
}

/** Take out the rows that equal the same row of `other`; undefined where the columns differ in length. */
export function encodeReference(column: ByteColumn, other: ByteColumn): ReferenceColumn | undefined {
  const rows = column.ends.length
  if (other.ends.length !== rows) return undefined
  const same = new Uint8Array(rows)
  const left: number[] = []
  for (let i = 0; i < rows; i++) {
    if (equalRows(column, i, other, i)) same[i] = 1
    else left.push(i)
  }
  return { same, rest: pickRows(column, left) }
}

/** The inverse of {@link encodeReference}. @throws PithError `PITH_CORRUPT` flags, rows and columns that don't fit */
export function decodeReference({ same, rest }: ReferenceColumn, other: ByteColumn): ByteColumn {
  if (same.length !== other.ends.length) {
    throw new PithError('PITH_CORRUPT', `${same.length} rows refer to ${other.ends.length}`)
  }
  const rows: Uint8Array[] = []
  let next = 0
  for (let i = 0; i < same.length; i++) {
    if (same[i] > 1) throw new PithError('PITH_CORRUPT', `the flag of row ${i} is ${same[i]}`)
    if (same[i] === 1) rows.push(rowOf(other, i))
    else if (next < rest.ends.length) rows.push(rowOf(rest, next++))
    else throw new PithError('PITH_CORRUPT', `row ${i} is missing`)
  }
  if (next !== rest.ends.length) throw new PithError('PITH_CORRUPT', `${rest.ends.length - next} rows are left over`)
  return columnOf(rows)
}

function hashRow(column: ByteColumn, i: number): number {
  let hash = 0x811c9dc5
  for (let at = startOf(column, i); at < column.ends[i]; at++) hash = Math.imul(hash ^ column.bytes[at], 0x01000193)
  return hash ^ (hash >>> 15)
}

function rehash(column: ByteColumn, firsts: readonly number[], size: number): Int32Array<ArrayBuffer> {
  const table = new Int32Array(size).fill(-1)
  for (const [id, row] of firsts.entries()) {
    let slot = hashRow(column, row) & (size - 1)
    while (table[slot] >= 0) slot = (slot + 1) & (size - 1)
    table[slot] = id
  }
  return table
}
