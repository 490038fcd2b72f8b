/** What goes between a server of caches and the thread that runs its model. */
import type { ModelSource } from '@pith/lm/node'
import type { KvOffer } from '../offer.ts'

/** The model and the profile that a thread works with. */
export interface EncoderSource extends Omit<ModelSource, 'prefixes'> {
  /** Path of the profile. */
  readonly profile: string
  /** Tokens of a chunk. Default 256. */
  readonly chunk?: number
  /** Most tokens of a text. Default the context of the model. */
  readonly maxTokens?: number
  /** Places of a store of prefixes, the nearest first. */
  readonly store?: readonly string[]
  /** Secret of the owner of what the store keeps. */
  readonly salt?: string
}

/** What is told of the model and its profile. */
export interface EncoderFacts {
  readonly preset: string
  readonly profileId: string
  /** The profile as it is sent. */
  readonly profile: Uint8Array
  readonly parameters: number
  readonly ctx: number
}

/** A cache that was made: what is said of it, and by chunk its tokens and then its levels. */
export interface MadeCache {
  readonly offer: KvOffer
  readonly parts: readonly (readonly Uint8Array[])[]
}
