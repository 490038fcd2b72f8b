import type { Places, Postings } from './source.ts'

/** Rows in which terms stand at their offsets, and how often. */
export function matchPhrase(
  terms: readonly { readonly postings: Postings; readonly places: Places; readonly offset: number }[],
): Postings {
  const byLength = [...terms].sort((a, b) => a.postings.rows.length - b.postings.rows.length)
  const [rarest, ...others] = byLength
  const rows: number[] = []
  const counts: number[] = []
  if (rarest === undefined) return { rows: new Uint32Array(), counts: new Uint16Array() }
  const cursors = new Uint32Array(others.length)
  next: for (let i = 0; i < rarest.postings.rows.length; i++) {
    const row = rarest.postings.rows[i] as number
    for (const [j, other] of others.entries()) {
      const at = seek(other.postings.rows, row, cursors[j] as number)
      cursors[j] = at
      if (other.postings.rows[at] !== row) continue next
    }
    let count = 0
    const end = rarest.places.starts[i + 1] as number
    for (let p = rarest.places.starts[i] as number; p < end; p++) {
      const base = (rarest.places.places[p] as number) - rarest.offset
      if (others.every((other, j) => hasPlace(other.places, cursors[j] as number, base + other.offset))) count++
    }
    if (count === 0) continue
    rows.push(row)
    counts.push(Math.min(count, 65535))
  }
  return { rows: Uint32Array.from(rows), counts: Uint16Array.from(counts) }
}

/** First place at or behind `from` whose row is not below `row`: gallops, since the other list is mostly much longer. */
function seek(rows: Uint32Array, row: number, from: number): number {
  let step = 1
  let low = from
  while (low + step < rows.length && (rows[low + step] as number) < row) {
    low += step
    step *= 2
  }
  let high = Math.min(rows.length, low + step + 1)
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((rows[middle] as number) < row) low = middle + 1
    else high = middle
  }
  return low
}

function hasPlace({ starts, places }: Places, document: number, place: number): boolean {
  let low = starts[document] as number
  const end = starts[document + 1] as number
  for (let high = end; low < high; ) {
    const middle = (low + high) >>> 1
    if ((places[middle] as number) < place) low = middle + 1
    else high = middle
  }
  return low < end && places[low] === place
}
