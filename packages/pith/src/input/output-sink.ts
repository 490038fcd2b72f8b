import type { CommandContext, Sink } from '@pith/core'
import { atomicFile } from '@pith/core/node'

/** A sink over stdout, or over a file that appears when it is whole. */
export async function outputSink(
  path: string,
  context: CommandContext,
  options: { force?: boolean; mode?: number | undefined } = {},
): Promise<Sink> {
  if (path === '-') return standardOutput(context)
  const { force = false, mode } = options
  return await atomicFile(path, { force, signal: context.signal, ...(mode === undefined ? {} : { mode }) })
}

function standardOutput(context: CommandContext): Sink {
  return {
    write: (bytes) => context.stdout.write(bytes),
    close: () => context.stdout.flush(),
    abort: async () => undefined,
  }
}
