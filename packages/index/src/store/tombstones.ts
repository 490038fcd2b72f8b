import type { Run } from '@pith/core'
import { filterOf } from '../row-filter.ts'
import type { RowFilter } from '../types.ts'
import type { Segment } from './segment.ts'

/** A filter of the rows that tombstones leave. @param dead  a bit for each row that is gone */
export function liveRows(dead: Uint8Array, rows: number): RowFilter {
  const words = new Uint32Array((rows + 31) >>> 5)
  for (let row = 0; row < rows; row++) {
    if (((dead[row >>> 3] >>> (row & 7)) & 1) === 0) words[row >>> 5] |= 1 << (row & 31)
  }
  return filterOf(words)
}

/**
 * Mark the documents of given ids as gone.
 *
 * @param dead  a bit for each row that is gone already; undefined for none
 * @param ids   ascending
 * @returns the bits afterwards, in memory of their own, and how many were added
 */
export async function buryRows(
  segment: Segment,
  dead: Uint8Array | undefined,
  ids: readonly string[],
  run?: Run,
): Promise<{ bits: Uint8Array; added: number }> {
  const bits = dead?.slice() ?? new Uint8Array(Math.ceil(segment.rows / 8))
  let added = 0
  for (const row of await segment.ids.findAll(ids, run)) {
    if (((bits[row >>> 3] >>> (row & 7)) & 1) === 0) added++
    bits[row >>> 3] |= 1 << (row & 7)
  }
  return { bits, added }
}
