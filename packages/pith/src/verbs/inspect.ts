import { type Arguments, type CommandContext, formatBytes, formatRatio, formatShare } from '@pith/core'
import { plural } from '../command/plural.ts'
import { runOf } from '../command/run-options.ts'
import { visible } from '../command/show-error.ts'
import { table } from '../command/table.ts'
import { entriesOf, inFile, openFile, shownName } from '../input/open-file.ts'
import { outputSink } from '../input/output-sink.ts'
import { type EntryParts, type FileParts, partsOf } from '../inspect/model.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const path = args.operands[0]!
  const job = runOf(args, context)
  const file = await openFile(path, context, job.limits)
  try {
    const entries = await entriesOf(file, args.value('entry'))
    const parts = await partsOf(shownName(path), file.container, entries, job)
    const html = args.value('html')
    if (html !== undefined) {
      const { inspectPage } = await import('../inspect/page.ts')
      const page = new TextEncoder().encode(inspectPage(parts))
      const sink = await outputSink(html, context, { force: args.has('force') })
      await sink.write(page)
      await sink.close()
      if (html === '-') return 0
    }
    if (context.json) await context.report(parts)
    else if (html === undefined) await context.stdout.write(textOf(parts))
    return 0
  } catch (error) {
    throw inFile(path, error)
  } finally {
    await file.close()
  }
}

function textOf(parts: FileParts): string {
  const { file, bytes, rawBytes, commit, uncommittedBytes, entries, overheadBytes } = parts
  const ratio = bytes === 0 || rawBytes === 0 ? '-' : formatRatio(rawBytes / bytes)
  const behind = uncommittedBytes === 0 ? '' : `, ${plural(uncommittedBytes, 'byte')} behind it`
  return [
    `${visible(file)}: ${formatBytes(rawBytes)} in ${formatBytes(bytes)}, ${ratio}, ${parts.form}, commit ${commit}${behind}\n`,
    ...entries.filter((entry) => entry.kind === 'file').map((entry) => entryText(entry, bytes)),
    `frames, profiles and index: ${formatBytes(overheadBytes)}, ${formatShare(overheadBytes / bytes)}\n`,
  ].join('')
}

function entryText(entry: EntryParts, fileBytes: number): string {
  const name = entry.path === undefined ? '' : `${visible(entry.path)}: `
  const rows = [
    ...entry.sections.map(
      (part) => [part.name, plural(part.blocks, 'block'), part.storedBytes, part.rawBytes] as const,
    ),
    ...entry.streams.map((part) => [`  ${part.name}`, '', part.storedBytes, part.rawBytes] as const),
  ]
  const cells = rows.map(([what, blocks, stored, raw]) => [
    `  ${visible(what)}`,
    blocks,
    formatBytes(stored),
    formatShare(stored / fileBytes),
    raw === undefined || raw === 0 ? '' : `of ${formatBytes(raw)}`,
  ])
  return `${name}${visible(entry.codec)} ${entry.codecVersion}, ${formatBytes(entry.rawBytes)} in ${formatBytes(entry.storedBytes)}\n${table(cells, 'lrrrl')}`
}
