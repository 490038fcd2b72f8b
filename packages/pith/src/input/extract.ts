import { chmod, lstat, mkdir, stat, symlink, unlink, utimes } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type CommandContext, PithError, pump, type ReadRun } from '@pith/core'
import { type ContainerEntry, checkLink, checkPath } from '@pith/core/container'
import { withPath } from '@pith/core/node'
import { type OpenedFile, spentBytes } from './open-file.ts'
import { outputSink } from './output-sink.ts'

export interface ExtractJob {
  readonly run: ReadRun & { signal: AbortSignal }
  /** Replace what stands at the outputs. */
  readonly force: boolean
}

export interface Extracted {
  readonly output: string
  readonly files: number
  readonly bytes: number
}

/** Decode one entry to a file, or to stdout where `output` is `-`. */
export async function extractFile(
  entry: ContainerEntry,
  output: string,
  file: OpenedFile,
  job: ExtractJob,
  context: CommandContext,
): Promise<Extracted> {
  const info = file.path === '-' ? undefined : await stat(file.path)
  const mode = entry.mode ?? info?.mode
  const sink = await outputSink(output, context, {
    force: job.force,
    mode: mode === undefined ? undefined : mode & 0o777,
  })
  const bytes = await pump(spentBytes(entry, job.run), sink, { signal: job.run.signal })
  const mtime = entry.mtime === undefined ? info?.mtime : new Date(entry.mtime)
  if (output !== '-' && mtime !== undefined) await utimes(output, mtime, mtime).catch(() => undefined)
  return { output, files: 1, bytes }
}

/**
 * Decode an archive into a folder, by default that of the file. Nothing is written through links, neither those of the
 * archive nor those that stand there.
 *
 * @throws PithError `PITH_IO` something stands at one of the outputs, and `force` is not set; then nothing is written
 */
export async function extractArchive(
  entries: readonly ContainerEntry[],
  output: string | undefined,
  file: OpenedFile,
  job: ExtractJob,
  context: CommandContext,
): Promise<Extracted> {
  const root = output ?? (file.path === '-' ? '.' : dirname(file.path))
  for (const entry of entries) checkPath(entry.path ?? '')
  if (!job.force) await refuseExisting(entries, root)
  await withPath(root, () => mkdir(root, { recursive: true }))
  const made = new Set<string>()
  const total = entries.reduce((sum, entry) => sum + entry.rawBytes, 0)
  let bytes = 0
  let files = 0
  for (const entry of entries) {
    job.run.signal.throwIfAborted()
    const path = entry.path!
    if (entry.kind === 'folder') await makeFolders(root, path, made)
    if (entry.kind !== 'file') continue
    await makeFolders(root, dirname(path), made)
    const before = bytes
    const run: ExtractJob['run'] = {
      ...job.run,
      onProgress: (progress) => context.onProgress({ ...progress, done: before + progress.done, total }),
    }
    bytes += (await extractFile(entry, join(root, path), file, { ...job, run }, context)).bytes
    files++
  }
  // Links come last: what stands below a link was refused by then.
  for (const entry of entries) if (entry.kind === 'link') await makeLink(root, entry, job.force, made)
  for (const entry of [...entries].reverse())
    if (entry.kind === 'folder') await finishFolder(join(root, entry.path!), entry)
  return { output: root, files, bytes }
}

async function refuseExisting(entries: readonly ContainerEntry[], root: string): Promise<void> {
  for (const entry of entries) {
    if (entry.kind === 'folder') continue
    const place = join(root, entry.path!)
    const old = await lstat(place).catch(() => undefined)
    if (old === undefined) continue
    throw new PithError('PITH_IO', `${place} exists`, {
      hint: 'Add --force to replace what exists, or name another folder with -o.',
    })
  }
}

/** Make the folders of a path below the root; each must be a folder, not a link to one. */
async function makeFolders(root: string, path: string, made: Set<string>): Promise<void> {
  if (path === '.' || path === '' || made.has(path)) return
  await makeFolders(root, dirname(path), made)
  const place = join(root, path)
  const old = await lstat(place).catch(() => undefined)
  if (old === undefined) {
    await withPath(place, () => mkdir(place))
  } else if (!old.isDirectory()) {
    throw new PithError('PITH_IO', `${place} is no folder, but entries lie below it`, {
      hint: 'Move it away, or name another folder with -o.',
    })
  }
  made.add(path)
}

async function makeLink(root: string, entry: ContainerEntry, force: boolean, made: Set<string>): Promise<void> {
  const path = entry.path!
  const place = join(root, path)
  checkLink(path, entry.link ?? '')
  await makeFolders(root, dirname(path), made)
  if (force && (await lstat(place).catch(() => undefined))?.isDirectory() === false) {
    await withPath(place, () => unlink(place))
  }
  await withPath(basename(place), () => symlink(entry.link ?? '', place))
}

async function finishFolder(place: string, entry: ContainerEntry): Promise<void> {
  if (entry.mode !== undefined) await chmod(place, entry.mode & 0o777).catch(() => undefined)
  if (entry.mtime === undefined) return
  const time = new Date(entry.mtime)
  await utimes(place, time, time).catch(() => undefined)
}
