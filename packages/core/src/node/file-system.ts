import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'
import { PithError } from '../errors.ts'

/** An open file, as far as pith needs one. */
export interface FileHandle {
  /** Read up to `length` bytes into `into` from `position` of the file (null: from where the last read ended). */
  read(into: Uint8Array, offset: number, length: number, position: number | null): Promise<number>
  /** Write some of the bytes at `position` (null: where the last write ended); returns how many. */
  write(bytes: Uint8Array, position: number | null): Promise<number>
  /** fsync: data and metadata. */
  sync(): Promise<void>
  /** fdatasync: data and the length. */
  datasync(): Promise<void>
  truncate(size: number): Promise<void>
  stat(): Promise<FileStat>
  close(): Promise<void>
}

/** What stands at a path. */
export interface FileStat {
  readonly size: number
  readonly kind: 'file' | 'folder' | 'link' | 'other'
  /** Permission bits. */
  readonly mode: number
  /** Milliseconds since 1970. */
  readonly mtimeMs: number
}

/** How a file is opened: to read; to change in place; to create, failing where it exists; to create or empty; to write without emptying. */
export type OpenMode = 'read' | 'change' | 'create' | 'replace' | 'write'

/** The calls of the file system that pith uses; tests put faults between. All paths are as the caller gives them. */
export interface FileSystem {
  open(path: string, mode: OpenMode, permissions?: number): Promise<FileHandle>
  rename(from: string, to: string): Promise<void>
  link(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  makeFolder(path: string): Promise<void>
  removeFolder(path: string): Promise<void>
  /** Names in a folder, in no certain order. */
  list(path: string): Promise<string[]>
  /** What stands at a path, links followed; undefined where nothing does. */
  stat(path: string): Promise<FileStat | undefined>
  /** The path with links resolved, or as given where nothing stands. */
  resolve(path: string): Promise<string>
  /** fsync of a folder, which makes renames in it durable. */
  syncFolder(path: string): Promise<void>
}

const FLAGS: Record<OpenMode, number> = {
  read: constants.O_RDONLY,
  change: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  replace: constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
  write: constants.O_WRONLY,
}

/** Most bytes of one call: Node ends the process where a read of 2 GiB or more is asked for. */
const MAX_CALL_BYTES = 2 ** 30

/** The file system of Node. */
export const nodeFiles: FileSystem = {
  async open(path, mode, permissions = 0o666) {
    const handle = await fs.open(path, FLAGS[mode], permissions)
    return {
      read: async (into, offset, length, position) =>
        (await handle.read(into, offset, Math.min(length, MAX_CALL_BYTES), position)).bytesRead,
      write: async (bytes, position) =>
        (await handle.write(bytes, 0, Math.min(bytes.length, MAX_CALL_BYTES), position)).bytesWritten,
      sync: () => handle.sync(),
      datasync: () => handle.datasync(),
      truncate: (size) => handle.truncate(size),
      stat: async () => describe(await handle.stat()),
      close: () => handle.close(),
    }
  },
  rename: (from, to) => fs.rename(from, to),
  link: (from, to) => fs.link(from, to),
  unlink: (path) => fs.unlink(path),
  makeFolder: async (path) => {
    await fs.mkdir(path, { recursive: true })
  },
  removeFolder: (path) => fs.rmdir(path),
  list: (path) => fs.readdir(path),
  stat: async (path) => {
    try {
      return describe(await fs.stat(path))
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  },
  resolve: async (path) => {
    try {
      return await fs.realpath(path)
    } catch (error) {
      if (isMissing(error)) return path
      throw error
    }
  },
  async syncFolder(path) {
    // Windows cannot open folders; its renames are journalled.
    if (process.platform === 'win32') return
    const handle = await fs.open(path, constants.O_RDONLY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
}

function describe(stat: {
  size: number
  mode: number
  mtimeMs: number
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
}): FileStat {
  const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : stat.isSymbolicLink() ? 'link' : 'other'
  return { size: stat.size, kind, mode: stat.mode & 0o7777, mtimeMs: stat.mtimeMs }
}

function isMissing(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** The code of a system error (`ENOENT` ...), if it has one. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

const REASONS: Record<string, readonly [what: string, hint: string]> = {
  ENOENT: ['does not exist', 'Check the path.'],
  ENOTDIR: ['lies below something that is no folder', 'Check the path.'],
  EISDIR: ['is a folder', 'Name a file.'],
  EACCES: ['may not be accessed', 'Check the permissions of the file and its folder.'],
  EPERM: ['may not be changed', 'Check the permissions of the file and its folder.'],
  EROFS: ['lies on a read-only file system', 'Choose another place for the output.'],
  ENOSPC: ['cannot be written: the disk is full', 'Free some space or choose another place for the output.'],
  EDQUOT: ['cannot be written: the quota is used up', 'Free some space or choose another place for the output.'],
  EMFILE: ['cannot be opened: too many files are open', 'Raise the limit with `ulimit -n`.'],
  ENAMETOOLONG: ['has too long a name', 'Choose a shorter name.'],
  EIO: ['failed in the device', 'Check the disk.'],
}

/** A system error as a PithError `PITH_IO`; PithErrors and abort reasons pass. */
export function fileError(error: unknown, path: string, offset?: number): unknown {
  const code = systemCode(error)
  if (error instanceof PithError || code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error
  const [what, hint] = REASONS[code] ?? [`failed with ${code}`, undefined]
  return new PithError('PITH_IO', `${path} ${what}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
    ...(offset === undefined ? {} : { at: { offset } }),
  })
}

/** Run a file operation and give its failure as a PithError that names the path. */
export async function withPath<T>(path: string, operation: () => Promise<T>, offset?: number): Promise<T> {
  try {
    return await operation()
  } catch (error) {
    throw fileError(error, path, offset)
  }
}

/** Write all of the bytes at a place of the file. */
export async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number | null): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const written = await handle.write(at === 0 ? bytes : bytes.subarray(at), position === null ? null : position + at)
    if (written === 0) throw new PithError('PITH_IO', 'the file takes no more bytes')
    at += written
  }
}

function makeBytes(length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length)
  } catch (cause) {
    throw new PithError('PITH_LIMIT', `${length} bytes are more than the memory holds`, { cause })
  }
}

/** Read `length` bytes at a place of the file; fewer come back only at its end. */
export async function readFully(
  handle: FileHandle,
  length: number,
  position: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const into = makeBytes(length)
  let at = 0
  while (at < length) {
    const read = await handle.read(into, at, length - at, position + at)
    if (read === 0) break
    at += read
  }
  return at === length ? into : into.slice(0, at)
}
