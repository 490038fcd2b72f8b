/** Cholesky factors as work that stops and goes on. */
import { type Cholesky, type CholeskyOptions, factorInPlace, notPositive, triesOf } from './cholesky.ts'
import {
  fingerprintOf,
  isCountTo,
  type LongKind,
  type LongOptions,
  type LongWork,
  restoreWork,
  runLong,
} from './long-work.ts'
import { checkFinite, checkSquare, type Matrix } from './matrix.ts'

/** The numbers of a saved state, and which of them counts the tries. */
const PLACE = 'cholesky.place'
const ATTEMPT = 2

/** Rows that are factored between two looks at the time. */
const ROWS = 4

/** Steps are rows; `failed` is the row that is not positive, n where there is none. */
export const CHOLESKY: LongKind = {
  totalOf: (n) => n,
  doneOf: ({ place }) => place['next'] as number,
  advance({ n, place, arrays }, isOver) {
    const a = arrays['a'] as Float64Array
    while ((place['next'] as number) < n) {
      const from = place['next'] as number
      const rows = { from, to: from + ROWS }
      const failed = factorInPlace(a, n, rows)
      if (failed >= 0) {
        place['failed'] = failed
        return true
      }
      place['next'] = rows.from
      if (isOver()) break
    }
    return place['next'] === n
  },
  isSound: ({ n, place }) =>
    isCountTo(place['next'], n) &&
    (place['next'] === n || (place['next'] as number) % ROWS === 0) &&
    place['failed'] === n,
}

/**
 * {@link cholesky} as work that leaves the calling thread free, can be given up, tells its progress, and goes on from a state:
 * for thousands of rows. The factor has the bits of `cholesky`.
 *
 * @throws PithError as `cholesky` · `PITH_ARG` a state of something else · `PITH_INTERNAL` the worker died · the reason of
 * the abort
 * @complexity n^3 / 3
 */
export async function longCholesky(a: Matrix, options: CholeskyOptions & LongOptions = {}): Promise<Cholesky> {
  const n = checkSquare(a, 'cholesky')
  const { from, ...others } = options
  let isRestored = from === undefined
  checkFinite(a, 'cholesky')
  const tries = triesOf(a, options)
  let index = -1
  for (const [attempt, added] of tries.entries()) {
    const work = beginCholesky(a, attempt, added)
    if (!isRestored && from !== undefined) {
      // The tries before the saved one are known to fail.
      if ((from[PLACE]?.data[ATTEMPT] as number) > attempt && attempt + 1 < tries.length) continue
      restoreWork(work, CHOLESKY, from, ['matrix', 'attempt'])
      isRestored = true
    }
    const { place, arrays } = await runLong(work, CHOLESKY, others)
    index = place['failed'] as number
    if (index < n) continue
    const lower = { rows: n, cols: n, data: arrays['a'] as Float64Array }
    for (let i = 0; i < n; i++) lower.data.fill(0, i * n + i + 1, (i + 1) * n)
    return { lower, added }
  }
  throw notPositive(index)
}

/** Work for a try with something added to the diagonal. */
export function beginCholesky(a: Matrix, attempt: number, added: number): LongWork {
  const n = a.rows
  const own = new Float64Array(a.data)
  const matrix = fingerprintOf(own)
  for (let i = 0; i < n; i++) own[i * n + i] += added
  return { kind: 'cholesky', n, place: { matrix, attempt, next: 0, failed: n }, arrays: { a: own } }
}
