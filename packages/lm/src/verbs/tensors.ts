/** Arrays of a verb, written to a file of NumPy. */
import { type Arguments, type CommandContext, PithError } from '@pith/core'
import { writeAtomic } from '@pith/core/node'
import type { Params } from '@pith/engine'
import { writeNpz } from '@pith/engine/io'

/** @throws PithError `PITH_ARG` no --out · `PITH_IO` it exists */
export async function writeTensors(
  args: Arguments,
  context: CommandContext,
  arrays: Params,
  ids: Int32Array,
): Promise<void> {
  const path = args.value('out')
  if (path === undefined)
    throw new PithError('PITH_ARG', 'option --out is missing', { hint: 'Name a file: --out FILE.npz.' })
  await writeAtomic(path, writeNpz(arrays), { force: args.has('force') })
  const shapes = Object.fromEntries(Object.entries(arrays).map(([name, { shape }]) => [name, shape]))
  if (context.json) await context.report({ out: path, tokens: ids.length, arrays: shapes })
  else if (!context.quiet) {
    for (const [name, shape] of Object.entries(shapes)) await context.stdout.write(`${name}  [${shape.join(', ')}]\n`)
  }
}
