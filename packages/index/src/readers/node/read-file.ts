/** One file of documents. */
import { type Limits, PithError, type Run, type Source } from '@pith/core'
import { fileSource, inputSource } from '@pith/core/node'
import type { IndexDocument } from '../../types.ts'
import { type CollectionFormat, DETECT_BYTES, detectFormat } from '../collection.ts'
import { gunzipped } from '../gunzip.ts'
import { readJsonLines } from '../json-lines.ts'
import { readPage } from '../pages.ts'
import { readParquet } from '../parquet.ts'
import type { PassageSizes } from '../passages.ts'
import type { RowOptions } from '../rows.ts'
import { readSmart } from '../smart.ts'
import { readTable } from '../table.ts'
import { readTrec } from '../trec.ts'
import { openVectors, vectorDocuments } from '../vector-files.ts'
import { NODE_CODECS } from './codecs.ts'

/** How a collection is read. */
export interface CollectionOptions extends Omit<RowOptions, 'name' | 'signal'> {
  /** Default by its names and first bytes. */
  format?: CollectionFormat
  /** Names of the columns of a table without a heading. */
  columns?: readonly string[]
  /** Which judgements of a BEIR folder; default `test`, else `dev`, else `train`. */
  split?: string
  /** A .npy or .safetensors file with one row for each document. */
  vectors?: string
  /** Name of the tensor in a safetensors file of several. */
  tensor?: string
  /** Sizes of passages of pages. */
  passages?: PassageSizes
  /** `memoryBytes` bounds a page and a group of rows of Parquet. */
  limits?: Partial<Limits>
}

/** The form of a file; undefined where it is none that is known. */
export async function formatOfFile(path: string): Promise<CollectionFormat | undefined> {
  return await withSource(path, {}, async (source) => detectFormat(await source.head(DETECT_BYTES), path))
}

/** Read bytes of a file, unpacked where gzip packed it, and close it. */
export async function withSource<T>(
  path: string,
  run: Run | undefined,
  use: (source: Source) => Promise<T>,
): Promise<T> {
  const input = await inputSource(path, signalOf(run))
  try {
    return await use(await gunzipped(input))
  } finally {
    await input.close()
  }
}

/**
 * Documents of a file, read as they are asked for; the file is closed when they end or are no longer wanted.
 *
 * @param name  of the file in ids, links and errors
 */
export async function* readFile(
  path: string,
  name: string,
  format: CollectionFormat,
  options: CollectionOptions,
  run: Run | undefined,
): AsyncGenerator<IndexDocument, void, undefined> {
  const own = { ...options, ...signalOf(run), name }
  if (format === 'parquet' || format === 'npy' || format === 'safetensors') {
    const file = await fileSource(path, signalOf(run))
    try {
      yield* format === 'parquet'
        ? readParquet(file, { ...own, codecs: NODE_CODECS })
        : vectorDocuments(await openVectors(file, own))
    } finally {
      await file.close()
    }
    return
  }
  const input = await inputSource(path, signalOf(run))
  try {
    const source = await gunzipped(input)
    if (format === 'jsonl') yield* readJsonLines(source, own)
    else if (format === 'csv' || format === 'tsv')
      yield* readTable(source, format === 'tsv' ? { delimiter: '\t', ...own } : own)
    else if (format === 'smart') yield* readSmart(source, own)
    else if (format === 'trec') yield* readTrec(source, own)
    else if (format === 'pages') yield* readPage(source, name, own)
    else throw new PithError('PITH_ARG', `a BEIR collection is a folder, ${name} is a file`)
  } finally {
    await input.close()
  }
}

export function signalOf(run: Run | undefined): { signal?: AbortSignal } {
  return run?.signal === undefined ? {} : { signal: run.signal }
}
