/** What a server says of a cache that it can send. */
import { PithError } from '@pith/core'
import type { ModelFingerprint } from '@pith/lm'
import { MOST_TOKENS } from '../shape.ts'
import type { StreamPlan } from './plan.ts'

/** A cache that can be sent. */
export interface KvOffer {
  readonly id: string
  readonly fp: ModelFingerprint
  /** SHA-256 of the profile, in hex. */
  readonly profileId: string
  readonly tokens: number
  /** From small to exact. */
  readonly levels: readonly { readonly level: number; readonly damage: number }[]
  readonly chunks: readonly { readonly tokens: number; readonly bytes: readonly number[]; readonly textBytes: number }[]
}

/** Most chunks and levels that are taken. */
const MOST_CHUNKS = 65536
const MOST_LEVELS = 16

/** The plan of an offer. */
export function planOfOffer({ chunks, levels }: KvOffer): StreamPlan {
  return { chunks, damage: levels.map(({ damage }) => damage) }
}

/** @throws PithError `PITH_CORRUPT` what is no offer */
export function readOffer(json: unknown): KvOffer {
  const offer = (typeof json === 'object' && json !== null ? json : {}) as Partial<KvOffer>
  const isCount = (x: unknown, most: number): boolean =>
    Number.isInteger(x) && (x as number) >= 0 && (x as number) <= most
  const isHash = (x: unknown): boolean => typeof x === 'string' && /^[0-9a-f]{64}$/.test(x)
  const { fp, levels, chunks, tokens } = offer
  const isWhole =
    typeof offer.id === 'string' &&
    /^[0-9a-f]{1,64}$/.test(offer.id) &&
    isHash(offer.profileId) &&
    isHash(fp?.arch) &&
    isHash(fp?.weights) &&
    typeof fp?.numerics === 'string' &&
    isCount(tokens, MOST_TOKENS) &&
    Array.isArray(levels) &&
    levels.length >= 1 &&
    levels.length <= MOST_LEVELS &&
    levels.every((own) => isCount(own?.level, 255) && Number.isFinite(own.damage)) &&
    Array.isArray(chunks) &&
    chunks.length <= MOST_CHUNKS &&
    chunks.every(
      (own) =>
        isCount(own?.tokens, MOST_TOKENS) &&
        isCount(own.textBytes, 2 ** 40) &&
        Array.isArray(own.bytes) &&
        own.bytes.length === levels.length &&
        own.bytes.every((size: unknown) => isCount(size, 2 ** 40)),
    ) &&
    chunks.reduce((sum, own) => sum + own.tokens, 0) === tokens
  if (!isWhole) throw new PithError('PITH_CORRUPT', 'the server sent no description of a cache')
  return offer as KvOffer
}
