/** The verbs of the engine as the command calls them, without the command. */
import { type Arguments, type CommandContext, isPithError, type Output, type PithError } from '@pith/core'
import { manifest } from '../src/manifest.ts'

/** What a call of a verb gave. */
export interface VerbOutcome {
  /** Undefined where it failed. */
  readonly code: number | undefined
  readonly error: PithError | undefined
  readonly out: string
  readonly notes: readonly string[]
}

/** Call a verb. @param words  options as `--name value` or `--name`, then operands */
export async function runVerb(name: string, words: readonly string[]): Promise<VerbOutcome> {
  const verb = manifest.verbs.find((own) => own.name === name)
  if (verb === undefined) throw new Error(`no verb ${name}`)
  let out = ''
  const notes: string[] = []
  const args = argumentsOf(
    words,
    new Set(verb.options.flatMap((option) => (option.value === undefined ? [] : [option.name]))),
  )
  const output: Output = {
    isTerminal: false,
    columns: 80,
    write: async (data) => void (out += String(data)),
    flush: async () => {},
  }
  const context: CommandContext = {
    stdout: output,
    stderr: output,
    async *stdin() {},
    stdinIsTerminal: false,
    signal: new AbortController().signal,
    json: args.has('json'),
    quiet: args.has('quiet'),
    colour: false,
    now: () => new Date(0),
    onProgress: () => {},
    note: async (line) => void notes.push(line),
    report: async (report) => void (out += JSON.stringify({ ok: true, ...report })),
  }
  try {
    return { code: await (await verb.load()).run(args, context), error: undefined, out, notes }
  } catch (error) {
    if (!isPithError(error)) throw error
    return { code: undefined, error, out, notes }
  }
}

function argumentsOf(words: readonly string[], valued: ReadonlySet<string>): Arguments {
  const operands: string[] = []
  const values = new Map<string, string[]>()
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string
    const name = word.slice(2)
    if (!word.startsWith('--')) operands.push(word)
    else values.set(name, [...(values.get(name) ?? []), valued.has(name) ? (words[++i] as string) : ''])
  }
  return {
    operands,
    has: (name) => values.has(name),
    value: (name) => values.get(name)?.at(-1),
    values: (name) => values.get(name) ?? [],
  }
}
