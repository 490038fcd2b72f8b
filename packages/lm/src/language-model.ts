/** What programs ask of a language model, wherever it runs. */
import type { Run } from '@pith/core'
import type { Tokenizer } from '@pith/engine/io'
import type { LmConfig } from './config.ts'
import type { ModelFingerprint } from './kv-cache.ts'
import type { PrefixCache } from './prefix-cache.ts'
import type { SampleOptions } from './sample.ts'

/** How text is written. */
export interface GenerateOptions extends SampleOptions, Pick<Run, 'signal' | 'seed'> {
  /** Most tokens to write. Default 256. */
  maxTokens?: number
  /** Texts that end it; they are not part of what comes back. */
  stop?: readonly string[]
  /** Likeliest tokens that are named beside each written one, 0..100. Default 0. */
  alternatives?: number
  /** Where the beginning of the prompt may be known from, and is kept. */
  cache?: PrefixCache
}

/** One token that was written. */
export interface GeneratedToken {
  readonly id: number
  /** Text that is complete with this token; characters of several tokens come with the last of them. */
  readonly text: string
  /** Natural logarithm of its probability before any filter. */
  readonly logprob: number
  /** The likeliest tokens in its place, best first, where they were asked for. */
  readonly alternatives?: readonly TokenScore[]
}

/** A token, and the natural logarithm of its probability. */
export interface TokenScore {
  readonly id: number
  readonly logprob: number
}

/** How a text ended: by itself or a stop, or because it may not be longer. */
export interface GenerateEnd {
  readonly reason: 'stop' | 'length'
  /** Tokens that were written, those of a stop included. */
  readonly tokens: number
}

/** How perplexity is measured. */
export interface PerplexityOptions extends Pick<Run, 'signal' | 'onProgress'> {
  /** Tokens that are read at once, at most what the model was made for. Default that. */
  window?: number
  /** New tokens of each window; the others are only read before them. Default half of the window. */
  stride?: number
}

/** How well a model foresees a text. */
export interface Perplexity {
  /** Mean negative logarithm of the probability of a token, in nats. */
  readonly nll: number
  readonly ppl: number
  readonly bitsPerByte: number
  /** Tokens that were scored. */
  readonly n: number
}

/** How attention is summed up: whole maps, or over the last `window` queries. */
export interface AttentionOptions extends Pick<Run, 'signal'> {
  layers?: readonly number[]
  reduce?: 'full' | 'last'
  /** Queries that `last` sums over. Default 8. */
  window?: number
}

/** Attention of one layer. */
export interface LayerAttention {
  readonly layer: number
  /** [heads, tokens, tokens] of `full`, [kvHeads, tokens] of `last`: queries that share keys are summed. */
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** A language model. What an implementation cannot answer rejects with `PITH_CAPABILITY`. */
export interface LanguageModel {
  readonly config: LmConfig
  readonly fingerprint: ModelFingerprint
  /** @throws PithError `PITH_CAPABILITY` the model has none */
  readonly tokenizer: Tokenizer
  /** Natural logarithms of the probabilities of tokens 1 .. n - 1 behind those before them: f32[n - 1]. */
  logprobs(ids: Int32Array, run?: Pick<Run, 'signal' | 'onProgress'>): Promise<Float32Array>
  perplexity(text: string, options?: PerplexityOptions): Promise<Perplexity>
  /** Write behind tokens. */
  generate(prompt: Int32Array, options?: GenerateOptions): AsyncGenerator<GeneratedToken, void, undefined>
  /** Hidden states before layers (`config.layers`: behind the last): f32[tokens, hidden] by layer. */
  hidden(
    ids: Int32Array,
    options?: { layers?: readonly number[] } & Pick<Run, 'signal'>,
  ): Promise<Map<number, Float32Array>>
  attention(ids: Int32Array, options?: AttentionOptions): Promise<LayerAttention[]>
  close(): Promise<void>
}
