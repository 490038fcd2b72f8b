import {
  type Arguments,
  type CommandContext,
  formatBytes,
  formatRatio,
  formatShare,
  type Run,
  textTable,
} from '@pith/core'
import type { ContainerEntry } from '@pith/core/container'
import { plural } from '../command/plural.ts'
import { runOf } from '../command/run-options.ts'
import { visible } from '../command/show-error.ts'
import { showTime } from '../command/show-time.ts'
import { entriesOf, inFile, openFile, shownName } from '../input/open-file.ts'
import { outputSink } from '../input/output-sink.ts'
import type { LogAnatomy } from '../inspect/anatomy.ts'
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
      const page = new TextEncoder().encode(await pageOf(parts, entries, job))
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

/** Logs of a file that are drawn one by one. */
const MOST_LOGS = 20

async function pageOf(parts: FileParts, entries: readonly ContainerEntry[], job: Run): Promise<string> {
  const [{ inspectPage }, { anatomyOf }] = await Promise.all([
    import('../inspect/page.ts'),
    import('../inspect/anatomy.ts'),
  ])
  const logs = new Map<EntryParts, LogAnatomy>()
  const largest = parts.entries
    .map((entry, i) => [entry, entries[i]!] as const)
    .filter(([entry]) => entry.log !== undefined)
    .sort(([a], [b]) => b.storedBytes - a.storedBytes)
  for (const [entry, reader] of largest.slice(0, MOST_LOGS)) {
    const anatomy = await anatomyOf(reader, job)
    if (anatomy !== undefined) logs.set(entry, anatomy)
  }
  return inspectPage(parts, logs)
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
  const sizes = `${formatBytes(entry.rawBytes)} in ${formatBytes(entry.storedBytes)}`
  const cells = entry.sections.map(({ name: section, blocks, storedBytes, rawBytes }) => [
    `  ${visible(section)}`,
    plural(blocks, 'block'),
    formatBytes(storedBytes),
    formatShare(storedBytes / fileBytes),
    rawBytes === 0 ? '' : `of ${formatBytes(rawBytes)}`,
  ])
  return `${name}${visible(entry.codec)} ${entry.codecVersion}, ${sizes}${logText(entry)}\n${textTable(cells, 'lrrrl')}`
}

function logText({ log }: EntryParts): string {
  if (log === undefined) return ''
  const { lines, templates, times } = log
  const span =
    times === undefined ? '' : `, ${showTime(times.first, times.dated)} to ${showTime(times.last, times.dated)}`
  return `, ${plural(lines, 'line')}, ${plural(templates, 'template')}${span}`
}
