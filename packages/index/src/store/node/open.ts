import { isDamage, MemorySink, type PithError, type Run } from '@pith/core'
import { type FileSystem, nodeFiles } from '@pith/core/node'
import type { Encoder, SparseEncoder } from '../../types.ts'
import { damaged as damage } from '../document.ts'
import { NO_MODELS, openModels } from '../models.ts'
import { type IndexTools, planSegment, type ReaderTools } from '../parts.ts'
import { type DamagedSegment, type IndexReader, makeReader } from '../reader.ts'
import { openSegment, type PlacedDocument, type Segment, writeSegmentFile } from '../segment.ts'
import { buryRows, liveRows } from '../tombstones.ts'
import { readerTools, toolsFor } from '../tools.ts'
import { verifySegment } from '../verify.ts'
import { namedDamage, type SegmentView, viewOf } from '../view.ts'
import { type PinnedSegment, pinFolder } from './folder.ts'
import { freshDocuments } from './fresh.ts'

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
    const own = readerTools(tools, options)
    const { documents, changed } = freshDocuments(pinned.changes)
    const fresh = await freshSegment(documents, tools, run)
    const views: SegmentView[] = []
    const damaged: DamagedSegment[] = []
    for (const part of pinned.segments) {
      try {
        views.push(await viewSegment(part, changed, own, run))
      } catch (error) {
        const named = asDamage(part.row.name, error)
        if (!allowPartial) throw named
        damaged.push({ name: part.row.name, error: named })
      }
    }
    if (fresh !== undefined) views.push(viewOf(FRESH, fresh, undefined, own))
    return makeReader({
      tools: own,
      views,
      damaged,
      warnings: pinned.warnings,
      allowPartial,
      async verify(at) {
        const bad: DamagedSegment[] = []
        for (const { name, segment } of views) {
          const error = await verifySegment(segment, at)
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
  tools: ReaderTools,
  run?: Run,
): Promise<SegmentView> {
  const { row, file, dead, error } = part
  if (file === undefined) throw error
  const segment = await openSegment(file, run === undefined ? {} : { run })
  if (segment.rows !== row.rows) throw damage(`${segment.rows} documents where ${row.rows} are expected`)
  const { bits, added } = await buryRows(segment, dead, changed, run)
  if (dead === undefined && added === 0) return viewOf(row.name, segment, undefined, tools)
  return viewOf(row.name, segment, liveRows(bits, row.rows), tools)
}

/** Documents that no segment has yet, as a segment in memory. */
async function freshSegment(
  documents: readonly PlacedDocument[],
  tools: IndexTools,
  run?: Run,
): Promise<Segment | undefined> {
  if (documents.length === 0) return undefined
  const sink = new MemorySink()
  await writeSegmentFile(sink, documents, await planSegment(tools, [], run), run)
  return openSegment(sink.bytes())
}
