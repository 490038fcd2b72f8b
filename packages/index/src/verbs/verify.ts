/** `pith index verify`. */
import { type Arguments, type CommandContext, formatBytes } from '@pith/core'
import { documents, runOf, withIndex } from './inputs.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  // What is damaged is what this is about.
  const partial: Arguments = {
    operands: args.operands,
    has: (name) => name === 'allow-partial' || args.has(name),
    value: (name) => args.value(name),
    values: (name) => args.values(name),
  }
  return await withIndex(partial, context, async (reader) => {
    const { ok, documents: count, bytes, bad } = await reader.verify(runOf(args, context))
    const shown = bad.map(({ name, error }) => ({ name, code: error.code, message: error.message }))
    if (context.json) await context.report({ ok, documents: count, bytes, bad: shown })
    else if (ok) await context.stdout.write(`ok: ${documents(count)}, ${formatBytes(bytes)}\n`)
    else for (const { name, code, message } of shown) await context.stdout.write(`${name}: ${code} ${message}\n`)
    return ok ? 0 : 1
  })
}
