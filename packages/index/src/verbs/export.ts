/** `pith index export`. */
import { type Arguments, type CommandContext, PithError } from '@pith/core'
import { exportIndex } from '../store/node/index.ts'
import { documents, runOf, withIndex } from './inputs.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const own = runOf(args, context)
  return await withIndex(args, context, async (reader) => {
    const out = args.value('output')
    if (out === undefined)
      throw new PithError('PITH_ARG', 'option --output is missing', { hint: 'Name a file: -o docs.pith.' })
    const count = await exportIndex(reader, out, { force: args.has('force') }, own)
    if (context.json) await context.report({ out, documents: count })
    else if (!context.quiet) await context.stdout.write(`${out}: ${documents(count)}\n`)
    return 0
  })
}
