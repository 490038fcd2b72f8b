import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { type Arguments, type CommandContext, isPithError, PithError, parseBudget, type Run } from '@pith/core'
import { withPath } from '@pith/core/node'
import { checkTerminal, levelOf, runOf } from '../command/run-options.ts'
import { parseChunk } from '../command/sizes.ts'
import type { EncodeChoices } from '../input/encode-entry.ts'
import { showWritten } from '../input/show-written.ts'
import { type Written, writeArchive, writeSingle } from '../input/write-container.ts'

/** Everything the options of compress say. */
export interface CompressPlan {
  readonly paths: readonly string[]
  readonly output: string | undefined
  readonly choices: EncodeChoices
  readonly run: Run & { signal: AbortSignal }
  readonly force: boolean
  readonly unwrap: boolean
}

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const plan = planOf(args, context)
  const archive = plan.paths.length > 1 || (await isFolder(plan.paths[0]!))
  if (args.has('dry-run')) {
    const { estimate } = await import('../input/estimate.ts')
    return await estimate(plan, context)
  }
  if (args.has('append') || args.has('flush')) {
    const { append } = await import('../input/append.ts')
    return await append(plan, { archive, append: args.has('append'), flush: args.value('flush') }, context)
  }
  const output = plan.output ?? (archive ? archiveName(plan.paths) : undefined)
  if (output === '-' || (output === undefined && plan.paths[0] === '-')) checkTerminal(context, plan.force)
  const written: Written = archive
    ? await writeArchive({ ...plan, output: output! }, context)
    : await writeSingle({ ...plan, output }, context)
  await showWritten(written, context)
  return 0
}

function planOf(args: Arguments, context: CommandContext): CompressPlan {
  const paths = args.operands
  if (paths.includes('-') && paths.length > 1) {
    throw new PithError('PITH_ARG', 'stdin cannot stand among other inputs', { hint: 'Give - alone.' })
  }
  const budget = args.value('budget')
  if (budget !== undefined) refuseBudget(budget)
  const level = levelOf(args)
  const chunk = args.value('chunk')
  const method = args.value('method')
  return {
    paths,
    output: args.value('output'),
    choices: {
      ...(method === undefined ? {} : { method }),
      ...(level === undefined ? {} : { level }),
      ...(chunk === undefined ? {} : { chunkBytes: parseChunk(chunk) }),
    },
    run: runOf(args, context),
    force: args.has('force'),
    unwrap: !args.has('no-unwrap'),
  }
}

/** Every codec so far gives all bytes back, so there is nothing to spend. */
function refuseBudget(text: string): never {
  try {
    parseBudget(text)
  } catch (error) {
    if (!isPithError(error)) throw error
    throw new PithError('PITH_ARG', error.message, error.hint === undefined ? {} : { hint: error.hint })
  }
  throw new PithError('PITH_UNSUPPORTED', '--budget is for lossy codecs, and the ones for this input lose nothing', {
    hint: 'Leave --budget out; --level max makes it smaller.',
  })
}

async function isFolder(path: string): Promise<boolean> {
  if (path === '-') return false
  return (await withPath(path, () => stat(path))).isDirectory()
}

/** Where the archive of one folder goes: beside it. */
function archiveName(paths: readonly string[]): string {
  const [path] = paths
  const named = /[^./\\]/.test(basename(path!)) ? path!.replace(/[/\\]+$/, '') : resolve(path!)
  if (paths.length === 1 && basename(named) !== '') return `${named}.pith`
  throw new PithError('PITH_ARG', 'several inputs need a name for their archive', { hint: 'Add -o NAME.pith.' })
}
