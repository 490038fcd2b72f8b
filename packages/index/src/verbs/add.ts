/** `pith index add`. */
import type { Arguments, CommandContext } from '@pith/core'
import { openWriter } from '../store/node/index.ts'
import { encodersOf } from './encoders.ts'
import { documents, documentsOf, indexOf, runOf } from './inputs.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const own = runOf(args, context)
  const encoders = await encodersOf(args, own)
  const writer = await openWriter(indexOf(args), encoders.given)
  let count = 0
  try {
    for (const warning of writer.warnings) await context.note(warning)
    for await (const batch of documentsOf(args.operands.slice(1), args, own)) {
      await writer.add(batch, own)
      count += batch.length
      context.onProgress({ stage: 'add', done: count, unit: 'rows' })
    }
  } finally {
    await writer.close()
    await encoders.close()
  }
  if (context.json) await context.report({ index: indexOf(args), added: count })
  else if (!context.quiet) await context.stdout.write(`${indexOf(args)}: ${documents(count)} added\n`)
  return 0
}
