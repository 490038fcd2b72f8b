/** Caches of a model that are made when they are asked for, and kept for a while. */
import { ByteWriter, PithError, Sha256, throwIfAborted, toHex } from '@pith/core'
import { type Lm, type PrefixCache, prefillThrough } from '@pith/lm'
import { encodeKv, type KvProfile, LEVELS, profileId, writeProfile } from '../cachegen/index.ts'
import type { KvOffer } from './offer.ts'

/** How caches are made. */
export interface EncoderOptions {
  /** Tokens of a chunk. Default 256. */
  readonly chunk?: number
  /** Most tokens of a text. Default the context of the model. */
  readonly maxTokens?: number
  /** Caches that are kept. Default 16. */
  readonly keep?: number
  /** Where the beginning of a text may be known from, and is kept. */
  readonly cache?: PrefixCache
}

/** Caches by their ids. */
export interface KvEncoder {
  /** @param given ids, or a text */
  add(given: Int32Array | string, signal?: AbortSignal): Promise<KvOffer>
  offer(id: string): KvOffer | undefined
  chunk(id: string, index: number, level: number): Uint8Array | undefined
  /** All of a cache: by chunk its tokens and then its levels. */
  parts(id: string): readonly (readonly Uint8Array[])[] | undefined
  profile(id: string): Uint8Array | undefined
}

/** Make caches with a model; one is made at a time. */
export function kvEncoder(lm: Lm, profile: KvProfile, options: EncoderOptions = {}): KvEncoder {
  const { chunk = 256, maxTokens = lm.config.ctx, keep = 16, cache } = options
  const kept = new Map<string, { offer: KvOffer; chunks: readonly (readonly Uint8Array[])[] }>()
  const own = profileId(profile)
  const written = writeProfile(profile)
  let turn: Promise<unknown> = Promise.resolve()

  const make = async (tokens: Int32Array, signal: AbortSignal | undefined): Promise<KvOffer> => {
    const id = idOf(lm, tokens)
    const known = kept.get(id)
    if (known !== undefined) {
      kept.delete(id)
      kept.set(id, known)
      return known.offer
    }
    const session = lm.session({ capacity: tokens.length })
    const run = signal === undefined ? {} : { signal }
    if (cache === undefined) await session.prefill(tokens, { logits: 'none', ...run })
    else await prefillThrough(session, tokens, cache, run)
    const kv = session.kv()
    const chunks: Uint8Array[][] = []
    for (let from = 0; from < tokens.length; from += chunk) {
      throwIfAborted(signal)
      const part = kv.slice(from, Math.min(from + chunk, tokens.length))
      const text = new ByteWriter(2 * part.length)
      for (const token of part.tokens) text.varint(token)
      const levels = LEVELS.map((_, i) =>
        encodeKv(part, {
          profile,
          levels: [i + 1],
          chunk: Math.max(8, chunk),
          sinks: Math.min(4, chunk),
          embed: false,
        }),
      )
      chunks.push([text.finish(), ...(await Promise.all(levels))])
    }
    const offer: KvOffer = {
      id,
      fp: lm.fingerprint,
      profileId: own,
      tokens: tokens.length,
      levels: LEVELS.map((_, i) => ({ level: i + 1, damage: profile.damage[i] as number })),
      chunks: chunks.map(([text, ...levels], i) => ({
        tokens: Math.min(chunk, tokens.length - i * chunk),
        bytes: levels.map((bytes) => bytes.length),
        textBytes: (text as Uint8Array).length,
      })),
    }
    kept.set(id, { offer, chunks })
    for (const oldest of kept.keys()) {
      if (kept.size <= keep) break
      kept.delete(oldest)
    }
    return offer
  }
  return {
    async add(given, signal) {
      const tokens = typeof given === 'string' ? lm.tokenizer.encode(given, { special: true }) : given
      if (tokens.length > maxTokens) {
        throw new PithError('PITH_LIMIT', `the text has ${tokens.length} tokens, at most ${maxTokens} are taken`)
      }
      const wild = tokens.find((id) => id >= lm.config.vocab)
      if (wild !== undefined || tokens.length === 0) {
        throw new PithError('PITH_ARG', wild === undefined ? 'there are no tokens' : `there is no token ${wild}`)
      }
      const next = turn.then(() => make(tokens, signal))
      turn = next.catch(() => {})
      return await next
    },
    offer: (id) => kept.get(id)?.offer,
    parts: (id) => kept.get(id)?.chunks,
    chunk: (id, index, level) => kept.get(id)?.chunks[index]?.[level],
    profile: (id) => (id === own ? written : undefined),
  }
}

/** The same tokens have the same id with a model, and nothing can be told from it. */
function idOf(lm: Lm, tokens: Int32Array): string {
  const { arch, weights, numerics } = lm.fingerprint
  const hash = new Sha256().update(new TextEncoder().encode(`${arch} ${weights} ${numerics} `))
  const writer = new ByteWriter(2 * tokens.length)
  for (const token of tokens) writer.varint(token)
  return toHex(hash.update(writer.finish()).digest())
}
