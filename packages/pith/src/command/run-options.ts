import { availableParallelism } from 'node:os'
import { type Arguments, type CommandContext, type Limits, PithError, type Run, resolveLimits } from '@pith/core'
import { parseCount, parseSize } from './sizes.ts'

/** Cancellation, progress, threads and limits as the options say. @throws PithError `PITH_ARG` */
export function runOf(args: Arguments, context: CommandContext): Run & { signal: AbortSignal; limits: Limits } {
  const threads = args.value('threads')
  const limit = args.value('limit')
  return {
    signal: context.signal,
    onProgress: (progress) => context.onProgress(progress),
    threads: threads === undefined ? availableParallelism() : parseCount(threads, '--threads', 1, 256),
    limits: resolveLimits(limit === undefined ? {} : { outputBytes: parseSize(limit, '--limit') }),
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
