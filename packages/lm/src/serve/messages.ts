/** What goes between a server and the thread that runs its model. */
import type { Quant } from '../runtime/quantise.ts'
import type { Prompt, WritingRequest } from './requests.ts'

/** A store of prefixes that the thread opens: a module, its function, and what that is called with. */
export interface PrefixSource {
  /** Name or address of a module. */
  readonly module: string
  /** A function of it that gives a `PrefixCache`, or a promise of one; if that has a method `close`, it is called at the end. */
  readonly open: string
  readonly arguments: readonly unknown[]
}

/** The model that a thread runs. */
export interface ModelSource {
  readonly path: string
  readonly tokenizer?: string
  readonly quant?: Quant
  readonly threads?: number
  readonly prefixes?: PrefixSource
}

/** What is told of a model. */
export interface ModelFacts {
  readonly parameters: number
  readonly vocab: number
  readonly ctx: number
  /** Whether it has a chat template of its own. */
  readonly hasTemplate: boolean
  /** SHA-256 of the weights, in hex. */
  readonly weights: string
}

/** A text to write. */
export interface WritingJob extends Pick<WritingRequest, 'writing' | 'logprobs' | 'echo'> {
  readonly prompt: Prompt
}

/** A token with what is told of it. */
export interface ToldToken {
  readonly id: number
  /** The text of the token by itself. */
  readonly piece: string
  /** Null for the first token of a prompt, which nothing foresees. */
  readonly logprob: number | null
  readonly alternatives: readonly { readonly id: number; readonly piece: string; readonly logprob: number }[]
}

/** What comes out of the thread, in this order. */
export type WritingEvent =
  | {
      readonly kind: 'begin'
      readonly promptTokens: number
      /** Tokens of the prompt that came from the store of prefixes. */
      readonly reused: number
      /** The prompt, where it is to come back. */
      readonly echo?: { readonly text: string; readonly tokens: readonly ToldToken[] }
    }
  | { readonly kind: 'token'; readonly text: string; readonly token: ToldToken }
  | { readonly kind: 'end'; readonly reason: 'stop' | 'length'; readonly tokens: number }
