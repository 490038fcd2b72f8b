import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { PithError } from '@pith/core'
import { withPath } from '@pith/core/node'
import type { GrepPlan } from './plan.ts'

/** A file to search, or why it cannot be. */
export type Target = { readonly path: string } | { readonly error: unknown }

/** The files that a call of grep searches: those named, and with -r what lies in folders, in the order of names. */
export async function* targetsOf(plan: Pick<GrepPlan, 'files' | 'recursive'>): AsyncGenerator<Target> {
  for (const path of plan.files) {
    if (path === '-') {
      yield { path }
      continue
    }
    try {
      if (path === '') {
        yield* below(path)
        continue
      }
      const info = await withPath(path, () => stat(path))
      if (!info.isDirectory()) yield { path }
      else if (plan.recursive) yield* below(path)
      else throw new PithError('PITH_IO', `${path} is a folder`, { hint: 'Add -r to search its files.' })
    } catch (error) {
      yield { error }
    }
  }
}

/** All regular files below a folder, the current one where it is empty; links in it are not followed. */
async function* below(folder: string): AsyncGenerator<Target> {
  let entries: Dirent[]
  try {
    entries = await namesIn(folder)
  } catch (error) {
    yield { error }
    return
  }
  for (const entry of entries) {
    const path = folder === '' ? entry.name : `${folder.replace(/\/+$/, '')}/${entry.name}`
    if (entry.isDirectory()) yield* below(path)
    else if (entry.isFile()) yield { path }
  }
}

async function namesIn(folder: string): Promise<Dirent[]> {
  const entries = await withPath(folder, () => readdir(folder === '' ? '.' : folder, { withFileTypes: true }))
  return entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
}
