import type { OptionSpec, VerbSpec } from '@pith/core'
import { optionsOf } from './parse-arguments.ts'

/** Completion for bash: verbs, options, the values of options that list them, and file names for the rest. */
export function bashCompletion(verbs: readonly VerbSpec[]): string {
  const cases = verbs.map((verb) => {
    const words = optionsOf(verb).flatMap(spellings).join(' ')
    return `    '${verb.name}') words='${words}' ;;\n`
  })
  return `# bash completion of pith; load it with: source <(pith completion bash)
_pith() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} verb= words= i
  COMPREPLY=()
  ${verbLoop(verbs)}
  if [[ -z $verb ]]; then
    COMPREPLY=($(compgen -W '${firstWords(verbs)} --help --version' -- "$cur"))
    return
  fi
  case "$verb $prev" in
${choicesOf(verbs)
  .map(
    ({ patterns, values }) =>
      `    ${patterns.map((pattern) => `'${pattern}'`).join('|')}) words='${values.join(' ')}' ;;\n`,
  )
  .join('')}  esac
  if [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    return
  fi
  [[ $cur == -* ]] || return
  case $verb in
${cases.join('')}  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _pith pith
`
}

/** Completion for zsh. */
export function zshCompletion(verbs: readonly VerbSpec[]): string {
  const list = verbs.map((verb) => `    ${quote(`${verb.name.replaceAll(':', '\\:')}:${verb.summary}`)}\n`).join('')
  const cases = verbs.map((verb) => {
    const specs = [...optionsOf(verb).flatMap(zshOption), ...verb.operands.map((operand) => zshOperand(verb, operand))]
    return `    ${quote(verb.name)})\n      _arguments -s ${specs.join(' \\\n        ')} ;;\n`
  })
  return `#compdef pith
# zsh completion of pith; load it with: source <(pith completion zsh)
_pith() {
  local -a verbs
  verbs=(
${list}  )
  if (( CURRENT == 2 )); then
    _describe verb verbs
    return
  fi
  local verb=$words[2]
  shift words
  (( CURRENT-- ))
  case $verb in
${cases.join('')}  esac
}
compdef _pith pith
`
}

/** Completion for fish. */
export function fishCompletion(verbs: readonly VerbSpec[]): string {
  const lines = [
    '# fish completion of pith',
    "complete -c pith -n '__fish_use_subcommand' -l version -d 'print the version'",
  ]
  for (const verb of verbs) {
    const [word] = verb.name.split(' ')
    lines.push(`complete -c pith -f -n '__fish_use_subcommand' -a ${quote(word!)} -d ${quote(verb.summary)}`)
    const seen = `-n '__fish_seen_subcommand_from ${word}'`
    for (const option of optionsOf(verb)) {
      const short = option.short === undefined ? '' : ` -s ${option.short}`
      const choices = option.choices === undefined ? '' : ` -x -a ${quote(option.choices.join(' '))}`
      const value = option.value === undefined || choices !== '' ? choices : option.completes ? ' -r -F' : ' -x'
      lines.push(`complete -c pith ${seen} -l ${option.name}${short}${value} -d ${quote(option.summary)}`)
    }
    for (const operand of verb.operands) {
      if (operand.choices === undefined) continue
      lines.push(`complete -c pith -f ${seen} -a ${quote(operand.choices.join(' '))}`)
    }
  }
  return `${lines.join('\n')}\n`
}

function spellings(option: OptionSpec): string[] {
  return option.short === undefined ? [`--${option.name}`] : [`-${option.short}`, `--${option.name}`]
}

function firstWords(verbs: readonly VerbSpec[]): string {
  return [...new Set(verbs.map((verb) => verb.name.split(' ')[0]))].join(' ')
}

/** Shell code that sets \`verb\` to the words that name one, if the line has them already. */
function verbLoop(verbs: readonly VerbSpec[]): string {
  const names = verbs.map((verb) => `'${verb.name}'`).join('|')
  return `for ((i = COMP_CWORD - 1; i >= 1; i--)); do
    case "\${COMP_WORDS[*]:1:i}" in ${names}) verb="\${COMP_WORDS[*]:1:i}"; break ;; esac
  done`
}

function choicesOf(verbs: readonly VerbSpec[]): { patterns: string[]; values: readonly string[] }[] {
  return verbs.flatMap((verb) => [
    ...verb.options.flatMap((option) =>
      option.choices === undefined
        ? []
        : [{ patterns: spellings(option).map((spelling) => `${verb.name} ${spelling}`), values: option.choices }],
    ),
    ...verb.operands.flatMap((operand) =>
      operand.choices === undefined
        ? []
        : [{ patterns: [`${verb.name} ${verb.name.split(' ').at(-1)}`], values: operand.choices }],
    ),
    ...verb.operands.flatMap((operand) =>
      operand.completes === 'verb' ? [{ patterns: [`${verb.name} ${verb.name}`], values: [firstWords(verbs)] }] : [],
    ),
  ])
}

function zshOption(option: OptionSpec): string[] {
  const summary = option.summary.replaceAll(/[[\]:]/g, '\\$&')
  const many = option.many ? '*' : ''
  const action =
    option.value === undefined
      ? ''
      : `:${option.value}:${option.choices === undefined ? (option.completes ? '_files' : ' ') : `(${option.choices.join(' ')})`}`
  return spellings(option).map((spelling) => quote(`${many}${spelling}[${summary}]${action}`))
}

function zshOperand(verb: VerbSpec, operand: VerbSpec['operands'][number]): string {
  const at = (operand.max ?? 1) > 1 ? '*' : `${verb.operands.indexOf(operand) + 1}`
  const action =
    operand.choices === undefined ? (operand.completes === 'file' ? '_files' : ' ') : `(${operand.choices.join(' ')})`
  return quote(`${at}:${operand.name}:${action}`)
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
