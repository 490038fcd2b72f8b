/** Files of a folder. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { compareText, PithError, throwIfAborted } from '@pith/core'

const MAX_DEPTH = 64

/**
 * Paths of the files in a folder and those below it, relative to it with `/`, by the bytes of their names. What starts with
 * a dot, `node_modules` and links are left out.
 *
 * @throws PithError `PITH_IO` a folder cannot be read · `PITH_LIMIT` folders more than 64 deep
 */
export async function* walkFolder(folder: string, signal?: AbortSignal): AsyncGenerator<string, void, undefined> {
  yield* walk(folder, '', 0, signal)
}

async function* walk(
  root: string,
  path: string,
  depth: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<string, void, undefined> {
  throwIfAborted(signal)
  if (depth > MAX_DEPTH) throw new PithError('PITH_LIMIT', `folders in ${root} are more than ${MAX_DEPTH} deep`)
  const entries = await readdir(join(root, path), { withFileTypes: true }).catch((cause: unknown) => {
    throw new PithError('PITH_IO', `the folder ${join(root, path)} cannot be read`, { cause })
  })
  for (const entry of entries.sort((a, b) => compareText(a.name, b.name))) {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
    const own = path === '' ? entry.name : `${path}/${entry.name}`
    if (entry.isDirectory()) yield* walk(root, own, depth + 1, signal)
    else if (entry.isFile()) yield own
  }
}
