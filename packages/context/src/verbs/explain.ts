/** `pith prompt explain`. */
import { basename } from 'node:path'
import { type Arguments, type CommandContext, numberOf, textTable } from '@pith/core'
import { writeAtomic } from '@pith/core/node'
import { breakEven, explainPage, marksOf } from '../explain/index.ts'
import type { Compressed } from '../types.ts'
import { compressedOf, figuresOf, saysOf } from './inputs.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const { path, text, result, cpuSeconds } = await compressedOf(args, context)
  const page = args.value('html')
  if (page !== undefined) {
    const title = path === '-' ? 'standard input' : basename(path)
    await writeAtomic(page, new TextEncoder().encode(explainPage(title, text, result)), { force: args.has('force') })
  }
  const calls = args.has('calls') ? numberOf(args, 'calls', 1, 1e9, true) : 10
  const input = args.has('price') ? numberOf(args, 'price', 0, 1e6, false) : 2
  const costs = breakEven({ ...result, cpuSeconds }, calls, {
    input,
    ...(args.has('cached-price') ? { cached: numberOf(args, 'cached-price', 0, 1e6, false) } : {}),
  })
  if (context.json) {
    const dropped = result.dropped.map(({ id, span, tokens }) => ({ id, ...span, tokens }))
    await context.report({ ...figuresOf(result), cpuSeconds, calls, price: input, costs, parts: dropped })
    return 0
  }
  if (page === undefined) await context.stdout.write(`${struckOut(text, result, context.colour)}\n`)
  const money = (value: number): string => value.toPrecision(3)
  const rows = [
    ['', 'one text for all calls', 'a text for each question'],
    ['whole', money(costs.wholeCached), money(costs.whole)],
    ['compressed', money(costs.compressedCached), money(costs.compressed)],
  ]
  await context.stdout.write(`${saysOf(result)}\n`)
  await context.stdout.write(
    `costs of ${calls} calls at ${input} a million tokens, where the provider remembers what comes again:\n`,
  )
  await context.stdout.write(textTable(rows, 'lrr'))
  await context.stdout.write(`${costs.verdict}\n`)
  return 0
}

/** What was left out in red and struck out, or between brackets where there are no colours. */
function struckOut(text: string, result: Compressed, colour: boolean): string {
  const [open, close] = colour ? ['\u001b[9;31m', '\u001b[0m'] : ['[-', '-]']
  return marksOf(result)
    .map(({ start, end, kept }) => {
      const own = text.slice(start, end)
      return kept || own.trim() === '' ? own : own.replace(/^(\s*)([\s\S]*?)(\s*)$/, `$1${open}$2${close}$3`)
    })
    .join('')
}
