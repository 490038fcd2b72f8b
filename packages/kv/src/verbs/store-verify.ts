/** `pith kv store verify`. */
import { type Arguments, type CommandContext, formatBytes } from '@pith/core'
import { verifyTier } from '../store/index.ts'
import { chunks, placeOf, withTier } from './store-place.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  return await withTier(args, async (tier) => {
    const { values, bytes, bad, orphans, removed } = await verifyTier(tier, {
      fix: args.has('fix'),
      signal: context.signal,
    })
    const ok = bad.length === 0 || args.has('fix')
    if (context.json) await context.report({ ok, store: placeOf(args), values, bytes, bad, orphans, removed })
    else {
      for (const { name, code, message } of bad) {
        await context.stdout.write(`${name.slice(0, 16)}  ${code}: ${message}\n`)
      }
      if (!context.quiet) {
        await context.stdout.write(
          `${chunks(values)}, ${formatBytes(bytes)}; ${bad.length} bad, ${orphans.length} out of reach, ${removed} removed\n`,
        )
      }
    }
    return ok ? 0 : 1
  })
}
