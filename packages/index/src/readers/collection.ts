/** Collections of documents, with queries and judgements where they have them. */
import type { Run } from '@pith/core'
import type { IndexDocument, IndexQuery, Qrels } from '../types.ts'
import { pageKind } from './pages.ts'

/** Forms of files and folders that are read. */
export type CollectionFormat =
  | 'beir'
  | 'trec'
  | 'smart'
  | 'jsonl'
  | 'csv'
  | 'tsv'
  | 'parquet'
  | 'pages'
  | 'npy'
  | 'safetensors'

/** Documents to index, and what they can be judged by. */
export interface Collection {
  readonly format: CollectionFormat
  /** Documents one by one, read as they are asked for. May be called again. */
  documents(run?: Run): AsyncGenerator<IndexDocument, void, undefined>
  /** Queries, where the collection has them. */
  queries?(run?: Run): AsyncGenerator<IndexQuery, void, undefined>
  /** Judgements, where the collection has them. */
  qrels?(run?: Run): Promise<Qrels>
}

/** Bytes of a file that {@link detectFormat} looks at. */
export const DETECT_BYTES = 4096

/**
 * The form of a file by its first bytes and its name; undefined where it is none that is read.
 *
 * @param head  the first {@link DETECT_BYTES} bytes, or all
 */
export function detectFormat(head: Uint8Array, name: string): CollectionFormat | undefined {
  const start = String.fromCharCode(...head.subarray(0, 8))
  if (start.startsWith('PAR1')) return 'parquet'
  if (start.startsWith('\u0093NUMPY')) return 'npy'
  const ending = /\.([a-z\d]+)(?:\.gz)?$/i.exec(name)?.[1]?.toLowerCase() ?? ''
  if (ending === 'safetensors') return 'safetensors'
  if (['jsonl', 'ndjson', 'json'].includes(ending)) return 'jsonl'
  if (ending === 'csv') return 'csv'
  if (ending === 'tsv' || ending === 'tab') return 'tsv'
  const text = new TextDecoder().decode(head).trimStart()
  if (/^\.I\s/.test(text)) return 'smart'
  if (/^(?:<\?xml[^>]*>\s*)?<doc>/i.test(text)) return 'trec'
  if (pageKind(name) !== undefined) return 'pages'
  return /^\{\s*"/.test(text) ? 'jsonl' : undefined
}
