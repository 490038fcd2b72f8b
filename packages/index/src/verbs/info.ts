/** `pith index info`. */
import { type Arguments, type CommandContext, formatBytes, formatCount, textTable } from '@pith/core'
import { indexOf, withIndex } from './inputs.ts'
import { bytesAt } from './places.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  return await withIndex(args, context, async ({ info }) => {
    const { documents, settings, segments, damaged, warnings } = info
    const path = indexOf(args)
    const bytes = /^https?:/.test(path) ? info.bytes : await bytesAt(path)
    const bad = damaged.map(({ name, error }) => ({ name, code: error.code, message: error.message }))
    if (context.json) {
      await context.report({ documents, bytes, settings, segments, damaged: bad, warnings })
      return 0
    }
    const each = documents === 0 ? '' : `, ${formatBytes(bytes / documents)} a document`
    await context.stdout.write(`${formatCount(documents)} documents, ${formatBytes(bytes)}${each}\n`)
    for (const [part, own] of Object.entries(settings)) await context.stdout.write(`${part}: ${shown(own)}\n`)
    const rows = segments.map((own) => [
      own.name,
      formatCount(own.rows),
      formatCount(own.deleted),
      formatBytes(own.bytes),
      own.parts.join(', '),
    ])
    await context.stdout.write(textTable([['segment', 'documents', 'deleted', 'bytes', 'parts'], ...rows], 'lrrrl'))
    return 0
  })
}

/** Settings for people: `dim 256, pq (bits 8, m 32)`. */
function shown(settings: object): string {
  return Object.entries(settings)
    .map(
      ([name, value]) => `${name} ${typeof value === 'object' && value !== null ? `(${shown(value)})` : String(value)}`,
    )
    .join(', ')
}
