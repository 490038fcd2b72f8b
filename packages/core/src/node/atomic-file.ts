import { basename, dirname, join } from 'node:path'
import { throwIfAborted } from '../cancel.ts'
import { PithError } from '../errors.ts'
import type { Sink } from '../io.ts'
import { type FileHandle, type FileSystem, nodeFiles, withPath, writeFully } from './file-system.ts'

/** How a file is written as a whole. */
export interface AtomicOptions {
  /** Replace what stands at the path. Default false. */
  force?: boolean
  /** Permission bits; default those of the file that is replaced, else 0o666 less the umask. */
  mode?: number
  files?: FileSystem
  signal?: AbortSignal
}

let serial = 0

/**
 * A sink whose file appears under its name, whole and durable, when `close` resolves: it writes `NAME.tmp-PID-N` in the
 * same folder, then fsync, rename, fsync of the folder. `abort`, a failure or a kill leave what stood there before.
 * A path to a pipe or device is written directly; a link's target is replaced, not the link.
 *
 * @throws PithError `PITH_IO` the path exists and `force` is not set (checked at open and at close), or the system fails
 */
export async function atomicFile(path: string, options: AtomicOptions = {}): Promise<Sink> {
  const { files = nodeFiles, force = false, signal } = options
  throwIfAborted(signal)
  const target = await withPath(path, () => files.resolve(path))
  const old = await withPath(path, () => files.stat(target))
  if (old?.kind === 'folder') throw new PithError('PITH_IO', `${path} is a folder`, { hint: 'Name a file.' })
  if (old?.kind === 'other') return directSink(path, await withPath(path, () => files.open(target, 'write')))
  if (old !== undefined && !force) throw exists(path)
  const folder = dirname(target)
  const temporary = join(folder, `${basename(target)}.tmp-${process.pid}-${serial++}`)
  const mode = options.mode ?? old?.mode
  // 'replace': a file of that name was left by a dead process with our id.
  const handle = await withPath(path, () => files.open(temporary, 'replace', mode))
  let state: 'open' | 'closed' = 'open'
  let renamed = false
  const discard = async (): Promise<void> => {
    state = 'closed'
    await handle.close().catch(() => {})
    if (!renamed) await files.unlink(temporary).catch(() => {})
  }
  const guarded = async (operation: () => Promise<void>): Promise<void> => {
    if (state !== 'open') throw new PithError('PITH_IO', `${path} is closed`)
    try {
      throwIfAborted(signal)
      await withPath(path, operation)
    } catch (error) {
      await discard()
      throw error
    }
  }
  return {
    write: (bytes) => guarded(() => writeFully(handle, bytes, null)),
    close: () =>
      guarded(async () => {
        await handle.sync()
        await handle.close()
        if (!force && (await files.stat(target)) !== undefined) throw exists(path)
        await files.rename(temporary, target)
        renamed = true
        state = 'closed'
        await files.syncFolder(folder)
      }),
    abort: async () => {
      if (state === 'open') await discard()
    },
  }
}

/** Write one array to a file as {@link atomicFile} does. */
export async function writeAtomic(path: string, bytes: Uint8Array, options: AtomicOptions = {}): Promise<void> {
  const sink = await atomicFile(path, options)
  await sink.write(bytes)
  await sink.close()
}

function exists(path: string): PithError {
  return new PithError('PITH_IO', `${path} exists`, { hint: 'Add --force to replace it, or choose another name.' })
}

function directSink(path: string, handle: FileHandle): Sink {
  let open = true
  const close = async (): Promise<void> => {
    if (open) await handle.close()
    open = false
  }
  return {
    write: (bytes) => withPath(path, () => writeFully(handle, bytes, null)),
    close,
    abort: close,
  }
}
