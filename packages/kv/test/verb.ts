/** Verbs called as the command calls them. */
import { type Arguments, type CommandContext, isPithError, type Output } from '@pith/core'
import { manifest } from '../src/manifest.ts'

/** What a verb did. */
export interface Outcome {
  readonly out: string
  readonly err: string
  /** Exit code; undefined where it threw. */
  readonly code?: number
  /** Code and message of what it threw. */
  readonly error?: string
}

/** Options by name; `true` is a flag. */
export type Options = Readonly<Record<string, string | readonly string[] | true>>

/** A verb that runs. */
export interface Running {
  /** What it said when it first passed output on. */
  readonly said: Promise<string>
  readonly done: Promise<Outcome>
  /** End it as Ctrl-C does. */
  stop(reason: Error): void
}

/** Run a verb such as `encode`. */
export function verb(name: string, options: Options, operands: readonly string[] = []): Promise<Outcome> {
  return startVerb(name, options, operands).done
}

/** Start a verb such as `serve`. */
export function startVerb(name: string, options: Options, operands: readonly string[] = []): Running {
  const spec = manifest.verbs.find((own) => own.name === `kv ${name}`)
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
      yield new Uint8Array(0)
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
  const run = async (): Promise<Outcome> => {
    try {
      return { code: await (await spec.load()).run(args, context), ...texts }
    } catch (error) {
      if (!isPithError(error)) throw error
      return { ...texts, error: `${error.code}: ${error.message}` }
    }
  }
  return { said: said.promise, done: run(), stop: (reason) => stop.abort(reason) }
}
