import type { RowFilter } from './types.ts'

/** A filter of `rows` rows that keeps those for which `keeps` holds. */
export function filterRows(rows: number, keeps: (row: number) => boolean): RowFilter {
  const words = new Uint32Array((rows + 31) >>> 5)
  for (let row = 0; row < rows; row++) if (keeps(row)) words[row >>> 5] |= 1 << (row & 31)
  return filterOf(words)
}

/** A filter over given words; bits behind the last row must be 0. */
export function filterOf(words: Uint32Array): RowFilter {
  let count = 0
  for (const word of words) count += popcount(word)
  return { words, count }
}

/** Whether a row is kept. */
export function isKept(filter: RowFilter, row: number): boolean {
  return (((filter.words[row >>> 5] as number) >>> (row & 31)) & 1) === 1
}

/** Rows that both keep. */
export function bothKeep(a: RowFilter, b: RowFilter): RowFilter {
  return filterOf(a.words.map((word, i) => word & (b.words[i] as number)))
}

/** Rows that either keeps. */
export function eitherKeeps(a: RowFilter, b: RowFilter): RowFilter {
  return filterOf(a.words.map((word, i) => word | (b.words[i] as number)))
}

/** Rows of `rows` that a filter does not keep. */
export function allBut(filter: RowFilter, rows: number): RowFilter {
  const words = filter.words.map((word) => ~word)
  if ((rows & 31) !== 0) words[words.length - 1] &= (1 << (rows & 31)) - 1
  return filterOf(words)
}

/** The rows that a filter keeps, ascending. */
export function keptRows(filter: RowFilter): Uint32Array {
  const rows = new Uint32Array(filter.count)
  let n = 0
  for (const [i, word] of filter.words.entries()) {
    for (let rest = word; rest !== 0; rest &= rest - 1) rows[n++] = 32 * i + 31 - Math.clz32(rest & -rest)
  }
  return rows
}

function popcount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555)
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
