/** The collections of documents, queries and judgements in PITH_DATA. */
import { join } from 'node:path'
import type { IndexDocument, IndexQuery, Qrels } from '@pith/index'
import { openCollection } from '@pith/index/readers/node'
import { dataFolder } from '../measure/data.ts'

export const COLLECTIONS = ['adi', 'med', 'cacm', 'cranfield', 'npl'] as const
export type CollectionName = (typeof COLLECTIONS)[number]

/** A collection in memory; queries are those that have judgements. */
export interface LoadedCollection {
  readonly name: CollectionName
  readonly documents: readonly IndexDocument[]
  readonly queries: readonly IndexQuery[]
  readonly qrels: Qrels
}

export async function loadCollection(name: CollectionName): Promise<LoadedCollection> {
  const collection = await openCollection(join(dataFolder() ?? '', 'index', name))
  if (collection.queries === undefined || collection.qrels === undefined) throw new Error(`${name} has no queries`)
  const qrels = await collection.qrels()
  const documents: IndexDocument[] = []
  for await (const document of collection.documents()) documents.push(document)
  const queries: IndexQuery[] = []
  for await (const query of collection.queries()) if (qrels.has(query.id)) queries.push(query)
  return { name, documents, queries, qrels }
}
