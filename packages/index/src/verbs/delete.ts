/** `pith index delete`. */
import { type Arguments, type CommandContext, PithError, type Run } from '@pith/core'
import type { Where } from '../store/index.ts'
import { openIndex, openWriter } from '../store/node/index.ts'
import { documents, indexOf, runOf } from './inputs.ts'
import { whereOf } from './where-option.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const where = whereOf(args)
  const named = args.operands.slice(1)
  if ((where === undefined) === (named.length === 0)) {
    throw new PithError('PITH_ARG', 'give ids, or a condition by --where')
  }
  const own = runOf(args, context)
  const path = indexOf(args)
  const writer = await openWriter(path)
  let count = 0
  try {
    for (const warning of writer.warnings) await context.note(warning)
    const before = await countOf(path)
    await writer.delete(where === undefined ? await idsOf(named, context) : await matching(path, where, own), own)
    count = before - (await countOf(path))
  } finally {
    await writer.close()
  }
  if (context.json) await context.report({ index: path, deleted: count })
  else if (!context.quiet) await context.stdout.write(`${path}: ${documents(count)} deleted\n`)
  return 0
}

async function countOf(path: string): Promise<number> {
  const reader = await openIndex(path)
  const { documents: count } = reader.info
  await reader.close()
  return count
}

async function matching(path: string, where: Where, own: Run): Promise<string[]> {
  const reader = await openIndex(path, {}, own)
  return await reader.ids(where, own).finally(() => reader.close())
}

/** Ids of the command line, and lines of standard input in the place of `-`. */
async function idsOf(named: readonly string[], context: CommandContext): Promise<readonly string[]> {
  if (!named.includes('-')) return named
  const decoder = new TextDecoder()
  let text = ''
  for await (const part of context.stdin()) text += decoder.decode(part, { stream: true })
  const lines = text.split(/\r?\n/).filter((line) => line !== '')
  return named.flatMap((id) => (id === '-' ? lines : [id]))
}
