import { throwIfAborted } from '../cancel.ts'
import { PithError } from '../errors.ts'
import type { FileSink } from '../io.ts'
import { checkPlace } from '../sink.ts'
import { type FileSystem, nodeFiles, readFully, withPath, writeFully } from './file-system.ts'
import { acquireLock, type Lock } from './lock.ts'

/** How a file is opened to be changed in place. */
export interface FileSinkOptions {
  /** `open` needs the file to exist, `create` needs it not to, `either` takes what is there. Default `open`. */
  mode?: 'open' | 'create' | 'either'
  /** Hold `PATH.lock` until `close` or `abort`. Default true. */
  lock?: boolean
  files?: FileSystem
  signal?: AbortSignal
}

/**
 * A file that is read and changed in place under its own name; `flush` is fdatasync. Writes go to the end as it was left.
 * `abort` closes the file and leaves it as it is: what was flushed stays.
 *
 * @throws PithError `PITH_IO` it cannot be opened · `PITH_LOCKED` another process holds it · `PITH_ARG` a place beyond the end
 */
export async function fileSink(path: string, options: FileSinkOptions = {}): Promise<FileSink> {
  const { files = nodeFiles, mode = 'open', signal } = options
  throwIfAborted(signal)
  const lock: Lock | undefined = options.lock === false ? undefined : await acquireLock(path, { files })
  try {
    return await openSink(path, files, mode, lock, signal)
  } catch (error) {
    await lock?.release()
    throw error
  }
}

async function openSink(
  path: string,
  files: FileSystem,
  mode: 'open' | 'create' | 'either',
  lock: Lock | undefined,
  signal: AbortSignal | undefined,
): Promise<FileSink> {
  const old = await withPath(path, () => files.stat(path))
  if (old === undefined && mode === 'open') {
    throw new PithError('PITH_IO', `${path} does not exist`, { hint: 'Check the path.' })
  }
  if (old !== undefined && mode === 'create') {
    throw new PithError('PITH_IO', `${path} exists`, { hint: 'Add --force to replace it, or choose another name.' })
  }
  const handle = await withPath(path, () => files.open(path, old === undefined ? 'create' : 'change'))
  let size = old?.size ?? 0
  let open = true
  const close = async (): Promise<void> => {
    if (!open) return
    open = false
    try {
      await withPath(path, () => handle.close())
    } finally {
      await lock?.release()
    }
  }
  const run = async <T>(operation: () => Promise<T>, offset?: number): Promise<T> => {
    if (!open) throw new PithError('PITH_IO', `${path} is closed`)
    throwIfAborted(signal)
    return await withPath(path, operation, offset)
  }
  const writeAt = (offset: number, bytes: Uint8Array): Promise<void> =>
    run(async () => {
      checkPlace(offset, size)
      await writeFully(handle, bytes, offset)
      size = Math.max(size, offset + bytes.length)
    }, offset)
  return {
    get size() {
      return size
    },
    write: (bytes) => writeAt(size, bytes),
    writeAt,
    readAt: (offset, length) =>
      run(() => readFully(handle, Math.max(0, Math.min(length, size - offset)), offset), offset),
    truncate: (to) =>
      run(async () => {
        checkPlace(to, size)
        await handle.truncate(to)
        size = to
      }),
    flush: () => run(() => handle.datasync()),
    close,
    abort: close,
  }
}
