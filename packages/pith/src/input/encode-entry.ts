import {
  type Codec,
  type Continuation,
  type EntryWriter,
  PithError,
  type Report,
  type Run,
  type Source,
} from '@pith/core'
import { codecs } from '../systems/codecs.ts'

/** What the user chose for all entries. */
export interface EncodeChoices {
  /** Id of a codec; detected from the content if left out. */
  readonly method?: string
  readonly level?: 'fast' | 'default' | 'max'
  readonly chunkBytes?: number
}

/** Bytes that codecs are asked about. */
const HEAD_BYTES = 1 << 16
const FALLBACK = 'general'

/**
 * The codec for an input: the one chosen, or the one that is surest that it fits.
 *
 * @throws PithError `PITH_ARG` there is no codec of the chosen name
 */
export async function pickCodec(source: Source, choices: EncodeChoices): Promise<Codec> {
  const registry = codecs()
  const { method } = choices
  if (method !== undefined) {
    if (registry.has('codec', method)) return await registry.load('codec', method)
    throw new PithError('PITH_ARG', `--method must be one of ${registry.ids('codec').join(', ')}, got ${method}`)
  }
  const head = await source.head(HEAD_BYTES)
  const [best] = head.length === 0 ? [] : await registry.probe(head, source.name)
  return best?.codec ?? (await registry.load('codec', FALLBACK))
}

/** Encode one input to an entry. */
export async function encodeWith(
  codec: Codec,
  source: Source,
  sink: EntryWriter,
  choices: EncodeChoices,
  run: Run & Continuation,
): Promise<Report> {
  const { level, chunkBytes } = choices
  const options = {
    ...run,
    ...(level === undefined ? {} : { level }),
    ...(chunkBytes === undefined ? {} : { chunkBytes }),
  }
  return await codec.encode(source, sink, options)
}
