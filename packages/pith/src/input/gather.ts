import { isUtf8 } from 'node:buffer'
import type { Dirent } from 'node:fs'
import { lstat, readdir, readlink, stat } from 'node:fs/promises'
import { basename, join, normalize, resolve, sep } from 'node:path'
import { PithError } from '@pith/core'
import { withPath } from '@pith/core/node'

/** A file, empty or not, a folder or a link that goes into an archive. */
export interface Gathered {
  readonly kind: 'file' | 'folder' | 'link'
  /** Where it is. */
  readonly place: string
  /** Its path in the archive. */
  readonly path: string
  /** Permission bits. */
  readonly mode: number
  /** Milliseconds since 1970. */
  readonly mtime: number
  /** Bytes of a file, 0 for others. */
  readonly size: number
  /** Where a link points to. */
  readonly link?: string
}

/**
 * List what the paths name and everything in folders, in an order that does not depend on the file system. Links in folders
 * stay links; a link named itself is followed.
 *
 * @param skip  told of sockets, pipes and devices, which stay out
 * @throws PithError `PITH_IO` · `PITH_ARG` two paths with the same place in the archive · `PITH_UNSUPPORTED` a name that is not
 * UTF-8
 */
export async function gather(paths: readonly string[], skip: (line: string) => Promise<void>): Promise<Gathered[]> {
  const found: Gathered[] = []
  for (const path of paths) {
    const info = await withPath(path, () => stat(path))
    const name = archiveName(path)
    if (info.isDirectory()) {
      const root = { place: path, path: name, mode: info.mode & 0o7777, mtime: Math.round(info.mtimeMs), size: 0 }
      if (name !== '') found.push({ kind: 'folder', ...root })
      await walk(path, name, found, skip)
    } else if (info.isFile()) {
      found.push({
        kind: 'file',
        place: path,
        path: name,
        mode: info.mode & 0o7777,
        mtime: Math.round(info.mtimeMs),
        size: info.size,
      })
    } else {
      await skip(`${path} is neither file nor folder and stays out`)
    }
  }
  const seen = new Map<string, string>()
  for (const { path, place } of found) {
    const other = seen.get(path)
    if (other !== undefined) {
      throw new PithError('PITH_ARG', `${other} and ${place} would both be ${path} in the archive`, {
        hint: 'Compress them apart, or from a folder above both.',
      })
    }
    seen.set(path, place)
  }
  return found
}

async function walk(
  place: string,
  path: string,
  found: Gathered[],
  skip: (line: string) => Promise<void>,
): Promise<void> {
  for (const entry of await list(place)) {
    const below = join(place, entry.name)
    const item = await describe(entry, below, path === '' ? entry.name : `${path}/${entry.name}`)
    if (item === undefined) {
      await skip(`${below} is neither file nor folder and stays out`)
      continue
    }
    found.push(item)
    if (item.kind === 'folder') await walk(below, item.path, found, skip)
  }
}

/** What a folder holds, in the order of its names as bytes. @throws PithError `PITH_UNSUPPORTED` a name that is not UTF-8 */
async function list(place: string): Promise<Dirent[]> {
  const entries = await withPath(place, () => readdir(place, { withFileTypes: true }))
  entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
  // Bytes that are not UTF-8 came as this letter: such a name finds no file, or another one.
  if (entries.some(({ name }) => name.includes('\ufffd'))) {
    for (const name of await readdir(place, { encoding: 'buffer' })) {
      if (isUtf8(name)) continue
      throw new PithError('PITH_UNSUPPORTED', `${place} holds a name that is not UTF-8: ${name.toString()}`, {
        hint: 'Rename it: paths in an archive are UTF-8.',
      })
    }
  }
  return entries
}

async function describe(entry: Dirent, place: string, path: string): Promise<Gathered | undefined> {
  const info = await withPath(place, () => lstat(place))
  const common = { place, path, mode: info.mode & 0o7777, mtime: Math.round(info.mtimeMs) }
  if (entry.isSymbolicLink()) {
    const link = await withPath(place, () => readlink(place))
    return { kind: 'link', ...common, size: 0, link: sep === '/' ? link : link.replaceAll(sep, '/') }
  }
  if (entry.isDirectory()) return { kind: 'folder', ...common, size: 0 }
  if (entry.isFile()) return { kind: 'file', ...common, size: info.size }
  return undefined
}

/** The path as given where it stays below the current folder, else its last part; empty for the current folder itself. */
function archiveName(path: string): string {
  const clean = normalize(path).replaceAll(sep, '/').replace(/\/+$/, '')
  if (clean === '.' || clean === '') return ''
  if (clean.startsWith('/') || clean.split('/').includes('..') || /^[A-Za-z]:/.test(clean)) {
    return basename(resolve(path))
  }
  return clean
}
