import { availableParallelism } from 'node:os'
import {
  type Arguments,
  type CommandContext,
  LIMITS,
  type Limits,
  PithError,
  parseSize,
  type Run,
  resolveLimits,
} from '@pith/core'
import { parseCount } from './sizes.ts'

/** Memory that coding with the usual chunks takes a thread, so that each thread of a large machine has work. */
const A_THREAD = 2 ** 27

/** Cancellation, progress, threads and limits as the options say. @throws PithError `PITH_ARG` */
export function runOf(args: Arguments, context: CommandContext): Run & { signal: AbortSignal; limits: Limits } {
  const threads = args.value('threads')
  const count = threads === undefined ? availableParallelism() : parseCount(threads, '--threads', 1, 256)
  const limit = args.value('limit')
  const memory = args.value('memory')
  return {
    signal: context.signal,
    onProgress: (progress) => context.onProgress(progress),
    threads: count,
    responsive: true,
    limits: resolveLimits({
      memoryBytes:
        memory === undefined ? Math.max(LIMITS.default.memoryBytes, count * A_THREAD) : parseSize(memory, '--memory'),
      ...(limit === undefined ? {} : { outputBytes: parseSize(limit, '--limit') }),
    }),
  }
}

/** The level as the options say. */
export function levelOf(args: Arguments): 'fast' | 'default' | 'max' | undefined {
  return args.value('level') as 'fast' | 'default' | 'max' | undefined
}

/** Refuse to send bytes that are not text to a terminal. */
export function checkTerminal(context: CommandContext, force: boolean): void {
  if (!context.stdout.isTerminal || force) return
  throw new PithError('PITH_ARG', 'compressed bytes are not written to a terminal', {
    hint: 'Name the output with -o, or add --force.',
  })
}
