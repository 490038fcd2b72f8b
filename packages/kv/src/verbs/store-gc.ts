/** `pith kv store gc`. */
import { type Arguments, type CommandContext, formatBytes, PithError, parseBudget } from '@pith/core'
import { chunks, withTier } from './store-place.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const maxBytes = budgetOf(args.value('budget'))
  return await withTier(
    args,
    async (tier) => {
      const removed = await tier.gc()
      if (context.json) await context.report({ removed: removed.values, bytes: removed.bytes })
      else if (!context.quiet) {
        await context.stdout.write(`removed ${chunks(removed.values)}, ${formatBytes(removed.bytes)} in all\n`)
      }
      return 0
    },
    maxBytes === undefined ? {} : { maxBytes },
  )
}

function budgetOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const budget = parseBudget(text)
  if (budget.kind === 'bytes') return budget.bytes
  throw new PithError('PITH_ARG', `--budget must be a size, got ${text.slice(0, 40)}`, {
    hint: 'Write one such as 800MB.',
  })
}
