import type { OptionSpec, VerbSpec } from '@pith/core'
import { COMMON_OPTIONS } from '../manifest/shared-options.ts'
import { exitsOf, usageLine } from './help-text.ts'

/** The manual page of the command in roff, for `man -l -`. */
export function manPage(summary: string, verbs: readonly VerbSpec[]): string {
  return [
    '.TH PITH 1 "" "pith" "User Commands"',
    '.SH NAME',
    `pith \\- ${text(summary)}`,
    '.SH SYNOPSIS',
    '.B pith',
    '.I VERB',
    '[\\fIOPTIONS\\fR] ...',
    '.SH VERBS',
    ...verbs.flatMap(verbSection),
    '.SH COMMON OPTIONS',
    ...COMMON_OPTIONS.flatMap(optionItem),
    '.SH EXIT STATUS',
    '0 done, 1 failed, 2 bad usage, 130 interrupted; a verb that differs says so.',
    '.SH ENVIRONMENT',
    '.TP',
    '.B NO_COLOR',
    'If set, output has no colours.',
    '.TP',
    '.B XDG_CACHE_HOME',
    'Compiled code is kept in its folder pith; default ~/.cache.',
    '',
  ].join('\n')
}

function verbSection(verb: VerbSpec): string[] {
  return [
    `.SS "${text(usageLine(verb)).replaceAll('"', '\\(dq')}"`,
    text(`${verb.summary[0]?.toUpperCase()}${verb.summary.slice(1)}.`),
    ...(verb.details ?? []).flatMap((paragraph) => ['.PP', text(paragraph)]),
    ...verb.operands.flatMap((operand) => ['.TP', `.I ${operand.name}`, text(operand.summary)]),
    ...verb.options.flatMap(optionItem),
    ...verb.examples.flatMap(({ line, what }) => ['.PP', `.B ${text(line)}`, '.br', text(what)]),
    ...(verb.exits === undefined
      ? []
      : [
          '.PP',
          text(
            `Exit codes: ${exitsOf(verb)
              .map(([code, meaning]) => `${code} ${meaning}`)
              .join(', ')}.`,
          ),
        ]),
  ]
}

function optionItem(option: OptionSpec): string[] {
  const value = option.value === undefined ? '' : ` \\fI${option.value}\\fR`
  const short = option.short === undefined ? '' : `\\fB\\-${option.short}\\fR, `
  return ['.TP', `${short}\\fB\\-\\-${text(option.name)}\\fR${value}`, text(option.summary)]
}

/** Text in which no character is an instruction to roff. */
function text(plain: string): string {
  const escaped = plain.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq')
  return escaped.startsWith('.') ? `\\&${escaped}` : escaped
}
