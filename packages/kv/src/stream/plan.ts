/** What can be sent of a text, what that costs, and what is known while it is sent. */

/** One chunk of tokens. */
export interface ChunkPlan {
  readonly tokens: number
  /** Bytes at each level, from small to exact. */
  readonly bytes: readonly number[]
  /** Bytes of the tokens themselves. */
  readonly textBytes: number
}

/** A text that can be sent. */
export interface StreamPlan {
  readonly chunks: readonly ChunkPlan[]
  /** Nats a token that each level costs, from small to exact. */
  readonly damage: readonly number[]
}

/** What the receiver's own work takes. */
export interface StreamCosts {
  /** Seconds to decode the cache of so many tokens. */
  decode(tokens: number): number
  /** Seconds to compute the cache of so many tokens behind a past. */
  recompute(tokens: number, past: number): number
}

/** What is sent of a chunk: a level of its cache, or its text. */
export type Choice = number | 'text'

/** What a controller knows before it chooses for a chunk. */
export interface StreamState {
  readonly plan: StreamPlan
  readonly costs: StreamCosts
  /** The chunk to choose for. */
  readonly index: number
  /** Seconds since the start. */
  readonly elapsed: number
  /** Seconds since the start at which all earlier chunks are decoded. */
  readonly ready: number
  /** Bytes a second of earlier transfers, newest last. */
  readonly samples: readonly number[]
  /** Seconds from a request to its first byte, mean of earlier ones. */
  readonly delay: number
  /** Seconds until all should be ready. */
  readonly slo: number
  /** Bytes a second that are expected before anything is known. */
  readonly hint?: number
}

/** Chooses what to send of the next chunk. */
export type Controller = (state: StreamState) => Choice

/** Tokens before a chunk. */
export function tokensBefore({ chunks }: StreamPlan, index: number): number {
  return chunks.slice(0, index).reduce((sum, { tokens }) => sum + tokens, 0)
}

/** Seconds to compute chunks from `index` on as text, one behind the other. */
export function recomputeRest({ plan, costs, index }: Pick<StreamState, 'plan' | 'costs' | 'index'>): number {
  let past = tokensBefore(plan, index)
  let seconds = 0
  for (const { tokens } of plan.chunks.slice(index)) {
    seconds += costs.recompute(tokens, past)
    past += tokens
  }
  return seconds
}
