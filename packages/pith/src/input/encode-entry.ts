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

/** Bytes for which it pays to start threads. */
const MIN_SHARE = 1 << 20
/** Bytes that codecs code at a time unless told otherwise. */
const CHUNK = 1 << 23
/** Bytes that codecs are asked about. */
export const HEAD_BYTES: number = 1 << 16
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

async function shortLength(source: Source): Promise<number | undefined> {
  const { length } = await source.head(MIN_SHARE)
  return length < MIN_SHARE ? length : undefined
}

/** One thread, this one, for what is soon done; else this one stays free for Ctrl-C and progress. */
export async function codingRun<R extends Run>(run: R, source: Source): Promise<R> {
  // Of a pipe it is not known how much will come, but a short one ends within the first bytes.
  const size = source.size ?? (await shortLength(source))
  return size !== undefined && size < MIN_SHARE ? { ...run, threads: 1, responsive: false } : run
}

/** As {@link Run}, with no more threads than reading so many decoded bytes gives work to. */
export function readingRun<R extends Run>(run: R, bytes: number): R {
  return { ...run, threads: Math.max(1, Math.min(run.threads ?? 1, Math.floor(bytes / CHUNK))) }
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
    ...(await codingRun(run, source)),
    ...(level === undefined ? {} : { level }),
    ...(chunkBytes === undefined ? {} : { chunkBytes }),
  }
  return await codec.encode(source, sink, options)
}
