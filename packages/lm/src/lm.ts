/** A language model that runs here. */
import { meterProgress, PithError, type Run } from '@pith/core'
import type { Params } from '@pith/engine'
import type { Tokenizer } from '@pith/engine/io'
import { checkConfig, type LmConfig } from './config.ts'
import { fingerprintOf } from './fingerprint.ts'
import { generateTokens } from './generate.ts'
import type { ModelFingerprint } from './kv-cache.ts'
import type {
  AttentionOptions,
  GeneratedToken,
  GenerateOptions,
  LanguageModel,
  LayerAttention,
  Perplexity,
  PerplexityOptions,
} from './language-model.ts'
import { prefillThrough } from './prefill-through.ts'
import { Decoder, type DecoderRuntime } from './runtime/decoder.ts'
import { EvictingSession } from './runtime/evicting-session.ts'
import type { EvictionPolicy, Prompt, PromptNeeds } from './runtime/eviction.ts'
import { type ReadPromptOptions, readPrompt } from './runtime/prompt.ts'
import { RaggedDecoder } from './runtime/ragged-decoder.ts'
import { LmSession } from './runtime/session.ts'
import { SplitDecoder } from './runtime/split-decoder.ts'
import { logProbability } from './sample.ts'

/** What a model is made of. */
export interface LmParts {
  readonly config: LmConfig
  readonly params: Params
  /** Undefined for a model that is given ids only. */
  readonly tokenizer?: { readonly own: Tokenizer; readonly bytes: Uint8Array }
}

/** A model with its compiled network; close it when it is no longer needed. */
export class Lm implements LanguageModel {
  readonly config: LmConfig
  readonly fingerprint: ModelFingerprint
  readonly #decoder: Decoder
  readonly #makeRagged: () => RaggedDecoder
  #ragged: RaggedDecoder | undefined
  readonly #makeSplit: () => SplitDecoder
  #split: SplitDecoder | undefined
  readonly #tokenizer: Tokenizer | undefined

  /** @throws PithError `PITH_MODEL` sizes that cannot be */
  constructor({ config, params, tokenizer }: LmParts, runtime: Partial<DecoderRuntime> = {}) {
    checkConfig(config)
    const quant = runtime.quant ?? 'f32'
    this.config = config
    this.fingerprint = fingerprintOf(config, params, quant, tokenizer?.bytes)
    this.#decoder = new Decoder(config, params, { ...runtime, quant })
    this.#makeRagged = () => new RaggedDecoder(config, params, { ...runtime, quant })
    this.#makeSplit = () => new SplitDecoder(config, params, { ...runtime, quant })
    this.#tokenizer = tokenizer?.own
  }

  get tokenizer(): Tokenizer {
    if (this.#tokenizer === undefined) {
      throw new PithError('PITH_CAPABILITY', 'the model has no tokenizer', {
        hint: 'Put its tokenizer beside it, name it with --tokenizer, or give ids.',
      })
    }
    return this.#tokenizer
  }

  /**
   * A text to read and write.
   *
   * @param capacity tokens that there is space for at first
   * @param policy which tokens are kept behind the prompt. Default all.
   */
  session(options: { policy: EvictionPolicy }): EvictingSession
  session(options?: { capacity?: number }): LmSession
  session({ capacity, policy }: { capacity?: number; policy?: EvictionPolicy } = {}): LmSession | EvictingSession {
    if (policy === undefined) return new LmSession(this.#decoder, this.fingerprint, capacity)
    this.#ragged ??= this.#makeRagged()
    return new EvictingSession(this.#decoder, this.#ragged, policy, this.fingerprint)
  }

  /** Read a prompt once for several sessions that keep different parts of it: {@link EvictingSession.start}. */
  readPrompt(ids: Int32Array, needs: PromptNeeds, options: ReadPromptOptions = {}): Promise<Prompt> {
    return readPrompt(this.#decoder, ids, needs, options)
  }

  /** The network for those who compute attention themselves; it is closed with the model. */
  split(): SplitDecoder {
    this.#split ??= this.#makeSplit()
    return this.#split
  }

  async logprobs(ids: Int32Array, run: Pick<Run, 'signal' | 'onProgress'> = {}): Promise<Float32Array> {
    if (ids.length < 2)
      throw new PithError('PITH_ARG', `${ids.length} tokens have nothing to foresee: 2 or more are needed`)
    const logits = await this.session({ capacity: ids.length }).prefill(ids, { ...run, logits: 'all' })
    const { vocab } = this.config
    return Float32Array.from({ length: ids.length - 1 }, (_, i) =>
      logProbability(logits.subarray(i * vocab, (i + 1) * vocab), ids[i + 1] as number),
    )
  }

  async perplexity(text: string, { signal, onProgress, ...options }: PerplexityOptions = {}): Promise<Perplexity> {
    const window = options.window ?? this.config.ctx
    const stride = options.stride ?? Math.max(1, Math.floor(window / 2))
    if (!(Number.isInteger(window) && window >= 2 && window <= this.config.ctx)) {
      throw new PithError('PITH_ARG', `window must be 2..${this.config.ctx}, got ${window}`)
    }
    if (!(Number.isInteger(stride) && stride >= 1 && stride < window)) {
      throw new PithError('PITH_ARG', `stride must be 1..${window - 1}, got ${stride}`)
    }
    const ids = this.tokenizer.encode(text, { special: true })
    if (ids.length < 2) throw new PithError('PITH_ARG', 'the text has no tokens', { hint: 'Give a longer text.' })
    const meter = meterProgress(onProgress === undefined ? {} : { onProgress }, {
      stage: 'score',
      unit: 'tokens',
      total: ids.length - 1,
    })
    let sum = 0
    let scored = 1
    while (scored < ids.length) {
      const end = scored === 1 ? Math.min(window, ids.length) : Math.min(scored + stride, ids.length)
      const start = Math.max(0, end - window)
      const own = await this.logprobs(ids.subarray(start, end), signal === undefined ? {} : { signal })
      for (let i = scored; i < end; i++) sum -= own[i - start - 1] as number
      scored = end
      meter.update(scored - 1)
    }
    meter.finish()
    const n = ids.length - 1
    const bytes = new TextEncoder().encode(text).length
    return { nll: sum / n, ppl: Math.exp(sum / n), bitsPerByte: sum / Math.LN2 / bytes, n }
  }

  /** @param options with `policy`: which tokens of the prompt are kept */
  async *generate(
    prompt: Int32Array,
    options: GenerateOptions & { policy?: EvictionPolicy } = {},
  ): AsyncGenerator<GeneratedToken, void, undefined> {
    const capacity = Math.min(this.config.ctx, prompt.length + (options.maxTokens ?? 256))
    const { policy, cache, ...writing } = options
    const run = options.signal === undefined ? {} : { signal: options.signal }
    if (policy !== undefined && cache !== undefined) {
      throw new PithError('PITH_ARG', 'a cache of prefixes is of whole prompts, and a policy keeps parts of them', {
        hint: 'Give one of cache and policy.',
      })
    }
    const session = policy === undefined ? this.session({ capacity }) : this.session({ policy })
    const logits =
      session instanceof LmSession && cache !== undefined
        ? (await prefillThrough(session, prompt, cache, run)).logits
        : await session.prefill(prompt, run)
    yield* generateTokens(session, this.tokenizer, logits, this.config.ctx, writing)
  }

  async hidden(
    ids: Int32Array,
    { layers = [this.config.layers] }: { layers?: readonly number[] } & Pick<Run, 'signal'> = {},
  ): Promise<Map<number, Float32Array>> {
    return (await this.session({ capacity: 1 }).read(ids, { hidden: layers })).hidden
  }

  async attention(
    ids: Int32Array,
    { layers, reduce = 'last', window = 8 }: AttentionOptions = {},
  ): Promise<LayerAttention[]> {
    const { heads, kvHeads } = this.config
    const own = layers ?? Array.from({ length: this.config.layers }, (_, layer) => layer)
    const session = this.session({ capacity: 1 })
    const n = ids.length
    const computed = await session.read(ids, reduce === 'full' ? { attention: own } : { sums: { layers: own, window } })
    const rows = reduce === 'full' ? heads * n : kvHeads
    return own.map((layer) => {
      const data = (reduce === 'full' ? computed.attention : computed.sums).get(layer) as Float32Array
      const width = data.length / rows
      // Places of the past, of which there is none, come first.
      const out = new Float32Array(rows * n)
      for (let row = 0; row < rows; row++) {
        out.set(data.subarray(row * width + width - n, (row + 1) * width), row * n)
      }
      return { layer, shape: reduce === 'full' ? [heads, n, n] : [kvHeads, n], data: out }
    })
  }

  async close(): Promise<void> {
    await this.#decoder.close()
    await this.#ragged?.close()
    await this.#split?.close()
  }
}
