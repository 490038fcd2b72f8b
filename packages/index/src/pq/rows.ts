/** Rows in tasks of equal size, whose results come in order whatever the threads. */
import { throwIfAborted } from '@pith/core'
import { mapOrdered } from '@pith/core/workers'
import type { PqPool } from './pool.ts'

/** Rows of a task; sums of tasks are added in their order, so that threads change nothing. */
const TASK_ROWS = 4096

/** Results of `work` on rows first .. end of n, in their order. */
export async function* eachTask<R>(
  n: number,
  pool: PqPool,
  signal: AbortSignal | undefined,
  work: (first: number, end: number) => Promise<R>,
): AsyncGenerator<{ first: number; end: number; result: R }> {
  const starts = Array.from({ length: Math.ceil(n / TASK_ROWS) }, (_, i) => i * TASK_ROWS)
  const map = async (first: number): Promise<{ first: number; end: number; result: R }> => {
    throwIfAborted(signal)
    const end = Math.min(n, first + TASK_ROWS)
    return { first, end, result: await work(first, end) }
  }
  // Twice the threads, so that none waits for its rows; inline nothing is gained by it.
  yield* mapOrdered(starts, map, { concurrency: pool.inline ? 1 : 2 * pool.threads, signal })
}

/** Rows of f32[n, dim] for a task: a copy where it goes to a worker, since a view would take along all that it is a part of. */
export function rowsFor(pool: PqPool, x: Float32Array, dim: number, first: number, end: number): Float32Array {
  return pool.inline ? x.subarray(first * dim, end * dim) : x.slice(first * dim, end * dim)
}
