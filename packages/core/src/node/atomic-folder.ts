import { join } from 'node:path'
import { throwIfAborted } from '../cancel.ts'
import { crc32c } from '../crc32c.ts'
import { PithError } from '../errors.ts'
import type { Sink } from '../io.ts'
import { readAll } from '../source.ts'
import { writeAtomic } from './atomic-file.ts'
import { type FileSource, fileSource } from './file-source.ts'
import { type FileSystem, nodeFiles, withPath, writeFully } from './file-system.ts'
import { acquireLock } from './lock.ts'

/** Name of the file whose replacement makes a change of the folder visible. */
const MANIFEST = 'manifest.json'
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/
const FORMAT = 'pith-folder'

/** One file of a folder that is changed as a whole. */
export interface FolderFile {
  readonly name: string
  readonly bytes: number
  /** CRC-32C of its bytes. */
  readonly crc32c: number
  /** Number of the change that wrote it; it lies in the sub-folder of that number. */
  readonly generation: number
}

/** The files of a folder as one change left them. */
export interface FolderSnapshot {
  /** Number of the change, from 1. */
  readonly generation: number
  readonly files: readonly FolderFile[]
  /** @throws PithError `PITH_ARG` no such name · `PITH_TRUNCATED` shorter or longer than it was · `PITH_IO` */
  open(name: string): Promise<FileSource>
  /** Read all files against their CRCs. @throws PithError `PITH_CHECKSUM` with the entry's name */
  verify(): Promise<void>
}

/** A change of a folder; nothing of it is visible before `commit` resolves. */
export interface FolderChange {
  /** What stood there before, undefined for a new folder. */
  readonly before: FolderSnapshot | undefined
  /** Write a file, which replaces an older one of its name. Close it before `commit`. */
  create(name: string): Promise<Sink>
  /** Leave a file of before out. */
  remove(name: string): void
  commit(): Promise<void>
  abort(): Promise<void>
}

/** How a folder is changed as a whole. */
export interface FolderOptions {
  /** `create`: the folder must be new or empty (default); `replace`: only what is written now stays; `update`: other files stay. */
  mode?: 'create' | 'replace' | 'update'
  files?: FileSystem
  signal?: AbortSignal
}

/**
 * Open the files that the last committed change of a folder left.
 *
 * @throws PithError `PITH_IO` there is no such folder · `PITH_CORRUPT` its manifest is damaged
 */
export async function openFolder(path: string, options: { files?: FileSystem } = {}): Promise<FolderSnapshot> {
  const { files = nodeFiles } = options
  const snapshot = await readManifest(path, files)
  if (snapshot === undefined) {
    throw new PithError('PITH_IO', `${path} holds no ${MANIFEST}`, { hint: 'Check the path.' })
  }
  return snapshot
}

/**
 * Change a folder (an index, a checkpoint) as a whole: files go to a new sub-folder, then one rename of the manifest makes
 * all of them visible. A failure, an abort or a kill leaves what stood there before; remains are cleared by the next change.
 * Readers of the snapshot before must reopen after a commit.
 *
 * @throws PithError `PITH_IO` the folder is not empty, or no folder of this kind · `PITH_LOCKED` another change is going on
 */
export async function atomicFolder(path: string, options: FolderOptions = {}): Promise<FolderChange> {
  const { files = nodeFiles, mode = 'create', signal } = options
  throwIfAborted(signal)
  const made = (await withPath(path, () => files.stat(path))) === undefined
  if (made) await withPath(path, () => files.makeFolder(path))
  const manifest = join(path, MANIFEST)
  const lock = await acquireLock(manifest, { files })
  try {
    const before = await readManifest(path, files)
    const present = await withPath(path, () => files.list(path))
    if (before === undefined && present.some((name) => !isOurs(name))) {
      throw new PithError('PITH_IO', `${path} holds other files`, { hint: 'Choose a new or empty folder.' })
    }
    if (before !== undefined && mode === 'create') {
      throw new PithError('PITH_IO', `${path} exists`, { hint: 'Add --force to replace it, or choose another name.' })
    }
    await clearRemains(path, files, before)
    return await startChange(path, files, mode, before, made, lock.release, signal)
  } catch (error) {
    await lock.release()
    if (made) await files.removeFolder(path).catch(() => {})
    throw error
  }
}

async function startChange(
  path: string,
  files: FileSystem,
  mode: 'create' | 'replace' | 'update',
  before: FolderSnapshot | undefined,
  made: boolean,
  release: () => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<FolderChange> {
  const generation = (before?.generation ?? 0) + 1
  const folder = join(path, String(generation))
  await withPath(folder, () => files.makeFolder(folder))
  const rows = new Map<string, FolderFile>()
  if (mode === 'update') for (const file of before?.files ?? []) rows.set(file.name, file)
  const openSinks = new Map<string, Sink>()
  let state: 'open' | 'done' = 'open'

  const need = (): void => {
    if (state !== 'open') throw new PithError('PITH_ARG', `the change of ${path} is over`)
    throwIfAborted(signal)
  }
  const abort = async (): Promise<void> => {
    if (state !== 'open') return
    state = 'done'
    try {
      for (const sink of [...openSinks.values()]) await sink.abort().catch(() => {})
      await clearRemains(path, files, before)
    } finally {
      await release()
      if (made) await files.removeFolder(path).catch(() => {})
    }
  }
  const commit = async (): Promise<void> => {
    need()
    if (openSinks.size > 0) throw new PithError('PITH_ARG', `${[...openSinks.keys()][0]} is not closed yet`)
    const list = [...rows.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    const text = `${JSON.stringify({ format: FORMAT, version: 1, generation, files: list }, undefined, 1)}\n`
    try {
      await withPath(path, () => files.syncFolder(folder))
      await writeAtomic(join(path, MANIFEST), new TextEncoder().encode(text), { force: true, files })
    } catch (error) {
      // After the rename the change stands although its durability is unknown: nothing of it may be removed.
      const after = await readManifest(path, files).catch(() => undefined)
      if (after?.generation === generation) state = 'done'
      else await abort().catch(() => {})
      await release().catch(() => {})
      throw error
    }
    state = 'done'
    await clearRemains(path, files, { generation, files: list }).catch(() => {})
    await release()
  }
  return {
    before,
    async create(name) {
      need()
      if (!NAME.test(name)) {
        throw new PithError('PITH_ARG', `a name of letters, digits and ._- is needed, got ${JSON.stringify(name)}`)
      }
      const place = join(folder, name)
      const handle = await withPath(place, () => files.open(place, 'create'))
      let crc = 0
      let bytes = 0
      const sink: Sink = {
        async write(chunk) {
          need()
          await withPath(place, () => writeFully(handle, chunk, bytes), bytes)
          crc = crc32c(chunk, crc)
          bytes += chunk.length
        },
        async close() {
          need()
          openSinks.delete(name)
          try {
            await withPath(place, () => handle.sync())
          } finally {
            await handle.close()
          }
          rows.set(name, { name, bytes, crc32c: crc, generation })
        },
        async abort() {
          if (!openSinks.delete(name)) return
          await handle.close()
          await files.unlink(place)
        },
      }
      openSinks.set(name, sink)
      return sink
    },
    remove(name) {
      need()
      rows.delete(name)
    },
    commit,
    abort,
  }
}

function isOurs(name: string): boolean {
  return /^[1-9][0-9]{0,15}$/.test(name) || name.startsWith(MANIFEST)
}

/** Remove sub-folders and temporary files that no file of the snapshot needs. The lock must be held. */
async function clearRemains(
  path: string,
  files: FileSystem,
  keep: Pick<FolderSnapshot, 'generation' | 'files'> | undefined,
): Promise<void> {
  for (const entry of await files.list(path)) {
    if (entry.startsWith(`${MANIFEST}.tmp-`)) await files.unlink(join(path, entry))
    if (!/^[1-9][0-9]{0,15}$/.test(entry)) continue
    const generation = Number(entry)
    const needed = new Set(keep?.files.filter((file) => file.generation === generation).map((file) => file.name))
    const folder = join(path, entry)
    for (const name of await files.list(folder)) if (!needed.has(name)) await files.unlink(join(folder, name))
    if (needed.size === 0) await files.removeFolder(folder)
  }
}

async function readManifest(path: string, files: FileSystem): Promise<FolderSnapshot | undefined> {
  const place = join(path, MANIFEST)
  if ((await withPath(path, () => files.stat(place))) === undefined) return undefined
  const source = await fileSource(place, { files })
  let content: unknown
  try {
    content = JSON.parse(new TextDecoder().decode(await readAll(source, { maxBytes: 2 ** 26 })))
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw damaged(place, cause)
  } finally {
    await source.close()
  }
  const { generation, rows } = checkManifest(place, content)
  const open = async (name: string): Promise<FileSource> => {
    const row = rows.find((file) => file.name === name)
    if (row === undefined) throw new PithError('PITH_ARG', `${path} holds no file ${JSON.stringify(name.slice(0, 80))}`)
    const file = await fileSource(join(path, String(row.generation), name), { files })
    if (file.size === row.bytes) return file
    await file.close()
    throw new PithError('PITH_TRUNCATED', `${name} has ${file.size} bytes, ${row.bytes} are expected`, {
      hint: 'Make the folder again, or restore it from a copy.',
      at: { entry: name },
    })
  }
  return {
    generation,
    files: rows,
    open,
    async verify() {
      for (const row of rows) {
        const file = await open(row.name)
        try {
          let crc = 0
          for await (const chunk of file.stream()) crc = crc32c(chunk, crc)
          if (crc !== row.crc32c) {
            throw new PithError('PITH_CHECKSUM', `${row.name} is damaged`, {
              hint: 'Make the folder again, or restore it from a copy.',
              at: { entry: row.name },
            })
          }
        } finally {
          await file.close()
        }
      }
    },
  }
}

function checkManifest(place: string, content: unknown): { generation: number; rows: FolderFile[] } {
  if (typeof content !== 'object' || content === null) throw damaged(place)
  const { format, version, generation, files } = content as Record<string, unknown>
  if (format !== FORMAT || !isCount(generation) || !Array.isArray(files)) throw damaged(place)
  if (version !== 1) {
    throw new PithError('PITH_VERSION', `${place} has version ${version}, 1 is known`, { hint: 'Update pith.' })
  }
  const names = new Set<string>()
  const rows = files.map((file: unknown): FolderFile => {
    if (typeof file !== 'object' || file === null) throw damaged(place)
    const row = file as Record<keyof FolderFile, unknown>
    const { name, bytes, crc32c: crc, generation: written } = row
    // Names that could lead out of the folder never reach the file system.
    if (typeof name !== 'string' || !NAME.test(name) || names.has(name)) throw damaged(place)
    if (!isCount(bytes) || !isCount(crc) || !isCount(written) || written < 1 || written > generation)
      throw damaged(place)
    names.add(name)
    return { name, bytes, crc32c: crc, generation: written }
  })
  return { generation, rows }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function damaged(place: string, cause?: unknown): PithError {
  return new PithError('PITH_CORRUPT', `${place} is damaged`, {
    hint: 'Make the folder again, or restore it from a copy.',
    ...(cause === undefined ? {} : { cause }),
  })
}
