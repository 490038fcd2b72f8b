/** A language model behind an OpenAI-style endpoint, asked like one that runs here. */
import { isPithError, meterProgress, PithError, type Run, throwIfAborted } from '@pith/core'
import type { Tokenizer } from '@pith/engine/io'
import type { ChatMessage } from '../chat/template.ts'
import type { LmConfig } from '../config.ts'
import type { ModelFingerprint } from '../kv-cache.ts'
import type {
  GeneratedToken,
  GenerateOptions,
  LanguageModel,
  LayerAttention,
  Perplexity,
  PerplexityOptions,
} from '../language-model.ts'
import { eventData } from './event-stream.ts'

/** The id of a token that the endpoint does not name. */
export const UNKNOWN_ID = -1

/** Longest answer that is read, and longest part of an error that is shown. */
const MAX_ANSWER = 1 << 28
const SHOWN = 300

/** Where a model is. */
export interface EndpointOptions {
  /** Address up to the version, such as `http://127.0.0.1:8080/v1`. */
  readonly url: string | URL
  /** Name of the model there. */
  readonly model: string
  /** Sent as a bearer token. */
  readonly apiKey?: string
  /** The tokenizer of the model, for those who ask for it; the endpoint takes ids and texts alike. */
  readonly tokenizer?: Tokenizer
  /** Default the global one. */
  readonly fetch?: typeof fetch
}

/** A token that an endpoint gave the probability of. */
export interface EndpointToken {
  readonly text: string
  /** Undefined for the first token of a text. */
  readonly logprob: number | undefined
}

type Fields = Record<string, unknown>

/**
 * A model behind an endpoint. It writes behind ids, texts and conversations. It scores texts where the endpoint gives back the
 * prompt with probabilities (`echo`), as that of `pith lm serve` does. What endpoints never tell rejects with
 * `PITH_CAPABILITY`: sizes, fingerprints, hidden states, attention.
 */
export class EndpointModel implements LanguageModel {
  readonly #url: string
  readonly #model: string
  readonly #headers: Record<string, string>
  readonly #tokenizer: Tokenizer | undefined
  readonly #fetch: typeof fetch

  constructor({ url, model, apiKey, tokenizer, fetch = globalThis.fetch }: EndpointOptions) {
    this.#url = String(url).replace(/\/+$/, '')
    this.#model = model
    this.#headers = {
      'content-type': 'application/json',
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    }
    this.#tokenizer = tokenizer
    this.#fetch = fetch
  }

  get config(): LmConfig {
    throw lacking('the sizes of its model')
  }

  get fingerprint(): ModelFingerprint {
    throw lacking('the fingerprint of its model')
  }

  get tokenizer(): Tokenizer {
    if (this.#tokenizer === undefined)
      throw lacking('its tokenizer', 'Give the tokenizer of the model with its address.')
    return this.#tokenizer
  }

  /** Names of the models there. @throws PithError `PITH_NETWORK` */
  async models({ signal }: Pick<Run, 'signal'> = {}): Promise<string[]> {
    const { data } = await this.#json('models', undefined, signal)
    return listOf(data).map((own) => String((own as Fields)['id']))
  }

  /**
   * Write behind ids or a text. Ids of tokens are {@link UNKNOWN_ID} where the endpoint does not tell them.
   *
   * @throws PithError `PITH_ARG` what the endpoint refuses · `PITH_NETWORK` · `PITH_CAPABILITY` a cache of prefixes, which is
   * the matter of the endpoint
   */
  async *generate(
    prompt: Int32Array | string,
    options: GenerateOptions = {},
  ): AsyncGenerator<GeneratedToken, void, undefined> {
    const body = { prompt: typeof prompt === 'string' ? prompt : [...prompt], logprobs: options.alternatives ?? 0 }
    for await (const choice of this.#choices('completions', body, options)) {
      const { tokens, token_logprobs: scores, top_logprobs: top } = recordOf(choice['logprobs'])
      const text = String(choice['text'] ?? '')
      const ids = listOf(choice['token_ids'])
      const pieces = listOf(tokens)
      if (text === '' && pieces.length === 0) continue
      const count = Math.max(1, pieces.length)
      for (let i = 0; i < count; i++) {
        yield {
          id: typeof ids[i] === 'number' ? (ids[i] as number) : UNKNOWN_ID,
          // Text that waited for its end comes with the last token.
          text: i + 1 === count ? text : '',
          logprob: typeof listOf(scores)[i] === 'number' ? (listOf(scores)[i] as number) : Number.NaN,
          ...alternativesOf(listOf(top)[i]),
        }
      }
    }
  }

  /** Answer a conversation: pieces of the text as they come. @throws PithError as {@link generate} */
  async *chat(
    messages: readonly ChatMessage[],
    options: GenerateOptions = {},
  ): AsyncGenerator<string, void, undefined> {
    for await (const choice of this.#choices('chat/completions', { messages }, options)) {
      const { content } = recordOf(choice['delta'])
      if (typeof content === 'string' && content !== '') yield content
    }
  }

  /**
   * Tokens of a text with the logarithms of their probabilities, as the endpoint cuts it.
   *
   * @throws PithError `PITH_CAPABILITY` the endpoint does not give back prompts
   */
  async score(prompt: Int32Array | string, { signal }: Pick<Run, 'signal'> = {}): Promise<EndpointToken[]> {
    const own = typeof prompt === 'string' ? prompt : [...prompt]
    const body = { model: this.#model, prompt: own, max_tokens: 0, echo: true, logprobs: 0 }
    let answer: Fields
    try {
      answer = await this.#json('completions', body, signal)
    } catch (cause) {
      if (!isRefused(cause)) throw cause
      throw lacking('probabilities of a prompt', undefined, cause)
    }
    const { logprobs } = recordOf(listOf(answer['choices'])[0])
    const { tokens, token_logprobs: scores } = recordOf(logprobs)
    if (!Array.isArray(tokens) || !Array.isArray(scores) || tokens.length !== scores.length || tokens.length === 0) {
      throw lacking('probabilities of a prompt')
    }
    return tokens.map((text, i) => ({
      text: String(text),
      logprob: typeof scores[i] === 'number' ? (scores[i] as number) : undefined,
    }))
  }

  /** @throws PithError as {@link score} · `PITH_MODEL` the endpoint counts other tokens */
  async logprobs(
    ids: Int32Array,
    { signal, onProgress }: Pick<Run, 'signal' | 'onProgress'> = {},
  ): Promise<Float32Array> {
    if (ids.length < 2)
      throw new PithError('PITH_ARG', `${ids.length} tokens have nothing to foresee: 2 or more are needed`)
    const meter = meterProgress(onProgress === undefined ? {} : { onProgress }, {
      stage: 'score',
      unit: 'tokens',
      total: ids.length,
    })
    const tokens = await this.score(ids, signal === undefined ? {} : { signal })
    if (tokens.length !== ids.length) {
      throw new PithError('PITH_MODEL', `the endpoint made ${tokens.length} tokens of ${ids.length} ids`)
    }
    meter.update(ids.length)
    meter.finish()
    return Float32Array.from(tokens.slice(1), ({ logprob }) => logprob ?? Number.NaN)
  }

  /**
   * How well the model foresees a text, which it reads at once.
   *
   * @throws PithError `PITH_CAPABILITY` windows, which need a tokenizer here · as {@link score}
   */
  async perplexity(text: string, { signal, window, stride }: PerplexityOptions = {}): Promise<Perplexity> {
    if (window !== undefined || stride !== undefined) throw lacking('where its tokens end, which windows need')
    const scores = (await this.score(text, signal === undefined ? {} : { signal }))
      .map(({ logprob }) => logprob)
      .filter((logprob) => logprob !== undefined)
    if (scores.length === 0) throw new PithError('PITH_ARG', 'the text has no tokens', { hint: 'Give a longer text.' })
    const sum = -scores.reduce((all, logprob) => all + logprob, 0)
    const nll = sum / scores.length
    const bytes = new TextEncoder().encode(text).length
    return { nll, ppl: Math.exp(nll), bitsPerByte: sum / Math.LN2 / bytes, n: scores.length }
  }

  /** @throws PithError `PITH_CAPABILITY` */
  async hidden(): Promise<Map<number, Float32Array>> {
    throw lacking('hidden states')
  }

  /** @throws PithError `PITH_CAPABILITY` */
  async attention(): Promise<LayerAttention[]> {
    throw lacking('attention')
  }

  async close(): Promise<void> {}

  /** The choices of a streamed answer. */
  async *#choices(path: string, body: Fields, options: GenerateOptions): AsyncGenerator<Fields, void, undefined> {
    const { maxTokens = 256, temperature = 0.8, topP, topK, minP, repeatPenalty, stop = [], seed = 0, signal } = options
    if (options.cache !== undefined) throw lacking('keys and values')
    const asked: Fields = { top_p: topP, top_k: topK, min_p: minP, repetition_penalty: repeatPenalty }
    for (const [name, value] of Object.entries(asked)) if (value === undefined) delete asked[name]
    const response = await this.#ask(
      path,
      {
        ...{ model: this.#model, ...body, ...asked, max_tokens: maxTokens, temperature, seed, stream: true },
        ...(stop.length === 0 ? {} : { stop }),
        return_token_ids: true,
      },
      signal,
    )
    if (response.body === null) throw new PithError('PITH_NETWORK', 'the endpoint answered nothing')
    try {
      for await (const data of eventData(response.body)) {
        if (data === '[DONE]') return
        const piece = recordOf(parsed(data))
        if (piece['error'] !== undefined) {
          throw new PithError('PITH_NETWORK', `the endpoint gave up: ${messageOf(piece)}`)
        }
        for (const choice of listOf(piece['choices'])) yield recordOf(choice)
      }
    } catch (cause) {
      throwIfAborted(signal)
      if (isPithError(cause)) throw cause
      throw new PithError('PITH_NETWORK', 'the answer of the endpoint broke off', { cause, hint: 'Try again.' })
    }
    throw new PithError('PITH_NETWORK', 'the answer of the endpoint ended in the middle', { hint: 'Try again.' })
  }

  async #json(path: string, body: Fields | undefined, signal: AbortSignal | undefined): Promise<Fields> {
    const response = await this.#ask(path, body, signal)
    return recordOf(parsed(await textOf(response, signal)))
  }

  async #ask(path: string, body: Fields | undefined, signal: AbortSignal | undefined): Promise<Response> {
    throwIfAborted(signal)
    let response: Response
    try {
      response = await this.#fetch(`${this.#url}/${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: this.#headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      })
    } catch (cause) {
      throwIfAborted(signal)
      throw new PithError('PITH_NETWORK', `${this.#url} cannot be reached`, { cause, hint: 'Check the address.' })
    }
    if (response.ok) return response
    throw refusal(response.status, await textOf(response, signal))
  }
}

/** Whether an endpoint refuses what a prompt is scored by, and not the prompt. */
function isRefused(cause: unknown): boolean {
  if (!isPithError(cause)) return false
  if (cause.code === 'PITH_UNSUPPORTED') return true
  return cause.code === 'PITH_ARG' && /\b(echo|logprobs|max_tokens)\b/.test(cause.message)
}

/** The error of an answer that is one. */
function refusal(status: number, text: string): PithError {
  let said = text.slice(0, SHOWN)
  let code: unknown
  try {
    const body = recordOf(JSON.parse(text))
    said = messageOf(body)
    code = recordOf(body['error'])['code']
  } catch {
    // It is shown as it is.
  }
  const message = `the endpoint answered with status ${status}: ${said}`
  if (code === 'PITH_UNSUPPORTED') return new PithError('PITH_UNSUPPORTED', message)
  if (status === 400 || status === 413 || status === 422) return new PithError('PITH_ARG', message)
  const hint =
    status === 401 || status === 403 ? 'Check the key.' : status === 404 ? 'Check address and model.' : 'Try again.'
  return new PithError('PITH_NETWORK', message, { hint })
}

async function textOf({ body }: Response, signal: AbortSignal | undefined): Promise<string> {
  const reader = body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  try {
    for (let step = await reader?.read(); step?.done === false; step = await reader?.read()) {
      text += decoder.decode(step.value, { stream: true })
      if (text.length > MAX_ANSWER) throw new PithError('PITH_LIMIT', `the answer is longer than ${MAX_ANSWER}`)
    }
  } catch (cause) {
    await reader?.cancel().catch(() => {})
    throwIfAborted(signal)
    if (isPithError(cause)) throw cause
    throw new PithError('PITH_NETWORK', 'the answer of the endpoint broke off', { cause, hint: 'Try again.' })
  }
  return text + decoder.decode()
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new PithError('PITH_NETWORK', 'the endpoint answered what is no JSON', { cause, hint: 'Check the address.' })
  }
}

function messageOf(body: Fields): string {
  const { error } = body
  const message = typeof error === 'string' ? error : recordOf(error)['message']
  return String(message ?? 'no reason').slice(0, SHOWN)
}

function recordOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The likeliest tokens, of which endpoints tell texts and not ids. */
function alternativesOf(top: unknown): Pick<GeneratedToken, 'alternatives'> {
  const scores = Object.values(recordOf(top)).filter((score) => typeof score === 'number')
  return scores.length === 0 ? {} : { alternatives: scores.map((logprob) => ({ id: UNKNOWN_ID, logprob })) }
}

function lacking(what: string, hint = 'Run the model here.', cause?: unknown): PithError {
  return new PithError('PITH_CAPABILITY', `an endpoint does not tell ${what}`, {
    hint,
    ...(cause === undefined ? {} : { cause }),
  })
}
