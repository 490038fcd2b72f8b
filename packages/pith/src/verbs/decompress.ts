import { type Arguments, type CommandContext, PithError, type ReadRun } from '@pith/core'
import { runOf } from '../command/run-options.ts'
import { Damages, withWayOut } from '../input/damages.ts'
import { extractArchive, extractFile } from '../input/extract.ts'
import { entriesOf, filesAmong, heldName, inFile, openFile, shownName } from '../input/open-file.ts'

/** Exit code where parts are missing in what was written. */
const MISSING = 2

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const path = args.operands[0]!
  const started = performance.now()
  const strict = runOf(args, context)
  const file = await openFile(path, context, strict.limits)
  const damages = new Damages(context)
  const keepsGoing = args.has('keep-going')
  const run: ReadRun & typeof strict = keepsGoing ? damages.in(strict, file) : strict
  const job = { run, force: args.has('force') }
  try {
    const { damage, form } = file.container
    // An earlier commit is less than what was written.
    if (damage !== undefined && form === 'chunks' && !keepsGoing) throw damage
    const name = args.value('entry')
    const entries = await entriesOf(file, name)
    const files = filesAmong(entries)
    const single = entries.length === 1 && files.length === 1 ? files[0] : undefined
    const output = args.value('output')
    const archived = entries.some((entry) => entry.path !== undefined)
    if (output === '-' && files.length !== 1) {
      throw new PithError('PITH_ARG', `${shownName(path)} holds ${files.length} files, and stdout takes one`, {
        hint: 'Name one with --entry, or a folder with -o.',
      })
    }
    const target = output ?? (archived ? undefined : (heldName(path) ?? (path === '-' ? '-' : undefined)))
    if (target === undefined && !archived) {
      throw new PithError('PITH_ARG', `${path} does not end in .pith, so the output has no name`, {
        hint: 'Add -o OUT.',
      })
    }
    const toFile = output === '-' || !archived || (name !== undefined && output !== undefined)
    const written = toFile
      ? await extractFile(single ?? files[0]!, target!, file, job, context)
      : await extractArchive(entries, output, file, job, context)
    const ms = Math.round(performance.now() - started)
    await damages.tell()
    const state = damages.any ? { ok: false, damaged: damages.list } : {}
    if (context.json && output !== '-') await context.report({ ...state, ...written, ms })
    return damages.any ? MISSING : 0
  } catch (error) {
    await damages.tell()
    throw inFile(path, keepsGoing ? error : withWayOut(path, error))
  } finally {
    await file.close()
  }
}
