/** Where indexes go: whole, or not at all. */
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pid } from 'node:process'
import { PithError } from '@pith/core'

/** @throws PithError `PITH_IO` something stands there that may not be replaced */
export async function checkFree(out: string, force: boolean): Promise<void> {
  const place = await stat(out).catch(() => undefined)
  if (place === undefined) return
  if (!force) throw new PithError('PITH_IO', `${out} exists`, { hint: 'Name another output, or add --force.' })
  const isIndex = place.isFile() || (await stat(join(out, 'manifest.json')).catch(() => undefined)) !== undefined
  if (isIndex) return
  throw new PithError('PITH_IO', `${out} is a folder that holds no index`, { hint: 'Name another output.' })
}

/** Put an index in the place of another. */
export async function putInPlace(part: string, out: string): Promise<void> {
  const old = `${out}.old-${pid}`
  const isThere = (await stat(out).catch(() => undefined)) !== undefined
  if (isThere) await rename(out, old)
  await rename(part, out)
  if (isThere) await rm(old, { recursive: true, force: true })
}

/** Bytes of a file, or of the files of a folder. */
export async function bytesAt(path: string): Promise<number> {
  const place = await stat(path)
  if (place.isFile()) return place.size
  let sum = 0
  for (const name of await readdir(path)) sum += await bytesAt(join(path, name))
  return sum
}
