import { PithError, type RandomAccess, type Run } from '@pith/core'
import { atomicFile, fileSource, nodeFiles } from '@pith/core/node'
import { type OpenIndexOptions, openIndex as openFile } from '../open.ts'
import type { IndexReader } from '../reader.ts'
import { type OpenFolderOptions, openIndexFolder } from './open.ts'

/**
 * Open an index: a folder, a file, a URL, or what {@link openFile} opens.
 *
 * @param source  a text that begins with `http://` or `https://` is a URL, another one a path
 * @throws PithError `PITH_IO` nothing stands there · as openIndex of `@pith/index/store`
 */
export async function openIndex(
  source: string | URL | Uint8Array | ArrayBuffer | Blob | RandomAccess,
  options: OpenIndexOptions & OpenFolderOptions = {},
  run?: Run,
): Promise<IndexReader> {
  const { allowPartial, files = nodeFiles, ...own } = options
  if (typeof source !== 'string' || /^https?:\/\//.test(source)) return openFile(source, own, run)
  const stat = await files.stat(source)
  if (stat === undefined) throw new PithError('PITH_IO', `${source} does not exist`, { hint: 'Check the path.' })
  if (stat.kind === 'folder')
    return openIndexFolder(source, { files, ...encodersOf(own), ...(allowPartial && { allowPartial }) }, run)
  return openFile(await fileSource(source, { files }), own, run)
}

function encodersOf({ encoder, sparseEncoder }: OpenIndexOptions): Pick<OpenIndexOptions, 'encoder' | 'sparseEncoder'> {
  return { ...(encoder && { encoder }), ...(sparseEncoder && { sparseEncoder }) }
}

/** Write an index as one file, which appears as a whole. @returns documents */
export async function exportIndex(
  index: IndexReader,
  path: string,
  options: { force?: boolean } = {},
  run?: Run,
): Promise<number> {
  const sink = await atomicFile(path, { ...options, ...(run?.signal && { signal: run.signal }) })
  try {
    return await index.export(sink, run)
  } catch (error) {
    await sink.abort(error).catch(() => {})
    throw error
  }
}
