/** Reading a text of which a cache may know the beginning. */
import { PithError, type Run } from '@pith/core'
import type { PrefixCache } from './prefix-cache.ts'
import type { LmSession } from './runtime/session.ts'

/** What {@link prefillThrough} did. */
export interface ThroughCache {
  /** f32[vocab], of the token to come. */
  readonly logits: Float32Array
  /** Tokens whose keys and values came from the cache. */
  readonly reused: number
}

/**
 * Read a text in a new session: what the cache knows of its beginning is taken from there, the rest is computed and kept.
 *
 * @throws PithError `PITH_ARG` no tokens, or a session that has read some · `PITH_MODEL`, `PITH_CORRUPT` the cache gave what
 * was not asked for · as `LmSession.prefill`
 */
export async function prefillThrough(
  session: LmSession,
  ids: Int32Array,
  cache: PrefixCache,
  options: Pick<Run, 'signal' | 'onProgress'> = {},
): Promise<ThroughCache> {
  if (session.length > 0) {
    throw new PithError('PITH_ARG', `the session has read ${session.length} tokens`, { hint: 'Take a new session.' })
  }
  let known = 0
  const { signal } = options
  for await (const piece of cache.find(ids, session.fingerprint, signal === undefined ? {} : { signal })) {
    if (piece.length > ids.length - known || !piece.tokens.every((id, i) => id === ids[known + i])) {
      throw new PithError('PITH_CORRUPT', 'the cache gave keys and values of other tokens than it was asked for')
    }
    // The last token is read in any case, for its logits.
    const most = ids.length - 1 - known
    session.attachKv(piece.length > most ? piece.slice(0, most) : piece)
    known += piece.length
  }
  const reused = session.length
  const logits = await session.prefill(ids.subarray(reused), options)
  const whole = ids.length - (ids.length % cache.chunk)
  if (whole > known) cache.keep(ids.slice(0, whole), session.kv(known, whole))
  return { logits, reused }
}
