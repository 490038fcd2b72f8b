import type { Progress } from './run.ts'
import type { SystemCard } from './system.ts'

/** One option of a verb. Parsing, help, man page and completions are all made from it. */
export interface OptionSpec {
  /** Long name without dashes. */
  readonly name: string
  /** One letter. */
  readonly short?: string
  /** Placeholder of the value, such as `SIZE`; an option without it is a flag. */
  readonly value?: string
  /** The values there are, where they can be listed. */
  readonly choices?: readonly string[]
  /** Whether it may be given several times. */
  readonly many?: boolean
  /** Whether a bare number, as in `-5`, sets it. */
  readonly digits?: boolean
  /** What the value names, for completion. */
  readonly completes?: 'file' | 'folder'
  /** One line for help; no full stop. */
  readonly summary: string
}

/** One operand of a verb, in order; the last may stand for many. */
export interface OperandSpec {
  readonly name: string
  readonly summary: string
  /** How many there must be and may be; default exactly one. */
  readonly min?: number
  readonly max?: number
  readonly choices?: readonly string[]
  readonly completes?: 'file' | 'folder' | 'verb'
}

/** A command line that works as written, and what it does. */
export interface Example {
  readonly line: string
  readonly what: string
}

/** One verb of the `pith` command. */
export interface VerbSpec {
  /** The words behind `pith`, such as `grep` or `model compress`. */
  readonly name: string
  /** One line, imperative, no full stop. */
  readonly summary: string
  /** Paragraphs of help. */
  readonly details?: readonly string[]
  readonly operands: readonly OperandSpec[]
  readonly options: readonly OptionSpec[]
  readonly examples: readonly Example[]
  /** Exit codes, where they are not 0 done, 1 failed, 2 bad usage. */
  readonly exits?: readonly (readonly [code: number, meaning: string])[]
  /** Whether what it prints is data or text that is no report, so that it has no `--json`. */
  readonly plain?: boolean
  /** Heading it stands under in the list of verbs. */
  readonly group?: string
  /** Import the code that does it; called only when the verb is run. */
  load(): Promise<VerbModule>
}

/** What the module of a verb exports. */
export interface VerbModule {
  /** Do it. @returns the exit code @throws PithError with `PITH_ARG` for bad usage (exit code 2), others fail with 1 */
  run(args: Arguments, context: CommandContext): Promise<number>
}

/** The verbs that one room adds to the command; a package exports it as `manifest` from its sub-path `./manifest`. */
export interface Manifest {
  /** Name of the package. */
  readonly room: string
  readonly summary: string
  readonly verbs: readonly VerbSpec[]
  /** The systems of the room, for `pith systems`; imported when asked for. */
  cards?(): Promise<readonly SystemCard[]>
  /** What `pith doctor` asks of the room. */
  checks?(): Promise<readonly RoomCheck[]>
}

/** One line of `pith doctor`. */
export interface RoomCheck {
  readonly name: string
  readonly ok: boolean
  /** What is there, and what to do where it is not well. */
  readonly says: string
}

/** A parsed command line. */
export interface Arguments {
  readonly operands: readonly string[]
  /** Whether a flag was given, or an option got a value. */
  has(name: string): boolean
  /** The last value of an option. */
  value(name: string): string | undefined
  /** All values of an option in the order given. */
  values(name: string): readonly string[]
}

/** Where a verb writes text or bytes for the user. */
export interface Output {
  /** Whether it is a terminal. */
  readonly isTerminal: boolean
  /** Columns of the terminal; 80 where it is none. */
  readonly columns: number
  /** Hand over text or bytes; small writes are gathered. The bytes must not change before the promise resolves. */
  write(data: string | Uint8Array): Promise<void>
  /** Pass everything on. */
  flush(): Promise<void>
}

/** What a verb gets from the command besides its arguments. */
export interface CommandContext {
  readonly stdout: Output
  readonly stderr: Output
  /** The bytes of standard input. */
  stdin(): AsyncIterable<Uint8Array>
  readonly stdinIsTerminal: boolean
  /** Fires on Ctrl-C and on SIGTERM. */
  readonly signal: AbortSignal
  /** Whether one machine-readable report is wanted on stdout, and nothing else there. */
  readonly json: boolean
  readonly quiet: boolean
  /** Whether stdout takes colours: a terminal, and NO_COLOR is not set. */
  readonly colour: boolean
  /** The present moment, for times that are given relative to it. */
  now(): Date
  /** Draws progress on stderr where that is a terminal. */
  onProgress(progress: Progress): void
  /** Say one line on stderr, unless `quiet`. */
  note(line: string): Promise<void>
  /** Print the one report of `--json`; `ok: true` is added. */
  report(report: object): Promise<void>
}
