import { type Arguments, type CommandContext, PithError } from '@pith/core'
import { plural } from '../command/plural.ts'
import { runOf } from '../command/run-options.ts'
import { extractArchive, extractFile } from '../input/extract.ts'
import { entriesOf, filesAmong, heldName, inFile, openFile, shownName } from '../input/open-file.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const path = args.operands[0]!
  const started = performance.now()
  const job = { run: runOf(args, context), force: args.has('force') }
  const file = await openFile(path, context, job.run.limits)
  try {
    const { damage, uncommittedBytes } = file.container
    if (damage === undefined && uncommittedBytes > 0) {
      const behind = `${plural(uncommittedBytes, 'byte')} behind its last commit left out`
      await context.note(`${shownName(path)} is being written or was cut: ${behind} (pith verify tells more)`)
    }
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
    if (context.json && output !== '-') await context.report({ ...written, ms })
    return 0
  } catch (error) {
    throw inFile(path, error)
  } finally {
    await file.close()
  }
}
