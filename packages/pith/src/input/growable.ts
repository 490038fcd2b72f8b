import { stat } from 'node:fs/promises'
import { openContainer, repack } from '@pith/core/container'
import { acquireLock, atomicFile, fileSource } from '@pith/core/node'

/**
 * Write a small file in the form that has place for more. Appended to as it is, it would keep all its bytes a second time.
 *
 * @throws PithError `PITH_LOCKED` another process writes to it · what {@link openContainer} throws
 */
export async function makeGrowable(path: string, run: { signal?: AbortSignal }): Promise<void> {
  if (!(await isSolo(path))) return
  const lock = await acquireLock(path)
  try {
    // Somebody may have been quicker.
    if (!(await isSolo(path))) return
    const source = await fileSource(path, run)
    try {
      const mode = (await stat(path)).mode & 0o777
      await repack(source, await atomicFile(path, { force: true, mode, ...run }), { solo: false, ...run })
    } finally {
      await source.close()
    }
  } finally {
    await lock.release()
  }
}

async function isSolo(path: string): Promise<boolean> {
  const { size } = await stat(path)
  if (size === 0) return false
  const source = await fileSource(path)
  try {
    return (await openContainer(source)).form === 'solo'
  } finally {
    await source.close()
  }
}
