/** `pith model inspect`. */
import { type Arguments, type CommandContext, formatBinaryBytes, formatCount, PithError } from '@pith/core'
import { shapeText } from '../shape.ts'
import { summarizeModel, type TensorRow } from './summary.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const summary = await summarizeModel(args.operands[0] as string, {
    dims: readDims(args.values('dim')),
    signal: context.signal,
  })
  if (context.json) {
    await context.report(summary)
    return 0
  }
  const { format, graph, parameters, bytes, tensors } = summary
  const lines = [`format      ${format}${graph === undefined || graph.producer === '' ? '' : `, ${graph.producer}`}`]
  lines.push(
    `parameters  ${formatCount(parameters)} in ${formatCount(tensors.length)} tensors, ${formatBinaryBytes(bytes)}`,
  )
  if (graph !== undefined) {
    const least = graph.isLowerBound ? ' or more' : ''
    lines.push(`operations  ${formatCount(graph.flops)} a run${least}`)
    lines.push(`memory      ${formatBinaryBytes(graph.memory)} a run${least}`)
    const assumed = graph.assumed.map((name) => `${name}=1`).join(', ')
    if (assumed !== '') lines.push(`assumed     ${assumed}; other lengths by --dim`)
    for (const row of graph.inputs) lines.push(`input       ${rowText(row)}`)
    for (const row of graph.outputs) lines.push(`output      ${rowText(row)}`)
    const operators = Object.entries(graph.operators).map(([name, count]) => `${count} ${name}`)
    lines.push(`operators   ${operators.length === 0 ? 'none' : operators.join(', ')}`)
    if (graph.opaque.length > 0) lines.push(`no gradient ${graph.opaque.join(', ')}`)
  }
  for (const row of tensors) lines.push(`tensor      ${rowText(row)}`)
  await context.stdout.write(`${lines.map(printable).join('\n')}\n`)
  return 0
}

function rowText({ name, type, shape, torch }: TensorRow): string {
  const own = `${name}  ${type}${shapeText(shape).replaceAll('-1', '?')}`
  return torch === undefined ? own : `${own}  ${torch}, transposed`
}

/** Names come from the file: control characters would reach the terminal. */
function printable(line: string): string {
  return line.replace(/\p{C}/gu, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`)
}

function readDims(values: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    values.map((text) => {
      const [, name = '', length = ''] = /^(.+)=(\d{1,9})$/.exec(text) ?? []
      if (name === '') {
        throw new PithError('PITH_ARG', `--dim must be such as batch=8, got ${text.slice(0, 80)}`)
      }
      return [name, Number(length)]
    }),
  )
}
