/** Caches of files that a model goes on behind. */
import { type Arguments, type CommandContext, numberOf, PithError, type RandomAccess } from '@pith/core'
import { fileSource } from '@pith/core/node'
import type { KvCache, ModelFingerprint } from '../kv-cache.ts'
import type { Lm } from '../lm.ts'
import { textOf } from './inputs.ts'

/** The room that reads caches; this one does not know it. */
const READER = '@pith/kv/cachegen'

/** What is used of it. */
interface Reader {
  readonly KvFile: {
    open(source: RandomAccess, options: { profile?: unknown }): Promise<CacheFile>
  }
  readProfileFile(source: RandomAccess): Promise<unknown>
}

interface CacheFile {
  cache(
    fp: ModelFingerprint,
    range: { level?: number; signal: AbortSignal; onProgress: CommandContext['onProgress'] },
  ): Promise<KvCache>
  close(): Promise<void>
}

/**
 * The cache that --past names.
 *
 * @throws PithError `PITH_CAPABILITY` the room that reads it is missing · `PITH_MODEL` it is of another model · `PITH_LIMIT` it is
 * longer than the model can read on behind · what the reader throws
 */
export async function pastOf(args: Arguments, context: CommandContext, lm: Lm): Promise<KvCache> {
  const reader = await load()
  const level = args.has('level') ? { level: numberOf(args, 'level', 1, 4, true) } : {}
  const profilePath = args.value('profile')
  const profile =
    profilePath === undefined ? {} : { profile: await withSource(profilePath, context, reader.readProfileFile) }
  const kv = await withSource(args.value('past') as string, context, async (source) => {
    const file = await reader.KvFile.open(source, profile)
    try {
      return await file.cache(lm.fingerprint, {
        ...level,
        signal: context.signal,
        onProgress: (progress) => context.onProgress(progress),
      })
    } finally {
      await file.close()
    }
  })
  if (kv.length === 0) throw new PithError('PITH_ARG', 'the cache of --past has no tokens')
  return kv
}

/** Ids of the text that --text or --prompt gives behind a past; none where neither is given. */
export async function continuationOf(
  args: Arguments,
  context: CommandContext,
  { tokenizer, config }: Lm,
  past: KvCache,
): Promise<Int32Array> {
  const isGiven = args.has('text') || args.has('prompt')
  // It goes on within a text: nothing stands in front of it, no space either.
  const options = { special: false, prefix: false }
  const ids = isGiven ? tokenizer.encode(await textOf(args, context), options) : new Int32Array(0)
  if (past.length + ids.length > config.ctx) {
    throw new PithError(
      'PITH_LIMIT',
      `the past has ${past.length} tokens and the text ${ids.length}, the model was made for ${config.ctx}`,
      { hint: 'Give a shorter text.' },
    )
  }
  return ids
}

async function load(): Promise<Reader> {
  try {
    return (await import(READER)) as Reader
  } catch (cause) {
    throw new PithError('PITH_CAPABILITY', 'what reads caches of --past is not installed', {
      cause,
      hint: 'Run: npm install @pith/kv',
    })
  }
}

async function withSource<T>(
  path: string,
  context: CommandContext,
  use: (source: RandomAccess) => Promise<T>,
): Promise<T> {
  const source = await fileSource(path, { signal: context.signal })
  try {
    return await use(source)
  } finally {
    await source.close()
  }
}
