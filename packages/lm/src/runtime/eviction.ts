/** What decides which tokens a cache keeps. */
import type { LmConfig } from '../config.ts'
import type { KvShape } from '../kv-cache.ts'
import type { HeadGroups } from './head-groups.ts'

/** A layer from which on only a part of the tokens is computed. */
export interface Stage {
  /** 1 or more. */
  readonly layer: number
  /** Tokens that go on, at most as many as before. */
  readonly tokens: number
  /** Neighbours over which the attention that chooses them is averaged, odd. Default 1. */
  readonly kernel?: number
}

/** What a layer holds of a prompt, and how it was attended to. */
export interface PromptLayer {
  /** Positions of the tokens, ascending. */
  readonly positions: Int32Array
  /** f32[tokens, kvHeads * headDim], keys turned to their positions. */
  readonly keys: Float32Array
  readonly values: Float32Array
  /** f32[kvHeads, window, tokens]: attention of each of the last queries, summed over the queries that share keys. */
  readonly recent: Float32Array
  /** f32[kvHeads, tokens]: summed over all queries; only where it was asked for. */
  readonly every?: Float32Array
}

/** A prompt that was read. */
export interface Prompt {
  readonly tokens: Int32Array
  /** Queries in `recent`: fewer than asked for where the prompt is shorter. */
  readonly window: number
  readonly layers: readonly PromptLayer[]
  /** f32[vocab] of the token behind it. */
  readonly logits: Float32Array
}

/** What is asked of the attention of a prompt. */
export interface PromptNeeds {
  /** Last queries whose attention is wanted, 1 or more. */
  readonly window: number
  /** Whether the sum over all queries is wanted too. */
  readonly every: boolean
}

/** Follows one head while text is written, and names what is given up for each new token. */
export interface HeadWatch {
  /** Attention of one new query to all tokens of the head, as they lie; its own token is the last. */
  push(row: Float32Array): void
  /** The place of the token that is worth least. */
  worst(positions: readonly number[]): number
  /** The token at a place is gone; the last one lies there now. */
  drop(at: number): void
  /** One that goes its own way from here on. */
  clone(): HeadWatch
}

/** A way to keep a part of the tokens. */
export interface EvictionPolicy extends PromptNeeds {
  readonly name: string
  /** Layers at which prompts lose tokens while they are read; none for prompts that are too short for it. */
  stages?(config: LmConfig, tokens: number): readonly Stage[]
  /** Heads that share blocks of memory: those that keep the same number of tokens. */
  groups(shape: KvShape): HeadGroups
  /** Places among the tokens of each layer that each head keeps, ascending: by layer and head. */
  keep(prompt: Prompt, shape: KvShape): readonly (readonly (ArrayLike<number> & Iterable<number>)[])[]
  /** Keeps the number of tokens of a head as it is while text is written; without it caches grow. */
  watch?(prompt: Prompt, layer: number, head: number, kept: ArrayLike<number>): HeadWatch
}
