/** `pith index merge`. */
import { type Arguments, type CommandContext, formatBytes } from '@pith/core'
import { openIndex, openWriter } from '../store/node/index.ts'
import { indexOf, runOf } from './inputs.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const path = indexOf(args)
  const before = await sizeOf(path)
  const writer = await openWriter(path)
  try {
    for (const warning of writer.warnings) await context.note(warning)
    await writer.merge(runOf(args, context))
  } finally {
    await writer.close()
  }
  const after = await sizeOf(path)
  if (context.json) await context.report({ index: path, before, after })
  else if (!context.quiet) {
    const segments = (count: number): string => (count === 1 ? '1 segment' : `${count} segments`)
    await context.stdout.write(
      `${path}: ${segments(before.segments)} of ${formatBytes(before.bytes)} became ${segments(after.segments)} of ${formatBytes(after.bytes)}\n`,
    )
  }
  return 0
}

async function sizeOf(path: string): Promise<{ segments: number; bytes: number }> {
  const reader = await openIndex(path)
  const { segments, bytes } = reader.info
  await reader.close()
  return { segments: segments.length, bytes }
}
