import { compareText, type Run } from '@pith/core'
import { isKept } from '../row-filter.ts'
import type { RowFilter } from '../types.ts'
import { damaged } from './document.ts'
import type { PlacedDocument, Segment } from './segment.ts'

/** A segment and the rows of it that are still there; undefined keeps all. */
export interface LiveSegment {
  readonly segment: Segment
  readonly live: RowFilter | undefined
}

interface Cursor {
  readonly items: AsyncGenerator<PlacedDocument, void, undefined>
  head: PlacedDocument
}

/** The documents of segments that are still there, by ascending id. @throws PithError `PITH_CORRUPT` an id in two segments */
export async function* mergeDocuments(
  segments: readonly LiveSegment[],
  run?: Run,
): AsyncGenerator<PlacedDocument, void, undefined> {
  const cursors: Cursor[] = []
  for (const [from, { segment, live }] of segments.entries()) {
    const items = liveDocuments(segment, live, from, run)
    const first = await items.next()
    if (!first.done) cursors.push({ items, head: first.value })
  }
  let last: string | undefined
  while (cursors.length > 0) {
    let least = cursors[0]
    for (const cursor of cursors) {
      if (cursor !== least && compareText(cursor.head.document.id, least.head.document.id) < 0) least = cursor
    }
    if (least.head.document.id === last) throw damaged(`two segments hold the document ${JSON.stringify(last)}`)
    last = least.head.document.id
    yield least.head
    const next = await least.items.next()
    if (next.done) cursors.splice(cursors.indexOf(least), 1)
    else least.head = next.value
  }
}

async function* liveDocuments(
  segment: Segment,
  live: RowFilter | undefined,
  from: number,
  run?: Run,
): AsyncGenerator<PlacedDocument, void, undefined> {
  let row = 0
  for await (const document of segment.documents.scan(await segment.ids.all(run), run)) {
    if (live === undefined || isKept(live, row)) yield { document, origin: { from, row } }
    row++
  }
}
