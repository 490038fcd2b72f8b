/** Which entries stay in the lists: the largest of the whole matrix, and of each list no more than its share. */
import type { SparseMatrix } from '../types.ts'

/** Rows by component, ascending: those of list i are `rows[starts[i]] .. rows[starts[i + 1]]`. */
export interface Lists {
  readonly starts: Uint32Array
  readonly rows: Uint32Array
}

const BUCKETS = 65536

/**
 * The `keep` share of the entries with the largest values, then at most `maxFraction` times the mean length for each list.
 * Entries that a list loses are not given to others.
 */
export function pruneLists(matrix: SparseMatrix, keep: number, maxFraction: number): Lists {
  const { dim, indptr, indices, values } = matrix
  const budget = Math.ceil(keep * values.length)
  const { most, threshold, rest } = thresholdOf(values, budget)
  const starts = new Uint32Array(dim + 1)
  const kept = new Uint8Array(values.length)
  let open = rest
  for (let at = 0; at < values.length; at++) {
    const bucket = bucketOf(values[at] as number, most)
    if (bucket < threshold || (bucket === threshold && open-- <= 0)) continue
    kept[at] = 1
    starts[(indices[at] as number) + 1]++
  }
  for (let list = 0; list < dim; list++) starts[list + 1] += starts[list] as number
  const rows = new Uint32Array(starts[dim] as number)
  const own = new Float32Array(rows.length)
  const next = starts.slice()
  for (let row = 0; row + 1 < indptr.length; row++) {
    for (let at = indptr[row] as number; at < (indptr[row + 1] as number); at++) {
      if (kept[at] === 0) continue
      const place = next[indices[at] as number]++
      rows[place] = row
      own[place] = values[at] as number
    }
  }
  const cap = Math.max(1, Math.floor((maxFraction * budget) / Math.max(1, dim)))
  return capLists(starts, rows, own, cap)
}

function bucketOf(value: number, most: number): number {
  return Math.floor((value / most) * (BUCKETS - 1))
}

/** The bucket in which the budget ends, and how many of it stay. */
function thresholdOf(values: Float32Array, budget: number): { most: number; threshold: number; rest: number } {
  let most = 0
  for (let i = 0; i < values.length; i++) if ((values[i] as number) > most) most = values[i] as number
  const counts = new Uint32Array(BUCKETS)
  for (let i = 0; i < values.length; i++) counts[bucketOf(values[i] as number, most)]++
  let rest = budget
  let threshold = BUCKETS - 1
  while (threshold > 0 && (counts[threshold] as number) < rest) rest -= counts[threshold--] as number
  return { most, threshold, rest }
}

function capLists(starts: Uint32Array, rows: Uint32Array, values: Float32Array, cap: number): Lists {
  const out = new Uint32Array(rows.length)
  const ends = new Uint32Array(starts.length)
  let used = 0
  for (let list = 0; list + 1 < starts.length; list++) {
    const [from, to] = [starts[list] as number, starts[list + 1] as number]
    if (to - from <= cap) {
      out.set(rows.subarray(from, to), used)
      used += to - from
    } else {
      const order = Array.from({ length: to - from }, (_, i) => from + i)
      order.sort((a, b) => (values[b] as number) - (values[a] as number) || a - b)
      const best = Uint32Array.from(order.slice(0, cap)).sort()
      for (const at of best) out[used++] = rows[at] as number
    }
    ends[list + 1] = used
  }
  return { starts: ends, rows: out.slice(0, used) }
}
