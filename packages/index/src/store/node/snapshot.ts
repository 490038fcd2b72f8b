import { pump, type Run, type Sink } from '@pith/core'
import { atomicFolder, type FileSource, type FolderChange, nodeFiles } from '@pith/core/node'
import { NO_MODELS, openModels } from '../models.ts'
import { planSegment } from '../parts.ts'
import { openSegment, writeSegmentFile } from '../segment.ts'
import type { SegmentRow } from '../state.ts'
import { buryRows } from '../tombstones.ts'
import { toolsFor } from '../tools.ts'
import { commitState, type PinnedFolder, pinFolder, segmentName, writeTombstones } from './folder.ts'
import { freshDocuments } from './fresh.ts'
import type { OpenFolderOptions } from './open.ts'

/**
 * Copy an index folder as it is at this moment, while it may be changed: what was acknowledged before the call is in the copy.
 *
 * @param target  a new or empty folder
 * @returns documents
 * @throws PithError `PITH_IO` the target holds something · `PITH_CHECKSUM` and others for damage; the abort reason
 */
export async function snapshotIndex(
  path: string,
  target: string,
  options: Omit<OpenFolderOptions, 'allowPartial'> = {},
  run?: Run,
): Promise<number> {
  const { files = nodeFiles } = options
  const pinned = await pinFolder(path, files, 'strict')
  try {
    const change = await atomicFolder(target, { mode: 'create', files })
    let segments: SegmentRow[]
    try {
      segments = await copySegments(pinned, change, options, run)
    } catch (error) {
      await change.abort().catch(() => {})
      throw error
    }
    const { state } = pinned
    await commitState(change, { ...state, segments, next: state.next + 1 })
    return segments.reduce((sum, { rows, deleted }) => sum + rows - deleted, 0)
  } finally {
    await pinned.close()
  }
}

async function copySegments(
  pinned: PinnedFolder,
  change: FolderChange,
  options: OpenFolderOptions,
  run?: Run,
): Promise<SegmentRow[]> {
  const { state, models, changes } = pinned
  const learned = models === undefined ? NO_MODELS : await openModels(models, run)
  const tools = toolsFor(state.settings, learned, options)
  const { documents, changed } = freshDocuments(changes)
  const rows: SegmentRow[] = []
  for (const { row, file, dead, error } of pinned.segments) {
    if (file === undefined) throw error
    const segment = await openSegment(file, run === undefined ? {} : { run })
    const { bits, added } = await buryRows(segment, dead, changed, run)
    const deleted = row.deleted + added
    if (deleted === row.rows) continue
    await copyFile(file, await change.create(row.name), run)
    rows.push(deleted === 0 ? row : await writeTombstones(change, { ...row, deleted }, bits))
  }
  if (models !== undefined) await copyFile(models, await change.create(state.models as string), run)
  if (documents.length > 0) {
    const name = segmentName(state.next)
    const plan = await planSegment(tools, [], run)
    const count = await writeSegmentFile(await change.create(name), documents, plan, run)
    rows.push({ name, rows: count, deleted: 0 })
  }
  return rows
}

async function copyFile(file: FileSource, sink: Sink, run?: Run): Promise<void> {
  await pump(file.stream(), sink, { signal: run?.signal })
}
