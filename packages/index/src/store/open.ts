import { httpSource, PithError, type RandomAccess, type Run, toRandomAccess } from '@pith/core'
import type { Encoder, SparseEncoder } from '../types.ts'
import { modelsOf, NO_MODELS } from './models.ts'
import type { ReaderTools } from './parts.ts'
import { type IndexReader, makeReader } from './reader.ts'
import { openSegment } from './segment.ts'
import { toolsFor } from './tools.ts'
import { verifySegment } from './verify.ts'
import { once, viewOf } from './view.ts'

/** How an index in one file is opened. */
export interface OpenIndexOptions {
  /** Bytes of the file that are kept in memory once they were read. Default 32 MiB. */
  cacheBytes?: number
  /** The encoder that the index was built with, where it is not one of its own. */
  encoder?: Encoder
  sparseEncoder?: SparseEncoder
  /** Sent with every request for a URL, for instance for authorisation. */
  headers?: Readonly<Record<string, string>>
  /** Largest file that is read whole from a server which does not serve parts of it. Default 32 MiB, 0 for none. */
  wholeBytes?: number
}

const WHOLE_BYTES = 2 ** 25

/**
 * Open an index that is one file: bytes, a Blob, a file on a web server, or any random access. Only what queries need is
 * read, where the server serves ranges.
 *
 * @param source  a text is a URL
 * @throws PithError `PITH_CORRUPT` no index · `PITH_NETWORK` · `PITH_VERSION` · damage
 * @example
 * const index = await openIndex('https://example.org/docs.pith')
 * const { hits } = await index.search('how to begin')
 */
export async function openIndex(
  source: string | URL | Uint8Array | ArrayBuffer | Blob | RandomAccess,
  options: OpenIndexOptions = {},
  run?: Run,
): Promise<IndexReader> {
  const access = await accessOf(source, options, run)
  const { cacheBytes } = options
  try {
    const segment = await openSegment(access, {
      ...(cacheBytes === undefined ? {} : { cacheBytes }),
      ...(run === undefined ? {} : { run }),
    })
    const { settings } = segment.info
    // Words need nothing that was learned.
    const load = once(async (own) => {
      const models = settings.dense === undefined ? NO_MODELS : await modelsOf(segment.container, own)
      return toolsFor(settings, models, options)
    })
    const { encoder, sparseEncoder } = options
    if (encoder !== undefined || sparseEncoder !== undefined) await load(run)
    const tools: ReaderTools = { settings, encoder, sparseEncoder, load }
    const view = viewOf('index', segment, undefined, tools)
    return makeReader({
      tools,
      views: [view],
      damaged: [],
      warnings: [],
      allowPartial: false,
      async verify(own) {
        const error = await verifySegment(segment, own)
        return error === undefined ? [] : [{ name: view.name, error }]
      },
      close: () => segment.close(),
    })
  } catch (error) {
    await access.close?.()
    throw error
  }
}

async function accessOf(
  source: string | URL | Uint8Array | ArrayBuffer | Blob | RandomAccess,
  { headers, wholeBytes = WHOLE_BYTES }: OpenIndexOptions,
  run?: Run,
): Promise<RandomAccess> {
  if (typeof source !== 'string' && !(source instanceof URL)) return toRandomAccess(source)
  const signal = run?.signal
  const address = String(source)
  if (!/^(https?|blob|data):/.test(address) && typeof location === 'undefined') {
    throw new PithError('PITH_ARG', `${address.slice(0, 80)} is no URL`, {
      hint: 'Open a path with openIndex of @pith/index/store/node.',
    })
  }
  return httpSource(address, { wholeBytes, ...(headers && { headers }), ...(signal && { signal }) })
}
