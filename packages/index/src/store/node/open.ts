import { compareText, isDamage, MemorySink, type PithError, type Run } from '@pith/core'
import { type FileSystem, nodeFiles } from '@pith/core/node'
import type { Encoder, IndexDocument, SparseEncoder } from '../../types.ts'
import { damaged as damage } from '../document.ts'
import { NO_MODELS, openModels } from '../models.ts'
import { type IndexTools, planSegment } from '../parts.ts'
import { type DamagedSegment, type IndexReader, makeReader } from '../reader.ts'
import { openSegment, type Segment, writeSegmentFile } from '../segment.ts'
import { toolsFor } from '../tools.ts'
import { verifySegment } from '../verify.ts'
import { liveRows, namedDamage, type SegmentView, viewOf } from '../view.ts'
import { type PinnedSegment, pinFolder } from './folder.ts'
import type { Change } from './wal.ts'

/** How an index is opened for reading. */
export interface OpenFolderOptions {
  /** Leave damaged segments out, and name them with each answer. Default false: they are errors. */
  allowPartial?: boolean
  /** The encoder that the index was built with, where it is not one of its own. */
  encoder?: Encoder
  sparseEncoder?: SparseEncoder
  files?: FileSystem
}

/** The name under which documents are reported that no segment has yet. */
const FRESH = 'log'

/** Open an index folder as its last change left it, with what its log holds. It stays so while the index is changed. */
export async function openIndexFolder(path: string, options: OpenFolderOptions = {}, run?: Run): Promise<IndexReader> {
  const { allowPartial = false, files = nodeFiles } = options
  const pinned = await pinFolder(path, files, allowPartial ? 'partial' : 'strict')
  try {
    const models = pinned.models === undefined ? NO_MODELS : await openModels(pinned.models, run)
    const tools = toolsFor(pinned.state.settings, models, options)
    const fresh = await freshSegment(pinned.changes, tools, run)
    const views: SegmentView[] = []
    const damaged: DamagedSegment[] = []
    for (const part of pinned.segments) {
      try {
        views.push(await viewSegment(part, fresh.changed, tools, run))
      } catch (error) {
        const named = asDamage(part.row.name, error)
        if (!allowPartial) throw named
        damaged.push({ name: part.row.name, error: named })
      }
    }
    if (fresh.segment !== undefined) views.push(viewOf(FRESH, fresh.segment, undefined, tools))
    return makeReader({
      tools,
      views,
      damaged,
      warnings: pinned.warnings,
      allowPartial,
      async verify(own) {
        const bad: DamagedSegment[] = []
        for (const { name, segment } of views) {
          const error = await verifySegment(segment, own)
          if (error !== undefined) bad.push({ name, error: namedDamage(name, error) })
        }
        return bad
      },
      close: () => pinned.close(),
    })
  } catch (error) {
    await pinned.close()
    throw error
  }
}

function asDamage(name: string, error: unknown): PithError {
  if (!isDamage(error)) throw error
  return namedDamage(name, error)
}

async function viewSegment(
  part: PinnedSegment,
  changed: readonly string[],
  tools: IndexTools,
  run?: Run,
): Promise<SegmentView> {
  const { row, file, dead, error } = part
  if (file === undefined) throw error
  const segment = await openSegment(file, run === undefined ? {} : { run })
  if (segment.rows !== row.rows) throw damage(`${segment.rows} documents where ${row.rows} are expected`)
  const replaced = await segment.ids.findAll(changed, run)
  if (dead === undefined && replaced.length === 0) return viewOf(row.name, segment, undefined, tools)
  const bits = dead?.slice() ?? new Uint8Array(Math.ceil(row.rows / 8))
  for (const place of replaced) bits[place >>> 3] |= 1 << (place & 7)
  return viewOf(row.name, segment, liveRows(bits, row.rows), tools)
}

/** What a log holds as a segment in memory, and the ids whose documents in older segments it replaces, in order. */
async function freshSegment(
  changes: readonly Change[],
  tools: IndexTools,
  run?: Run,
): Promise<{ segment: Segment | undefined; changed: string[] }> {
  const documents = new Map<string, IndexDocument>()
  const changed = new Set<string>()
  for (const change of changes) {
    const id = change.kind === 'add' ? change.document.id : change.id
    changed.add(id)
    if (change.kind === 'add') documents.set(id, change.document)
    else documents.delete(id)
  }
  const ids = [...changed].sort(compareText)
  if (documents.size === 0) return { segment: undefined, changed: ids }
  const sorted = [...documents.values()].sort((a, b) => compareText(a.id, b.id))
  const sink = new MemorySink()
  const placed = sorted.map((document) => ({ document }))
  await writeSegmentFile(sink, placed, await planSegment(tools, [], run), run)
  return { segment: await openSegment(sink.bytes()), changed: ids }
}
