/**
 * Columns of texts that follow from another text of the line, once the two were seen together: the version of a package, the
 * languages of a browser. A row that is what it was in the last row with the same key is then one symbol.
 */
import { PithError } from '@pith/core'
import type { ColumnPlan, DictPlan } from './columns.ts'
import type { ParsedChunk } from './parse.ts'
import type { Workspace } from './workspace.ts'

/** Which text each row of a dictionary is: i32 a row, below `distinct`. */
export interface KeyIds {
  ids: number
  distinct: number
}

/** Left columns that a column may refer to, or have as its key. */
export const MAX_LEFT: number = 16

/** Rows that the choice looks at. */
const SAMPLE = 4096
/** Fewer rows are not looked at. */
const MIN_ROWS = 128
/** Columns with fewer texts cost little. */
const MIN_TEXTS = 6
/** One row of so many must be told by the key at least. */
const MIN_SHARE = 32
/** Keys of more texts would need too much room. */
const MAX_KEYS = 65536
/** Keys for each row of a column above which a list of all keys is longer than the work on the rows. */
const MAX_KEYS_PER_ROW = 16

/** A dictionary that can be a key: its rows say by number which text they are. */
function keysOf(plan: ColumnPlan | undefined): number {
  if (plan === undefined || plan.kind !== 'dict' || plan.distinct > MAX_KEYS) return 0
  if (plan.texts === 0 || (plan.reference > 0 && plan.reference <= MAX_LEFT)) return 0
  return plan.textIds ?? plan.ids
}

/** Look for the left column that tells most rows of a dictionary, and change its ids where that pays. */
export function keyDictionary(
  workspace: Workspace,
  chunk: ParsedChunk,
  plan: DictPlan,
  lefts: readonly (ColumnPlan | undefined)[],
): void {
  if (plan.rows < MIN_ROWS || plan.distinct < MIN_TEXTS) return
  const { memory } = workspace
  const n = Math.min(plan.rows, SAMPLE)
  // Half of the rows that are not as the row before must be told; a text that was never there can't be.
  let changes = 0
  let newest = -1
  const words = memory.i32
  for (let i = 0, before = -1; i < n; i++) {
    const id = words[(plan.ids >> 2) + i] as number
    if (id > newest) newest = id
    else if (id !== before) changes++
    before = id
  }
  if (changes * MIN_SHARE < n) return
  let fewest = changes >> 1
  let best = -1
  const mark = memory.mark()
  for (let k = 0; k < lefts.length; k++) {
    const other = lefts[k]
    const keys = keysOf(other)
    // Few keys can't tell many texts.
    if (keys === 0 || (other as DictPlan).distinct * 2 < plan.distinct) continue
    const own = misses(workspace, chunk, plan, other as DictPlan, keys, n, fewest, 0)
    if (own < fewest) {
      fewest = own
      best = k
    }
  }
  memory.release(mark)
  if (best < 0) return
  const other = lefts[best] as DictPlan
  const ids = workspace.scratchWords(plan.rows)
  misses(workspace, chunk, plan, other, keysOf(other), plan.rows, plan.rows, ids)
  plan.textIds = plan.ids
  plan.ids = ids
  plan.reference = MAX_LEFT + 1 + best
  plan.idLimit = plan.distinct + 1
}

/**
 * Rows, of the first `n`, that are neither what the last row with their key was nor a new text, up to `most` of them; `out`
 * receives the ids.
 */
function misses(
  workspace: Workspace,
  chunk: ParsedChunk,
  plan: DictPlan,
  other: DictPlan,
  keys: number,
  n: number,
  most: number,
  out: number,
): number {
  const { memory, kernels } = workspace
  const mark = memory.mark()
  const match = workspace.scratchWords(n)
  kernels.matchRows(chunk.rowLine + plan.first * 4, n, chunk.rowLine + other.first * 4, other.rows, match)
  const last = new Int32Array(other.distinct)
  const words = memory.i32
  let count = 0
  let newest = 0
  for (let i = 0; i < n && count <= most; i++) {
    const id = (words[(plan.ids >> 2) + i] as number) + 1
    const key = words[(keys >> 2) + (words[(match >> 2) + i] as number)] as number
    const isSame = last[key] === id
    if (id > newest) newest = id
    else if (!isSame) count++
    last[key] = id
    if (out !== 0) words[(out >> 2) + i] = isSame ? 0 : id
  }
  memory.release(mark)
  return count
}

/**
 * Ids of texts, in place, from ids that are 0 where a row is what the last row with the same key was, and else one more.
 *
 * @throws PithError `PITH_CORRUPT` there was no such row
 */
export function resolveKeys(workspace: Workspace, ids: number, rows: number, keys: KeyIds, match: number): void {
  const words = workspace.memory.i32
  // Many columns of a few rows may have the same large dictionary as their key.
  const last = keys.distinct > rows * MAX_KEYS_PER_ROW ? undefined : new Int32Array(keys.distinct)
  const sparse = new Map<number, number>()
  for (let i = 0; i < rows; i++) {
    const key = words[(keys.ids >> 2) + (words[(match >> 2) + i] as number)] as number
    const own = words[(ids >> 2) + i] as number
    const id = own === 0 ? (last === undefined ? (sparse.get(key) ?? 0) : (last[key] as number)) : own
    if (id === 0) throw new PithError('PITH_CORRUPT', 'a row is as one before that is not there')
    if (last === undefined) sparse.set(key, id)
    else last[key] = id
    words[(ids >> 2) + i] = id - 1
  }
}
