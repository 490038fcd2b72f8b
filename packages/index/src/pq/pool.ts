/** Workers for training and coding. */
import type { Run } from '@pith/core'
import { createPool, type Pool, siblingUrl } from '@pith/core/workers'
import { pqTasks } from './tasks.ts'

/** Workers that train and code. */
export type PqPool = Pool<typeof pqTasks>

/** A pool of as many workers as the caller allows; with one, tasks run here unless the caller has to answer. */
export function pqPool(run: Run): PqPool {
  return createPool({
    url: siblingUrl('worker', import.meta.url),
    tasks: pqTasks,
    threads: run.threads ?? 1,
    apart: run.responsive === true,
    ...(run.signal === undefined ? {} : { signal: run.signal }),
  })
}
