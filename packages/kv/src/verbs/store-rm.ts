/** `pith kv store rm`. */
import { type Arguments, type CommandContext, PithError } from '@pith/core'
import { chunks, withTier } from './store-place.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const keys = args.operands
  if (args.has('all') === keys.length > 0) {
    throw new PithError('PITH_ARG', 'name the keys of chunks, or --all', { hint: 'See them with pith kv store ls.' })
  }
  const wild = keys.find((key) => !/^[0-9a-f]{4,64}$/.test(key))
  if (wild !== undefined) {
    throw new PithError('PITH_ARG', `a key is 4 to 64 digits of 0-9 and a-f, got ${wild.slice(0, 80)}`)
  }
  return await withTier(args, async (tier) => {
    const names: string[] = []
    for await (const { name } of tier.list({ signal: context.signal })) {
      if (keys.length === 0 || keys.some((key) => name.startsWith(key))) names.push(name)
    }
    let removed = 0
    for (const name of names) if (await tier.remove(name)) removed++
    if (context.json) await context.report({ removed })
    else if (!context.quiet) await context.stdout.write(`removed ${chunks(removed)}\n`)
    return removed > 0 || keys.length === 0 ? 0 : 1
  })
}
