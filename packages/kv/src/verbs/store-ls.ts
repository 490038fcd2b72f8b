/** `pith kv store ls`. */
import { type Arguments, type CommandContext, formatBytes } from '@pith/core'
import { chunks, placeOf, withTier } from './store-place.ts'

/** Digits of a key that are shown to people. */
const SHOWN = 16

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  return await withTier(args, async (tier) => {
    const values: { key: string; coder: string; bytes: number }[] = []
    let [sum, count] = [0, 0]
    for await (const { name, bytes } of tier.list({ signal: context.signal })) {
      const [key, coder] = [name.slice(0, 64), name.slice(65)]
      sum += bytes
      count++
      if (context.json) values.push({ key, coder, bytes })
      else await context.stdout.write(`${key.slice(0, SHOWN)}  ${String(bytes).padStart(12)}  ${coder}\n`)
    }
    if (context.json) await context.report({ store: placeOf(args), values, bytes: sum })
    else await context.note(`${chunks(count)}, ${formatBytes(sum)}`)
    return 0
  })
}
