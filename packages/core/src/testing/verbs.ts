/** Verbs of a room called as the command calls them. */
import { isPithError } from '../errors.ts'
import type { Arguments, CommandContext, Manifest, Output } from '../manifest.ts'

/** What a verb did. */
export interface VerbOutcome {
  readonly out: string
  readonly err: string
  /** Exit code; undefined where it threw. */
  readonly code?: number
  /** Code and message of what it threw. */
  readonly error?: string
}

/** Options by name; `true` is a flag. */
export type VerbOptions = Readonly<Record<string, string | readonly string[] | true>>

/** A verb that runs. */
export interface RunningVerb {
  /** What it said when it first passed output on. */
  readonly said: Promise<string>
  readonly done: Promise<VerbOutcome>
  /** End it as Ctrl-C does. */
  stop(reason: Error): void
}

/** What stands beside the options of a verb. */
export interface VerbInput {
  readonly operands?: readonly string[]
  /** Text on standard input. */
  readonly stdin?: string
}

/**
 * Start a verb, without a terminal.
 *
 * @param name whole, such as `kv serve`
 * @throws Error a verb or an option that the manifest does not have
 */
export function startVerb(
  manifest: Manifest,
  name: string,
  options: VerbOptions,
  { operands = [], stdin = '' }: VerbInput = {},
): RunningVerb {
  const spec = manifest.verbs.find((own) => own.name === name)
  if (spec === undefined) throw new Error(`there is no verb ${name}`)
  for (const option of Object.keys(options)) {
    if (!['json', 'quiet'].includes(option) && !spec.options.some((own) => own.name === option)) throw new Error(option)
  }
  const values = (option: string): readonly string[] => {
    const own = options[option]
    return own === undefined || own === true ? [] : typeof own === 'string' ? [own] : own
  }
  const args: Arguments = {
    operands,
    has: (option) => option in options,
    value: (option) => values(option).at(-1),
    values,
  }
  const stop = new AbortController()
  const texts = { out: '', err: '' }
  const said = Promise.withResolvers<string>()
  const output = (to: 'out' | 'err'): Output => ({
    isTerminal: false,
    columns: 80,
    async write(data) {
      texts[to] += typeof data === 'string' ? data : new TextDecoder().decode(data)
    },
    async flush() {
      if (to === 'out') said.resolve(texts.out)
    },
  })
  const context: CommandContext = {
    stdout: output('out'),
    stderr: output('err'),
    async *stdin() {
      yield new TextEncoder().encode(stdin)
    },
    stdinIsTerminal: false,
    signal: stop.signal,
    json: 'json' in options,
    quiet: 'quiet' in options,
    colour: false,
    now: () => new Date(0),
    onProgress() {},
    async note(line) {
      if (!('quiet' in options)) texts.err += `${line}\n`
    },
    async report(report) {
      texts.out += JSON.stringify(report)
    },
  }
  const run = async (): Promise<VerbOutcome> => {
    try {
      return { code: await (await spec.load()).run(args, context), ...texts }
    } catch (error) {
      if (!isPithError(error)) throw error
      return { ...texts, error: `${error.code}: ${error.message}` }
    }
  }
  return { said: said.promise, done: run(), stop: (reason) => stop.abort(reason) }
}
