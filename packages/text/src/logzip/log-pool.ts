/** Workers for the chunks of a log: as many as memory allows, told how much of it each has. */
import { type BlockRow, checkLimit, type Limits, PithError, type Run, resolveLimits } from '@pith/core'
import { createPool, type Pool, siblingUrl } from '@pith/core/workers'
import type { Level } from './chunk-encode.ts'
import type { logTasks } from './tasks.ts'

/** Bytes that coding a chunk takes at most for one of the log, what waits beside it included. */
const CODING: Readonly<Record<Level, number>> = { fast: 12, default: 16, max: 16 }
/** Bytes that the result of decoding a chunk takes for one of the log: in the workspace, given to the caller, and read. */
const DECODING = 4
/** The same with what is made on the way, for chunks that were not made to exhaust a decoder. */
const DECODING_USUAL = 8
/** Work on fewer bytes is soon done: the calling thread does it where there is but one. */
const SOON_DONE = 2 ** 22
const MIN_CHUNK = 4096

/** What a pool is for. */
export interface PoolPlan {
  /** Bytes that one task holds; threads that have no room for as much are not started. */
  readonly needed: number
  /** Bytes of log that will be worked on, where it is known. */
  readonly total?: number | undefined
}

/** Workers for the chunks of one log. @throws PithError `PITH_ARG` limits that are none */
export function poolOf(run: Run, plan: PoolPlan): Pool<typeof logTasks> {
  const { memoryBytes } = resolveLimits(run.limits ?? {}, 'unlimited')
  const most = Math.max(1, Math.floor(memoryBytes / Math.max(1, plan.needed)))
  const threads = Math.min(run.threads ?? 1, most)
  const pool = createPool({
    url: siblingUrl('worker', import.meta.url),
    tasks: async () => (await import('./tasks.ts')).loadTasks(),
    threads,
    apart: run.responsive === true && (plan.total ?? SOON_DONE) >= SOON_DONE,
    ...(run.signal === undefined ? {} : { signal: run.signal }),
  })
  const share = Math.floor(memoryBytes / threads)
  return {
    ...pool,
    run: (task, payload, options) => pool.run(task, { ...payload, memoryBytes: share }, options),
  }
}

/** Bytes that a chunk of the log takes while it is coded. */
export function codingBytes(level: Level, chunkBytes: number): number {
  return CODING[level] * chunkBytes
}

/** Bytes that a chunk of the log takes while it is decoded. */
export function decodingBytes(rawBytes: number): number {
  return DECODING_USUAL * rawBytes
}

/**
 * Size of chunks that memory allows.
 *
 * @param asked  what the caller asked for; left out, chunks become as small as they must
 * @throws PithError `PITH_LIMIT` the limit memoryBytes is below what `asked`, or the smallest chunk, needs
 */
export function chunkWithin(run: Run, level: Level, asked: number | undefined, usual: number): number {
  const memoryBytes = resolveLimits(run.limits ?? {}, 'unlimited').memoryBytes
  if (asked !== undefined) {
    if (codingBytes(level, asked) > memoryBytes) {
      throw new PithError(
        'PITH_LIMIT',
        `chunks of ${asked} bytes need ${codingBytes(level, asked)} at level ${level}, the limit memoryBytes is ${memoryBytes}`,
        { hint: 'Use smaller chunks, or raise the limit memoryBytes.' },
      )
    }
    return asked
  }
  let bytes = usual
  while (bytes > MIN_CHUNK && codingBytes(level, bytes) > memoryBytes) bytes /= 2
  return chunkWithin(run, level, bytes, bytes)
}

/** Refuse a chunk of which the blocks and what they decode to do not fit. @throws PithError `PITH_LIMIT` */
export function checkChunkFits(limits: Limits, rows: readonly BlockRow[]): void {
  const stored = rows.reduce((sum, row) => sum + row.storedBytes, 0)
  checkLimit(limits, 'memoryBytes', DECODING * (rows[0]?.rawBytes ?? 0) + stored, 'a chunk')
}
