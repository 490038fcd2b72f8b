import { compareText } from '@pith/core'
import type { IndexDocument } from '../../types.ts'
import type { PlacedDocument } from '../segment.ts'
import type { Change } from './wal.ts'

/** What is left of changes: documents that stay, and all ids whose older documents are gone, both by ascending id. */
export function freshDocuments(changes: readonly Change[]): { documents: PlacedDocument[]; changed: string[] } {
  const documents = new Map<string, IndexDocument>()
  const changed = new Set<string>()
  for (const change of changes) {
    const id = change.kind === 'add' ? change.document.id : change.id
    changed.add(id)
    if (change.kind === 'add') documents.set(id, change.document)
    else documents.delete(id)
  }
  const placed = [...documents.values()].map((document) => ({ document }))
  placed.sort((a, b) => compareText(a.document.id, b.document.id))
  return { documents: placed, changed: [...changed].sort(compareText) }
}
