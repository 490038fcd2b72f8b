/** What a worker does for long decompositions. */
import type { TaskContext } from '@pith/core/workers'
import { CHOLESKY } from './long-cholesky.ts'
import { EIGH } from './long-eigh.ts'
import { advanceSlice, type LongWork, memoryOf } from './long-work.ts'

/** Do a slice of work, which moves here and back. */
export function advanceLong(work: LongWork, context: TaskContext): { work: LongWork; isFinished: boolean } {
  const isFinished = advanceSlice(work, work.kind === 'eigh' ? EIGH : CHOLESKY)
  context.transfer(memoryOf(work))
  return { work, isFinished }
}
