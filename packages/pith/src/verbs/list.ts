import { basename } from 'node:path'
import { type Arguments, type CommandContext, formatBytes, formatCount, formatRatio, textTable } from '@pith/core'
import type { ContainerEntry } from '@pith/core/container'
import { visible } from '../command/show-error.ts'
import { heldName, openFile, shownName } from '../input/open-file.ts'

/** Rows of the table that are laid out together. */
const BATCH = 1000

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const path = args.operands[0]!
  const file = await openFile(path, context)
  try {
    const { container } = file
    if (context.json) {
      const entries = []
      for await (const entry of container.entries()) entries.push(entryObject(entry))
      const { rawBytes, commit } = container.totals
      await context.report({ file: shownName(path), bytes: container.totals.bytes, rawBytes, commit, entries })
      return 0
    }
    const head = ['SIZE', 'STORED', 'RATIO', 'CODEC', 'NAME']
    let rows: string[][] = [head]
    for await (const entry of container.entries()) {
      rows.push(rowOf(entry, path))
      if (rows.length < BATCH) continue
      await context.stdout.write(textTable(rows, 'rrrll'))
      rows = []
    }
    if (rows.length > 0) await context.stdout.write(textTable(rows, 'rrrll'))
    const { entries, rawBytes, bytes } = container.totals
    if (entries > 1) {
      const ratio = formatRatio(bytes === 0 ? 1 : rawBytes / bytes)
      await context.stdout.write(
        `${formatCount(entries)} entries, ${formatBytes(rawBytes)} in ${formatBytes(bytes)}, ${ratio}\n`,
      )
    }
    return 0
  } finally {
    await file.close()
  }
}

function rowOf(entry: ContainerEntry, path: string): string[] {
  const name = visible(entry.path ?? basename(heldName(path) ?? shownName(path)))
  if (entry.kind === 'folder') return ['', '', '', 'folder', `${name}/`]
  if (entry.kind === 'link') return ['', '', '', 'link', `${name} -> ${visible(entry.link ?? '')}`]
  const ratio = entry.storedBytes === 0 ? '-' : formatRatio(entry.rawBytes / entry.storedBytes)
  return [formatBytes(entry.rawBytes), formatBytes(entry.storedBytes), ratio, visible(entry.codec), name]
}

function entryObject(entry: ContainerEntry): object {
  const { path, kind, codec, codecVersion, rawBytes, storedBytes, mode, mtime, link } = entry
  return {
    ...(path === undefined ? {} : { path }),
    kind,
    ...(kind === 'file' ? { codec, codecVersion, rawBytes, storedBytes } : {}),
    ...(mode === undefined ? {} : { mode }),
    ...(mtime === undefined ? {} : { mtime: new Date(mtime).toISOString() }),
    ...(link === undefined ? {} : { link }),
  }
}
