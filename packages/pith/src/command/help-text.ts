import type { OptionSpec, VerbSpec } from '@pith/core'
import { manifest } from '../manifest/index.ts'
import { installedRooms } from '../manifest/rooms.ts'
import { optionsOf } from './parse-arguments.ts'

const EXITS: NonNullable<VerbSpec['exits']> = [
  [0, 'done'],
  [1, 'failed'],
  [2, 'bad usage'],
  [130, 'interrupted'],
]

/** The exit codes of a verb. */
export function exitsOf(verb: VerbSpec): NonNullable<VerbSpec['exits']> {
  return verb.exits ?? EXITS
}

/** What `pith help` prints: every verb with its line, by group. */
export async function overview(columns: number): Promise<string> {
  const verbs = [manifest, ...(await installedRooms())].flatMap((room) =>
    room.verbs.map((verb) => ({ ...verb, group: verb.group ?? room.room })),
  )
  const width = Math.max(...verbs.map((verb) => verb.name.length)) + 2
  const groups = [...new Set(verbs.map((verb) => verb.group))].map((group) => {
    const rows = verbs
      .filter((verb) => verb.group === group)
      .map((verb) => row(verb.name, verb.summary, width, columns))
    return `${group}:\n${rows.join('')}`
  })
  return [
    wrap(`pith: ${manifest.summary}`, columns, 0),
    'Usage: pith VERB [OPTIONS] ...\n',
    ...groups,
    examples(
      [
        { line: 'pith compress app.log', what: 'writes app.log.pith' },
        { line: 'pith grep ERROR app.log.pith', what: 'searches it as it is' },
        { line: 'pith decompress app.log.pith', what: 'gives app.log back, byte for byte' },
      ],
      columns,
    ),
    'pith help VERB tells more of one; pith --version prints the version.\n',
  ].join('\n')
}

/** What `pith help VERB` prints. */
export function verbHelp(verb: VerbSpec, columns: number): string {
  const options = optionsOf(verb)
  const width = Math.min(30, Math.max(...options.map((option) => optionHead(option).length)) + 2)
  const operands = verb.operands.map((operand) => row(operand.name, operand.summary, width, columns))
  const exits = exitsOf(verb).map(([code, meaning]) => `${code} ${meaning}`)
  return [
    `Usage: ${usageLine(verb)}\n`,
    wrap(`${verb.summary[0]?.toUpperCase()}${verb.summary.slice(1)}.`, columns, 0),
    ...(verb.details ?? []).map((paragraph) => wrap(paragraph, columns, 0)),
    ...(operands.length > 0 ? [`Operands:\n${operands.join('')}`] : []),
    `Options:\n${options.map((option) => row(optionHead(option), option.summary, width, columns)).join('')}`,
    examples(verb.examples, columns),
    wrap(`Exit codes: ${exits.join(', ')}.`, columns, 0),
  ].join('\n')
}

/** How a verb is called. */
export function usageLine(verb: VerbSpec): string {
  const operands = verb.operands.map((operand) => {
    const name = (operand.max ?? 1) > 1 ? `${operand.name}...` : operand.name
    return (operand.min ?? 1) === 0 ? `[${name}]` : name
  })
  return ['pith', verb.name, '[OPTIONS]', ...operands].join(' ')
}

/** The left column of an option. */
export function optionHead(option: OptionSpec): string {
  const long = `--${option.name}${option.value === undefined ? '' : ` ${option.value}`}`
  return option.short === undefined ? `    ${long}` : `-${option.short}, ${long}`
}

function examples(list: VerbSpec['examples'], columns: number): string {
  return `Examples:\n${list.map(({ line, what }) => `  ${line}\n${wrap(what, columns, 6)}`).join('')}`
}

function row(head: string, text: string, width: number, columns: number): string {
  const left = `  ${head}`
  const lines = wrap(text, columns, width + 2)
  return left.length > width ? `${left}\n${lines}` : left.padEnd(width + 2) + lines.trimStart()
}

/** Break text at blanks so that no line is longer than the terminal, each behind `indent` blanks. */
function wrap(text: string, columns: number, indent: number): string {
  const width = Math.max(40, Math.min(columns, 100)) - indent
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  lines.push(line)
  return lines.map((part) => `${' '.repeat(indent)}${part}\n`).join('')
}
