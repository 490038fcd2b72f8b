/** Checkpoints as folders: each is whole or not there. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PithError, readAll } from '@pith/core'
import { atomicFolder, openFolder } from '@pith/core/node'
import { restoreState, STATE_FILES, type StateFiles, saveState } from '../state.ts'
import type { TrainStep } from '../step.ts'

const NAME = /^step-([0-9]{6,15})$/

/** How many checkpoints stay. */
export interface SaveOptions {
  /** Newest ones that are kept, up to this one; others of smaller numbers are removed. Default 3. */
  keep?: number
}

/**
 * Write the state of a training to `folder/step-000123`, named after its updates. An interruption leaves what stood there before.
 *
 * @returns the path of the checkpoint
 * @throws PithError `PITH_IO` · `PITH_LOCKED` another process writes it · `PITH_ARG` `keep` below 1
 */
export async function saveCheckpoint(folder: string, step: TrainStep, options: SaveOptions = {}): Promise<string> {
  const { keep = 3 } = options
  if (!(Number.isInteger(keep) && keep >= 1)) throw new PithError('PITH_ARG', `keep must be 1 or more, got ${keep}`)
  const number = step.counts.steps
  const path = join(folder, `step-${String(number).padStart(6, '0')}`)
  const files = saveState(step)
  const change = await atomicFolder(path, { mode: 'replace' })
  try {
    for (const name of STATE_FILES) {
      const sink = await change.create(name)
      await sink.write(files[name])
      await sink.close()
    }
    await change.commit()
  } catch (error) {
    await change.abort()
    throw error
  }
  const older = (await listCheckpoints(folder)).filter((other) => other.number <= number)
  for (const { path: old } of older.slice(0, -keep)) await rm(old, { recursive: true, force: true })
  return path
}

/**
 * Bring a training to the newest checkpoint of a folder, or to one that is named; all files are checked first.
 *
 * @param path  a folder of checkpoints, or one checkpoint
 * @returns the path of the checkpoint; undefined where the folder has none
 * @throws PithError what `restoreState` throws · `PITH_CHECKSUM`, `PITH_TRUNCATED`, `PITH_CORRUPT` damage · `PITH_IO`
 */
export async function loadCheckpoint(path: string, step: TrainStep): Promise<string | undefined> {
  const names = await namesIn(path)
  const chosen = names.includes('manifest.json') ? path : (await listCheckpoints(path)).at(-1)?.path
  if (chosen === undefined) return undefined
  const snapshot = await openFolder(chosen)
  await snapshot.verify()
  const files: Record<string, Uint8Array> = {}
  for (const name of STATE_FILES) {
    const source = await snapshot.open(name)
    try {
      files[name] = await readAll(source)
    } finally {
      await source.close()
    }
  }
  await restoreState(step, files as unknown as StateFiles)
  return chosen
}

/** Whole checkpoints of a folder, oldest first; those whose writing was interrupted are left out. */
export async function listCheckpoints(folder: string): Promise<{ number: number; path: string }[]> {
  const found: { number: number; path: string }[] = []
  for (const name of await namesIn(folder)) {
    const number = NAME.exec(name)?.[1]
    const path = join(folder, name)
    if (number === undefined || !(await namesIn(path)).includes('manifest.json')) continue
    found.push({ number: Number(number), path })
  }
  return found.sort((a, b) => a.number - b.number)
}

/** Names in a folder; none where it does not exist or is a file. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw new PithError('PITH_IO', `${folder} can not be listed`, { cause, hint: 'Check its permissions.' })
  }
}
