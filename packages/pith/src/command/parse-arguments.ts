import type { Arguments, OptionSpec, VerbSpec } from '@pith/core'
import { COMMON_OPTIONS } from '../manifest/shared-options.ts'
import { nearest } from './nearest.ts'
import { usageError } from './usage-error.ts'

/** Options of a verb with those that every verb has; the verb's own come first and win. */
export function optionsOf(verb: VerbSpec): readonly OptionSpec[] {
  const own = new Set(verb.options.map((option) => option.name))
  const letters = new Set(verb.options.flatMap((option) => option.short ?? []))
  const fits = (option: OptionSpec): boolean => !own.has(option.name) && !(verb.plain && option.name === 'json')
  const common = COMMON_OPTIONS.filter(fits)
  return [
    ...verb.options,
    ...common.map(({ short, ...rest }) => (short === undefined || letters.has(short) ? rest : { short, ...rest })),
  ]
}

/**
 * Parse what stands behind the verb, as GNU tools do: options and operands in any order, `--name VALUE`, `--name=VALUE`,
 * `-n VALUE`, `-nVALUE`, letters joined as in `-ic`; `--` ends the options and `-` is an operand.
 *
 * @throws PithError `PITH_ARG` an unknown option (its hint names the nearest one), a value missing, not wanted or not allowed
 */
export function parseArguments(verb: VerbSpec, words: readonly string[]): ParsedArguments {
  const options = optionsOf(verb)
  const byName = new Map(options.map((option) => [option.name, option]))
  const byLetter = new Map(options.flatMap((option) => (option.short === undefined ? [] : [[option.short, option]])))
  const digits = options.find((option) => option.digits)
  const parsed = new ParsedArguments()
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    const next = (option: OptionSpec, shown: string): string => {
      i++
      if (i >= words.length) throw usageError(verb, `option ${shown} needs a value ${option.value}`)
      return words[i]!
    }
    if (word === '--') {
      parsed.operands.push(...words.slice(i + 1))
      break
    }
    if (word.startsWith('--')) {
      const equals = word.indexOf('=')
      const name = equals < 0 ? word.slice(2) : word.slice(2, equals)
      const option = byName.get(name)
      if (option === undefined) throw unknownOption(verb, `--${name}`, byName.keys())
      if (option.value === undefined) {
        if (equals >= 0) throw usageError(verb, `option --${name} takes no value`)
        parsed.add(option)
      } else {
        parsed.add(option, checkChoice(verb, option, equals < 0 ? next(option, word) : word.slice(equals + 1)))
      }
    } else if (digits !== undefined && /^-\d+$/.test(word)) {
      parsed.add(digits, word.slice(1))
    } else if (word.length > 1 && word.startsWith('-')) {
      for (let at = 1; at < word.length; at++) {
        const letter = word[at]!
        const option = byLetter.get(letter)
        if (option === undefined) throw unknownOption(verb, `-${letter}`, byName.keys())
        if (option.value === undefined) {
          parsed.add(option)
          continue
        }
        const rest = word.slice(at + 1)
        parsed.add(option, checkChoice(verb, option, rest === '' ? next(option, `-${letter}`) : rest))
        break
      }
    } else {
      parsed.operands.push(word)
    }
  }
  return parsed
}

/** Check the number and choice of operands. @throws PithError `PITH_ARG` */
export function checkOperands(verb: VerbSpec, operands: readonly string[]): void {
  let least = 0
  let most = 0
  for (const spec of verb.operands) {
    least += spec.min ?? 1
    most += spec.max ?? 1
    if (operands.length < least) throw usageError(verb, `${spec.name} is missing`)
  }
  if (operands.length > most) throw usageError(verb, `one operand too many: ${operands[most]}`)
  for (const [at, spec] of verb.operands.entries()) {
    const word = operands[at]
    if (spec.choices === undefined || word === undefined || spec.choices.includes(word)) continue
    throw usageError(verb, `${spec.name} must be one of ${spec.choices.join(', ')}, got ${word}`)
  }
}

/** What was given, by option name. */
export class ParsedArguments implements Arguments {
  readonly operands: string[] = []
  readonly #values = new Map<string, string[]>()

  add(option: OptionSpec, value?: string): void {
    const values = this.#values.get(option.name)
    if (values === undefined) this.#values.set(option.name, value === undefined ? [] : [value])
    else if (value !== undefined) values.push(value)
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  value(name: string): string | undefined {
    return this.#values.get(name)?.at(-1)
  }

  values(name: string): readonly string[] {
    return this.#values.get(name) ?? []
  }
}

function checkChoice(verb: VerbSpec, option: OptionSpec, value: string): string {
  if (option.choices === undefined || option.choices.includes(value)) return value
  throw usageError(verb, `--${option.name} must be one of ${option.choices.join(', ')}, got ${value}`)
}

function unknownOption(verb: VerbSpec, shown: string, known: Iterable<string>): Error {
  const near = shown.startsWith('--') ? nearest(shown.slice(2), known) : undefined
  const hint = near === undefined ? undefined : `Did you mean --${near}?`
  return usageError(verb, `${verb.name} has no option ${shown}`, hint)
}
