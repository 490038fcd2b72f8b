import { basename } from 'node:path'
import { throwIfAborted } from '../cancel.ts'
import { PithError } from '../errors.ts'
import type { RandomAccess, Source } from '../io.ts'
import { streamAccess, toSource } from '../source.ts'
import { type FileSystem, nodeFiles, readFully, withPath } from './file-system.ts'

/** How a file is opened for reading. */
export interface FileOptions {
  files?: FileSystem
  signal?: AbortSignal
}

/** A regular file: to read at any place, or as a source; what is added to it after opening is not seen. */
export interface FileSource extends RandomAccess, Source {
  readonly name: string
  readonly size: number
  /** Milliseconds since 1970. */
  readonly mtimeMs: number
  /** Permission bits. */
  readonly mode: number
  close(): Promise<void>
}

/**
 * Open a regular file for reading.
 *
 * @throws PithError `PITH_IO` it cannot be opened or is a folder · `PITH_UNSUPPORTED` it is a pipe or device
 */
export async function fileSource(path: string, options: FileOptions = {}): Promise<FileSource> {
  const { files = nodeFiles, signal } = options
  throwIfAborted(signal)
  const handle = await withPath(path, () => files.open(path, 'read'))
  try {
    const stat = await withPath(path, () => handle.stat())
    if (stat.kind === 'folder') {
      throw new PithError('PITH_IO', `${path} is a folder`, { hint: 'Name a file.' })
    }
    if (stat.kind !== 'file') {
      throw new PithError('PITH_UNSUPPORTED', `${path} is no regular file and cannot be read at any place`, {
        hint: 'Save it as a file first.',
      })
    }
    const { size } = stat
    const readAt = async (offset: number, length: number, cancel = signal): Promise<Uint8Array<ArrayBuffer>> => {
      throwIfAborted(cancel)
      if (!(offset >= 0 && length >= 0)) throw new PithError('PITH_ARG', `no range: ${length} bytes at ${offset}`)
      const wanted = Math.max(0, Math.min(length, size - offset))
      return await withPath(path, () => readFully(handle, wanted, offset), offset)
    }
    const source: FileSource = {
      name: basename(path),
      size,
      mtimeMs: stat.mtimeMs,
      mode: stat.mode,
      read: (offset, length, read) => readAt(offset, length, read?.signal),
      readOwn: (offset, length) => readAt(offset, length),
      head: (length) => source.read(0, length),
      stream: () => streamAccess(source, { signal }),
      close: () => handle.close(),
    }
    return source
  } catch (error) {
    await handle.close()
    throw error
  }
}

/**
 * Open any input of a command: a regular file, a pipe or device, or standard input where `path` is `-`.
 * `stream` reads it to its end once; `close` releases it.
 *
 * @throws PithError `PITH_IO` it cannot be opened or is a folder
 */
export async function inputSource(
  path: string,
  options: FileOptions = {},
): Promise<Source & { close(): Promise<void> }> {
  const { files = nodeFiles, signal } = options
  const cancel = signal === undefined ? {} : { signal }
  if (path === '-') {
    const source = toSource(standardInput(), cancel)
    return { ...source, close: async () => void process.stdin.destroy() }
  }
  const stat = await withPath(path, () => files.stat(path))
  // Files of /proc say that they are empty: read them as a pipe.
  if (stat === undefined || stat.kind === 'folder' || (stat.kind === 'file' && stat.size > 0)) {
    return await fileSource(path, options)
  }
  const handle = await withPath(path, () => files.open(path, 'read'))
  const source = toSource(readToEnd(path, handle), { name: basename(path), ...cancel })
  return { ...source, close: () => handle.close() }
}

async function* readToEnd(
  path: string,
  handle: { read(into: Uint8Array, offset: number, length: number, position: null): Promise<number> },
): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const into = new Uint8Array(64 * 1024)
    const read = await withPath(path, () => handle.read(into, 0, into.length, null))
    if (read === 0) return
    yield into.subarray(0, read)
  }
}

async function* standardInput(): AsyncGenerator<Uint8Array, void, undefined> {
  // A plain array, as a Buffer's `slice` would alias.
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    yield new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  }
}
