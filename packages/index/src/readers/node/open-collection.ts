/** Collections at a path. */
import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { PithError, type Run } from '@pith/core'
import { fileSource } from '@pith/core/node'
import { readQrels } from '../../metrics/index.ts'
import type { IndexDocument, IndexQuery, Qrels } from '../../types.ts'
import type { Collection, CollectionFormat } from '../collection.ts'
import { asQueries } from '../rows.ts'
import { readTopics } from '../trec.ts'
import { openVectors, withVectors } from '../vector-files.ts'
import { type CollectionOptions, formatOfFile, readFile, signalOf, withSource } from './read-file.ts'
import { walkFolder } from './walk.ts'

/** Files of a folder that are looked at to find its form. */
const MAX_LOOKED_AT = 1000

/**
 * Open a file or a folder of documents; files may be packed with gzip. A folder is a BEIR folder (`corpus.jsonl`), or files of
 * the form that most of its files have: pages (.md, .txt, .html) give a document for each passage; among others
 * those named like queries or judgements are such. Other files are left out.
 *
 * @throws PithError `PITH_IO` nothing is there · `PITH_UNSUPPORTED` no form that is known
 */
export async function openCollection(path: string, options: CollectionOptions = {}): Promise<Collection> {
  const place = await stat(path).catch((cause: unknown) => {
    throw new PithError('PITH_IO', `there is no file or folder ${path}`, { hint: 'Check the path.', cause })
  })
  const found = place.isDirectory() ? await openFolder(path, options) : await openFile(path, options)
  const { vectors } = options
  if (vectors === undefined) return found
  return { ...found, documents: (run) => documentsWith(found.documents(run), vectors, options, run) }
}

async function* documentsWith(
  documents: AsyncIterable<IndexDocument>,
  path: string,
  options: CollectionOptions,
  run: Run | undefined,
): AsyncGenerator<IndexDocument, void, undefined> {
  const file = await fileSource(path)
  try {
    const { tensor } = options
    yield* withVectors(
      documents,
      await openVectors(file, { ...signalOf(run), ...(tensor === undefined ? {} : { tensor }) }),
    )
  } finally {
    await file.close()
  }
}

async function openFile(path: string, options: CollectionOptions): Promise<Collection> {
  const format = options.format ?? (await formatOfFile(path))
  if (format === undefined) throw unknownForm(path)
  const name = basename(path)
  return { format, documents: (run) => readFile(path, name, format, { idPrefix: `${name}:`, ...options }, run) }
}

function unknownForm(path: string): PithError {
  return new PithError('PITH_UNSUPPORTED', `${path} holds no documents of a form that is known`, {
    hint: 'Name the format: beir, jsonl, csv, tsv, parquet, trec, smart, pages, npy or safetensors.',
  })
}

async function openFolder(folder: string, options: CollectionOptions): Promise<Collection> {
  const corpus = await firstFile(folder, ['corpus.jsonl', 'corpus.jsonl.gz'])
  if (corpus !== undefined && (options.format ?? 'beir') === 'beir') return openBeir(folder, corpus, options)
  const { format, queries, qrels } = await lookAround(folder, options)
  return {
    format,
    documents: (run) => folderDocuments(folder, format, options, run),
    ...(queries === undefined ? {} : { queries: (run) => folderQueries(join(folder, queries), format, options, run) }),
    ...(qrels === undefined ? {} : { qrels: (run) => qrelsOf(join(folder, qrels), run) }),
  }
}

async function openBeir(folder: string, corpus: string, options: CollectionOptions): Promise<Collection> {
  const queries = await firstFile(folder, ['queries.jsonl', 'queries.jsonl.gz'])
  const splits = options.split === undefined ? ['test', 'dev', 'train'] : [options.split]
  const qrels = await firstFile(
    folder,
    splits.map((split) => `qrels/${split}.tsv`),
  )
  if (qrels === undefined && options.split !== undefined) {
    throw new PithError('PITH_IO', `there is no file ${join(folder, `qrels/${options.split}.tsv`)}`, {
      hint: 'Name a split that the folder has.',
    })
  }
  return {
    format: 'beir',
    documents: (run) => readFile(join(folder, corpus), corpus, 'jsonl', options, run),
    ...(queries === undefined
      ? {}
      : { queries: (run) => asQueries(readFile(join(folder, queries), queries, 'jsonl', {}, run)) }),
    ...(qrels === undefined ? {} : { qrels: (run) => qrelsOf(join(folder, qrels), run) }),
  }
}

async function firstFile(folder: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const place = await stat(join(folder, name)).catch(() => undefined)
    if (place?.isFile()) return name
  }
  return undefined
}

type Role = 'documents' | 'queries' | 'qrels'

/** What a file of a collection is, by its name. */
function roleOf(path: string): Role {
  const name = basename(path)
  if (/qrel|\.rel$|rlv-ass|judge?ment/i.test(name)) return 'qrels'
  return /\.qry$|quer(y|ies)|topics/i.test(name) ? 'queries' : 'documents'
}

/** Formats whose files are told apart by their names. */
function hasRoles(format: CollectionFormat): boolean {
  return format !== 'pages'
}

async function lookAround(
  folder: string,
  options: CollectionOptions,
): Promise<{ format: CollectionFormat; queries?: string; qrels?: string }> {
  const counts = new Map<CollectionFormat, number>()
  const files: Partial<Record<Role, string>> = {}
  let seen = 0
  for await (const path of walkFolder(folder)) {
    if (++seen > MAX_LOOKED_AT) break
    const role = roleOf(path)
    files[role] ??= path
    const format = role === 'qrels' ? undefined : await formatOfFile(join(folder, path))
    if (format !== undefined) counts.set(format, (counts.get(format) ?? 0) + 1)
  }
  // A page beside as many files of data describes them.
  const weight = (format: CollectionFormat): number => (counts.get(format) ?? 0) - (format === 'pages' ? 0.5 : 0)
  const most = [...counts.keys()].reduce<CollectionFormat | undefined>(
    (best, own) => (best === undefined || weight(own) > weight(best) ? own : best),
    undefined,
  )
  const format = options.format ?? most
  if (format === undefined || format === 'beir') throw unknownForm(folder)
  const { queries, qrels } = hasRoles(format) ? files : {}
  return { format, ...(queries === undefined ? {} : { queries }), ...(qrels === undefined ? {} : { qrels }) }
}

async function* folderDocuments(
  folder: string,
  format: CollectionFormat,
  options: CollectionOptions,
  run: Run | undefined,
): AsyncGenerator<IndexDocument, void, undefined> {
  for await (const name of walkFolder(folder, run?.signal)) {
    if (hasRoles(format) && roleOf(name) !== 'documents') continue
    const path = join(folder, name)
    if ((await formatOfFile(path)) !== format) continue
    yield* readFile(path, name, format, { idPrefix: `${name}:`, ...options }, run)
  }
}

async function* folderQueries(
  path: string,
  format: CollectionFormat,
  options: CollectionOptions,
  run: Run | undefined,
): AsyncGenerator<IndexQuery, void, undefined> {
  if (format !== 'trec') yield* asQueries(readFile(path, basename(path), format, options, run))
  else yield* await withSource(path, run, async (source) => await gather(readTopics(source, signalOf(run))))
}

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function qrelsOf(path: string, run: Run | undefined): Promise<Qrels> {
  return await withSource(path, run, (source) => readQrels(source, { ...signalOf(run), name: path }))
}
