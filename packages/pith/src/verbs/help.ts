import type { Arguments, CommandContext } from '@pith/core'
import { findVerb } from '../command/find-verb.ts'
import { overview, verbHelp } from '../command/help-text.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const { columns } = context.stdout
  if (args.operands.length === 0) {
    await context.stdout.write(await overview(columns))
  } else {
    const { verb } = await findVerb(args.operands)
    await context.stdout.write(verbHelp(verb, columns))
  }
  return 0
}
