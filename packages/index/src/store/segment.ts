import { PithError, type RandomAccess, type Run, type Sink, throwIfAborted } from '@pith/core'
import { type Container, type ContainerWriter, createContainer, openContainer } from '@pith/core/container'
import { openSections, type SectionReader, type SectionWriter, writeSections } from '../sections.ts'
import type { IndexDocument } from '../types.ts'
import { type Columns, ColumnsWriter, openColumns } from './columns.ts'
import { damaged } from './document.ts'
import { type Documents, DocumentsWriter, openDocuments } from './documents.ts'
import { type Ids, openIds, writeIds } from './ids.ts'
import { checkSettings, type IndexSettings } from './settings.ts'

/** Codec of the entry that holds a segment. */
export const SEGMENT_CODEC = 'index'
/** Path of that entry. */
const SEGMENT_PATH = 'segment'
const FORMAT = 1
const MAX_META_BYTES = 2 ** 20

/** What a segment says of itself. */
export interface SegmentInfo {
  readonly format: number
  readonly rows: number
  /** Settings of the index that it was written for: a segment alone is an index. */
  readonly settings: IndexSettings
  /** The searchable parts that it has, and what each needs to be opened. */
  readonly parts: Readonly<Record<string, unknown>>
}

/** Documents that do not change any more, in the order of their ids, and what finds them. */
export interface Segment {
  readonly info: SegmentInfo
  readonly rows: number
  readonly bytes: number
  readonly source: RandomAccess | Uint8Array
  readonly container: Container
  readonly sections: SectionReader
  readonly ids: Ids
  readonly documents: Documents
  readonly columns: Columns
  close(): Promise<void>
}

/** Where a document stood before: the row of one of the segments that are merged. */
export interface Origin {
  readonly from: number
  readonly row: number
}

/** A document to be written, and where it is taken from. */
export interface PlacedDocument {
  readonly document: IndexDocument
  readonly origin?: Origin
}

/** A searchable part of a segment, as it is built: it sees each document in the order of the rows. */
export interface PartWriter {
  add(document: IndexDocument, row: number, origin?: Origin): void | Promise<void>
  /** Write its sections; what comes back is what `info.parts` holds of it, undefined for a part that is empty. */
  finish(sections: SectionWriter): Promise<unknown>
}

/** What a segment is to hold beside its documents. */
export interface SegmentPlan {
  readonly settings: IndexSettings
  /** By name. */
  readonly parts: Readonly<Record<string, PartWriter>>
}

/**
 * Write a segment as the first entry of a container.
 *
 * @param documents  by ascending id (code points), each id once
 * @returns rows written
 */
async function writeSegment(
  container: ContainerWriter,
  documents: Iterable<PlacedDocument> | AsyncIterable<PlacedDocument>,
  { settings, parts }: SegmentPlan,
  run?: Run,
): Promise<number> {
  const entry = await container.entry({ path: SEGMENT_PATH, codec: SEGMENT_CODEC })
  const sections = writeSections(entry)
  const texts = new DocumentsWriter()
  const columns = new ColumnsWriter()
  const ids: string[] = []
  for await (const { document, origin } of documents) {
    throwIfAborted(run?.signal)
    for (const part of Object.values(parts)) await part.add(document, ids.length, origin)
    // What a part keeps in its own way is not kept twice.
    const { vector, sparse, ...rest } = document
    const kept = {
      ...rest,
      ...(vector && !settings.dense && { vector }),
      ...(sparse && !settings.sparse && { sparse }),
    }
    await texts.add(kept, run)
    columns.add(document.fields)
    ids.push(document.id)
  }
  // What is read first comes last, beside the index of the container.
  await texts.finish(sections, 'documents', run)
  const described: Record<string, unknown> = {}
  for (const [name, part] of Object.entries(parts)) {
    const description = await part.finish(sections)
    if (description !== undefined) described[name] = description
  }
  await columns.finish(sections, 'fields')
  await writeIds(ids, sections, 'ids')
  const info: SegmentInfo = { format: FORMAT, rows: ids.length, settings, parts: described }
  await sections.write('info', new TextEncoder().encode(JSON.stringify(info)))
  await sections.finish()
  await entry.finish()
  return ids.length
}

/** Write a file that holds one segment. @param more  writes further entries */
export async function writeSegmentFile(
  sink: Sink,
  documents: Iterable<PlacedDocument> | AsyncIterable<PlacedDocument>,
  plan: SegmentPlan,
  run?: Run,
  more?: (container: ContainerWriter) => Promise<void>,
): Promise<number> {
  const container = createContainer(sink)
  try {
    const rows = await writeSegment(container, documents, plan, run)
    await more?.(container)
    await container.finish()
    return rows
  } catch (error) {
    await container.abort(error).catch(() => {})
    throw error
  }
}

/**
 * Open a segment; its parts are read when they are asked for.
 *
 * @throws PithError `PITH_CORRUPT` no index, or a damaged one · `PITH_VERSION` · `PITH_CHECKSUM` · `PITH_TRUNCATED`
 */
export async function openSegment(
  source: RandomAccess | Uint8Array,
  options: { cacheBytes?: number; run?: Run } = {},
): Promise<Segment> {
  const signal = options.run?.signal
  const container = await openContainer(source, {
    ...(signal === undefined ? {} : { signal }),
    ...(options.run?.limits === undefined ? {} : { limits: options.run.limits }),
  })
  const entry = await container.entry(SEGMENT_PATH, options.run)
  if (entry === undefined || entry.codec !== SEGMENT_CODEC) {
    throw new PithError('PITH_CORRUPT', 'the file holds no index', { hint: 'Build one with `pith index build`.' })
  }
  if (entry.codecVersion !== 1) throw newer(entry.codecVersion)
  const { cacheBytes } = options
  const sections = await openSections(entry, container.totals.bytes, cacheBytes === undefined ? {} : { cacheBytes })
  const info = await readInfo(sections, options.run)
  return {
    info,
    rows: info.rows,
    bytes: container.totals.bytes,
    source,
    container,
    sections,
    ids: openIds(sections, 'ids', info.rows),
    documents: openDocuments(sections, 'documents', info.rows),
    columns: openColumns(sections, 'fields', info.rows),
    close: () => container.close(),
  }
}

async function readInfo(sections: SectionReader, run?: Run): Promise<SegmentInfo> {
  if (sections.size('info') > MAX_META_BYTES) throw damaged('what the segment says of itself is too long')
  const info: unknown = parseJson(await sections.read('info', 0, undefined, run))
  if (typeof info !== 'object' || info === null) throw damaged('the segment does not say what it is')
  const { format, rows, settings, parts } = info as Partial<SegmentInfo>
  if (format !== FORMAT) throw newer(format)
  if (!(Number.isInteger(rows) && (rows as number) >= 0 && (rows as number) < 2 ** 32)) {
    throw damaged(`the segment has ${JSON.stringify(rows)} rows`)
  }
  if (typeof parts !== 'object' || parts === null) throw damaged('the segment does not name its parts')
  return { format, rows: rows as number, settings: checkSettings(settings), parts }
}

/** JSON of bytes. @throws PithError `PITH_CORRUPT` */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new PithError('PITH_CORRUPT', 'a part of the index is no JSON', { cause })
  }
}

function newer(version: unknown): PithError {
  return new PithError('PITH_VERSION', `the index has version ${JSON.stringify(version)}, 1 is known`, {
    hint: 'Read it with a newer pith.',
  })
}
