import { join } from 'node:path'
import { PithError } from '@pith/core'
import { type AppendLog, acquireLock, atomicFolder, nodeFiles, withPath } from '@pith/core/node'
import { NO_MODELS, openModels } from '../models.ts'
import type { IndexTools } from '../parts.ts'
import { type IndexOptions, makeSettings } from '../settings.ts'
import { toolsFor } from '../tools.ts'
import { commitState, type PinnedFolder, pinFolder } from './folder.ts'
import { FolderWriter } from './folder-writer.ts'
import { isWal, startWal, walName } from './wal.ts'
import type { IndexWriter, WriterOptions } from './writer-types.ts'

/**
 * Make an index in a new or empty folder.
 *
 * @throws PithError `PITH_ARG` · `PITH_IO` the folder holds something · `PITH_LOCKED`
 */
export async function createIndex(path: string, options: IndexOptions & WriterOptions = {}): Promise<IndexWriter> {
  const { durability, flushDocuments, flushBytes, mergeFactor, autoMerge, files, encoder, sparseEncoder, ...own } =
    options
  const settings = makeSettings(own)
  checkWriterOptions(options)
  const change = await atomicFolder(path, { mode: 'create', ...(files && { files }) })
  await commitState(change, { format: 1, settings, wal: 1, next: 1, segments: [] })
  const { dense, sparse } = own
  return openWriter(path, {
    ...(typeof dense?.encoder === 'object' && { encoder: dense.encoder }),
    ...(typeof sparse?.encoder === 'object' && { sparseEncoder: sparse.encoder }),
    ...options,
  })
}

/**
 * Open an index to change it. There can be one writer at a time; readers are not disturbed.
 *
 * @throws PithError `PITH_LOCKED` a living process writes it · `PITH_IO` there is none · damage
 */
export async function openWriter(path: string, options: WriterOptions = {}): Promise<IndexWriter> {
  checkWriterOptions(options)
  const { files = nodeFiles } = options
  if ((await withPath(path, () => files.stat(join(path, 'manifest.json')))) === undefined) {
    throw new PithError('PITH_IO', `${path} holds no index`, { hint: 'Make one with `pith index build`.' })
  }
  const lock = await acquireLock(join(path, 'writer'), { files })
  let log: AppendLog | undefined
  try {
    const pinned = await pinFolder(path, files, 'strict')
    const { state, changes } = pinned
    const tools = await toolsOf(pinned, options).finally(() => pinned.close())
    const warnings = [...pinned.warnings]
    for (const name of await withPath(path, () => files.list(path))) {
      if (isWal(name) && !name.startsWith(walName(state.wal)))
        await withPath(path, () => files.unlink(join(path, name)))
    }
    log = await startWal(path, state.wal, files)
    if (log.droppedBytes > 0) warnings.push(`${log.droppedBytes} bytes of an unfinished change were cut off the log`)
    const writer = new FolderWriter(path, options, state, tools, log, lock, warnings)
    writer.replay(changes)
    return writer
  } catch (error) {
    await log?.close().catch(() => {})
    await lock.release()
    throw error
  }
}

async function toolsOf({ state, models }: PinnedFolder, options: WriterOptions): Promise<IndexTools> {
  // Read whole: the file may go before what stands in it is asked for.
  const learned = models === undefined ? NO_MODELS : await openModels(await models.read(0, models.size))
  return toolsFor(state.settings, learned, options)
}

function checkWriterOptions({ durability, flushDocuments, flushBytes, mergeFactor }: WriterOptions): void {
  if (durability !== undefined && !['each', 'group', 'none'].includes(durability)) {
    throw new PithError('PITH_ARG', `durability must be each, group or none, got ${String(durability).slice(0, 40)}`)
  }
  for (const [name, value, most] of [
    ['flushDocuments', flushDocuments, 2 ** 24],
    ['flushBytes', flushBytes, 2 ** 33],
    ['mergeFactor', mergeFactor, 64],
  ] as const) {
    const least = name === 'mergeFactor' ? 2 : 1
    if (value !== undefined && !(Number.isInteger(value) && value >= least && value <= most)) {
      throw new PithError('PITH_ARG', `${name} must be an integer ${least}..${most}, got ${value}`)
    }
  }
}
