import { type FileHandle, mkdtemp, open, rmdir, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RandomAccess } from '@pith/core'
import { withPath } from '@pith/core/node'

/** Bytes on disk for a while, without a name: they are gone with the process, however it ends. */
export interface Spool extends RandomAccess {
  readonly size: number
  write(bytes: Uint8Array): Promise<void>
  close(): Promise<void>
}

/** Make an empty spool in the folder for temporary files. */
export async function createSpool(): Promise<Spool> {
  const parent = tmpdir()
  const handle = await withPath(parent, async () => {
    const folder = await mkdtemp(join(parent, 'pith-'))
    const path = join(folder, 'spool')
    const opened = await open(path, 'wx+', 0o600)
    await unlink(path)
    await rmdir(folder)
    return opened
  })
  return new FileSpool(handle, parent)
}

class FileSpool implements Spool {
  size = 0
  readonly #handle: FileHandle
  readonly #place: string

  constructor(handle: FileHandle, place: string) {
    this.#handle = handle
    this.#place = place
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await withPath(this.#place, () =>
        this.#handle.write(bytes, at, bytes.length - at, this.size + at),
      )
      at += bytesWritten
    }
    this.size += bytes.length
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const into = new Uint8Array(Math.max(0, Math.min(length, this.size - offset)))
    let at = 0
    while (at < into.length) {
      const { bytesRead } = await withPath(this.#place, () =>
        this.#handle.read(into, at, into.length - at, offset + at),
      )
      if (bytesRead === 0) break
      at += bytesRead
    }
    return into.subarray(0, at)
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}
