/** `pith prompt compress`. */
import type { Arguments, CommandContext } from '@pith/core'
import { compressedOf, figuresOf, saysOf, writeMap, writeText } from './inputs.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const { text, result } = await compressedOf(args, context)
  await writeMap(args, text, result)
  const isFile = args.has('output')
  if (!context.json || isFile) await writeText(args, context, result.text)
  if (context.json) await context.report({ ...figuresOf(result), ...(isFile ? {} : { text: result.text }) })
  else await context.note(saysOf(result))
  return 0
}
