import type { VerbSpec } from '@pith/core'
import { manifest } from '../manifest/index.ts'
import { type Host, HostContext } from './context.ts'
import { findVerb } from './find-verb.ts'
import { ClosedOutput } from './output.ts'
import { checkOperands, parseArguments } from './parse-arguments.ts'
import { asPithError, errorLines, errorObject } from './show-error.ts'
import { tuneForOthers } from './tune-engine.ts'

const FAILED = 1
const BAD_USAGE = 2
const INTERRUPTED = 130
const TERMINATED = 143
/** A code above this means a signal. */
const SIGNALLED = 128
/** Verbs whose standard output is a file. */
const WRITES_FILES: ReadonlySet<string> = new Set(['compress', 'decompress', 'repair', 'repack'])

/** What Ctrl-C and SIGTERM abort with. */
class Interrupted extends Error {
  override readonly name = 'Interrupted'
  readonly exitCode: number

  constructor(exitCode: number) {
    super('interrupted')
    this.exitCode = exitCode
  }
}

/**
 * Run the command in this process, where the first Ctrl-C lets it clean up and the second ends it.
 *
 * @param words  the command line behind `pith`
 * @returns the exit code: 0 done, 1 failed, 2 bad usage, 130 interrupted, or what the verb says
 */
export async function main(words: readonly string[], version: string): Promise<number> {
  const { processHost } = await import('./process-host.ts')
  const controller = new AbortController()
  const interrupt = (exitCode: number) => () => {
    process.removeAllListeners('SIGINT').removeAllListeners('SIGTERM')
    controller.abort(new Interrupted(exitCode))
  }
  process.once('SIGINT', interrupt(INTERRUPTED)).once('SIGTERM', interrupt(TERMINATED))
  const code = await runCommand(words, version, processHost(), controller.signal)
  if (controller.signal.aborted) await endWithSignal(code)
  return code
}

/** A worker within a native call would hold up the end of the process: the signal ends it as if nobody had caught it. */
async function endWithSignal(code: number): Promise<void> {
  const { workersEnding } = await import('@pith/core/workers')
  if (workersEnding() > 0 && code > SIGNALLED) process.kill(process.pid, code - SIGNALLED)
}

/** Run the command in any host. @returns the exit code, as {@link main} */
export async function runCommand(
  words: readonly string[],
  version: string,
  host: Host,
  signal: AbortSignal = new AbortController().signal,
): Promise<number> {
  const context = new HostContext(host, signal)
  try {
    const code = await dispatch(words, version, context)
    await context.clearProgress()
    await context.stdout.flush()
    return code
  } catch (error) {
    return await fail(error, words, context)
  }
}

async function dispatch(words: readonly string[], version: string, context: HostContext): Promise<number> {
  const [first] = words
  if (first === undefined || first === '--help' || first === '-h') {
    const { overview } = await import('./help-text.ts')
    const to = first === undefined ? context.stderr : context.stdout
    await to.write(await overview(to.columns))
    await to.flush()
    return first === undefined ? BAD_USAGE : 0
  }
  if (first === '--version' || first === '-V') {
    await context.stdout.write(`pith ${version}\n`)
    return 0
  }
  const { verb, words: taken } = await findVerb(words)
  const args = parseArguments(verb, words.slice(taken))
  if (args.has('help')) {
    const { verbHelp } = await import('./help-text.ts')
    await context.stdout.write(verbHelp(verb, context.stdout.columns))
    return 0
  }
  context.apply(args)
  checkOperands(verb, args.operands)
  // What other rooms do may take minutes of their own code.
  if (!manifest.verbs.includes(verb)) tuneForOthers()
  const module = await verb.load()
  return await module.run(args, context)
}

async function fail(error: unknown, words: readonly string[], context: HostContext): Promise<number> {
  await context.clearProgress()
  if (context.signal.aborted) {
    const reason: unknown = context.signal.reason
    return reason instanceof Interrupted ? reason.exitCode : INTERRUPTED
  }
  // Whoever read lines has seen enough; of a file, a part is none.
  if (error instanceof ClosedOutput) return WRITES_FILES.has(words[0] ?? '') ? FAILED : 0
  const known = asPithError(error)
  try {
    await context.stdout.flush()
    const options = words.slice(0, words.includes('--') ? words.indexOf('--') : words.length)
    if (options.includes('--json')) {
      await context.stdout.write(`${JSON.stringify({ ok: false, error: errorObject(known) })}\n`)
      await context.stdout.flush()
    }
    await context.stderr.write(errorLines(known))
    if (options.includes('--debug')) await context.stderr.write(`${stackOf(error)}\n`)
    await context.stderr.flush()
  } catch (closed) {
    if (!(closed instanceof ClosedOutput)) throw closed
  }
  const verb: VerbSpec['name'] | undefined = words[0]
  return known.code === 'PITH_ARG' || verb === 'grep' ? BAD_USAGE : FAILED
}

function stackOf(error: unknown): string {
  const parts: string[] = []
  for (let at: unknown = error; at instanceof Error && parts.length < 8; at = at.cause)
    parts.push(at.stack ?? String(at))
  return parts.join('\ncaused by: ')
}
