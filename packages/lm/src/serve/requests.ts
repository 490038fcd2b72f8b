/** Requests in the form of OpenAI's API: what they may hold, and what is made of it. */
import { PithError } from '@pith/core'
import type { ChatMessage } from '../chat/template.ts'
import type { GenerateOptions } from '../language-model.ts'

/** What a text is written behind. */
export type Prompt =
  | { readonly text: string }
  | { readonly ids: Int32Array }
  | { readonly messages: readonly ChatMessage[] }

/** A request that was understood. */
export interface WritingRequest {
  /** The model that it names, if any. */
  readonly model?: string
  readonly prompt: Prompt
  readonly writing: Pick<
    GenerateOptions,
    'maxTokens' | 'stop' | 'seed' | 'temperature' | 'topP' | 'topK' | 'minP' | 'repeatPenalty' | 'alternatives'
  > & { readonly maxTokens: number }
  readonly stream: boolean
  /** Whether a stream ends with the counts of tokens. */
  readonly includeUsage: boolean
  /** Whether logarithms of probabilities come with the tokens. */
  readonly logprobs: boolean
  /** Whether the prompt comes back in front of the text. */
  readonly echo: boolean
  /** Whether the ids of tokens come back. */
  readonly tokenIds: boolean
}

/** What a server allows. */
export interface RequestLimits {
  /** Most tokens that one request may ask for. */
  readonly maxTokens: number
  /** Tokens that are written where a conversation names no number. */
  readonly ctx: number
}

/** Tokens of a completion that names no number, as OpenAI has it. */
const DEFAULT_TOKENS = 16

/** Most stops, most characters of one, and most messages. */
const MAX_STOPS = 16
const MAX_STOP_LENGTH = 1000
const MAX_MESSAGES = 4096

/** What would change an answer and is not done here, with the values that ask for nothing. */
const NOT_DONE: Readonly<Record<string, readonly unknown[]>> = {
  n: [1],
  best_of: [1],
  suffix: ['', null],
  presence_penalty: [0],
  frequency_penalty: [0],
  logit_bias: [],
  tools: [],
  functions: [],
  audio: [null],
  response_format: [],
}

/** The body of `/v1/completions`. @throws PithError `PITH_ARG`, `PITH_UNSUPPORTED` */
export function completionRequest(body: unknown, limits: RequestLimits): WritingRequest {
  const fields = fieldsOf(body)
  const count = fields.number('logprobs', 0, 5, true)
  return {
    ...common(fields, limits, ['max_tokens'], Math.min(DEFAULT_TOKENS, limits.maxTokens), count ?? 0),
    prompt: promptOf(fields.value('prompt')),
    logprobs: count !== undefined,
    echo: fields.flag('echo'),
  }
}

/** The body of `/v1/chat/completions`. @throws PithError `PITH_ARG`, `PITH_UNSUPPORTED` */
export function chatRequest(body: unknown, limits: RequestLimits): WritingRequest {
  const fields = fieldsOf(body)
  const logprobs = fields.flag('logprobs')
  const count = fields.number('top_logprobs', 0, 20, true)
  if (count !== undefined && !logprobs) throw new PithError('PITH_ARG', 'top_logprobs needs logprobs')
  const most = ['max_completion_tokens', 'max_tokens']
  return {
    ...common(fields, limits, most, Math.min(limits.ctx, limits.maxTokens), count ?? 0),
    prompt: { messages: messagesOf(fields.value('messages')) },
    logprobs,
    echo: false,
  }
}

interface Fields {
  value(name: string): unknown
  number(name: string, least: number, most: number, isWhole: boolean): number | undefined
  flag(name: string): boolean
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function fieldsOf(body: unknown): Fields {
  if (!isRecord(body)) throw new PithError('PITH_ARG', 'the body must be a JSON object')
  // Absent and null are the same.
  const value = (name: string): unknown => (Object.hasOwn(body, name) ? (body[name] ?? undefined) : undefined)
  for (const [name, neutral] of Object.entries(NOT_DONE)) {
    const own = value(name)
    if (own === undefined || neutral.includes(own)) continue
    if (typeof own === 'object' && Object.keys(own as object).length === 0) continue
    if (name === 'response_format' && isRecord(own) && own['type'] === 'text') continue
    throw new PithError('PITH_UNSUPPORTED', `${name} is not supported`, { hint: `Leave ${name} out.` })
  }
  return {
    value,
    number(name, least, most, isWhole) {
      const own = value(name)
      if (own === undefined) return undefined
      if (typeof own !== 'number' || !(own >= least && own <= most) || (isWhole && !Number.isInteger(own))) {
        const kind = isWhole ? 'a whole number' : 'a number'
        throw new PithError('PITH_ARG', `${name} must be ${kind} of ${least} to ${most}, got ${shown(own)}`)
      }
      return own
    },
    flag(name) {
      const own = value(name) ?? false
      if (typeof own !== 'boolean') throw new PithError('PITH_ARG', `${name} must be true or false, got ${shown(own)}`)
      return own
    },
  }
}

function common(
  { value, number, flag }: Fields,
  limits: RequestLimits,
  lengths: readonly string[],
  otherwise: number,
  alternatives: number,
): Omit<WritingRequest, 'prompt' | 'logprobs' | 'echo'> {
  const model = value('model')
  if (model !== undefined && typeof model !== 'string') throw new PithError('PITH_ARG', 'model must be a text')
  const asked = lengths.map((name) => number(name, 0, limits.maxTokens, true)).find((own) => own !== undefined)
  const stream = flag('stream')
  const streaming = value('stream_options')
  if (streaming !== undefined && !isRecord(streaming))
    throw new PithError('PITH_ARG', 'stream_options must be an object')
  const optional = (key: string, own: number | undefined): object => (own === undefined ? {} : { [key]: own })
  return {
    ...(model === undefined ? {} : { model }),
    stream,
    includeUsage: stream && fieldsOf(streaming ?? {}).flag('include_usage'),
    tokenIds: flag('return_token_ids'),
    writing: {
      maxTokens: asked ?? otherwise,
      temperature: number('temperature', 0, 2, false) ?? 1,
      stop: stopsOf(value('stop')),
      alternatives,
      ...optional('seed', number('seed', 0, Number.MAX_SAFE_INTEGER, true)),
      ...optional('topP', number('top_p', 0, 1, false)),
      // What other servers of small models have beside OpenAI's fields.
      ...optional('topK', number('top_k', 0, 1e6, true)),
      ...optional('minP', number('min_p', 0, 1, false)),
      ...optional('repeatPenalty', number('repetition_penalty', 0.01, 100, false)),
    },
  }
}

function stopsOf(value: unknown): string[] {
  const stops = value === undefined ? [] : Array.isArray(value) ? value : [value]
  if (stops.length > MAX_STOPS) throw new PithError('PITH_ARG', `stop has ${stops.length} texts, at most ${MAX_STOPS}`)
  for (const stop of stops) {
    if (typeof stop !== 'string' || stop.length === 0 || stop.length > MAX_STOP_LENGTH) {
      throw new PithError('PITH_ARG', `stop must be texts of 1 to ${MAX_STOP_LENGTH} characters`)
    }
  }
  return stops as string[]
}

function promptOf(value: unknown): Prompt {
  if (typeof value === 'string') return { text: value }
  if (!Array.isArray(value)) throw new PithError('PITH_ARG', 'prompt must be a text or ids')
  if (value.length > 0 && value.every((id) => Number.isInteger(id) && id >= 0 && id < 2 ** 31)) {
    return { ids: Int32Array.from(value as number[]) }
  }
  if (value.length === 1 && (typeof value[0] === 'string' || Array.isArray(value[0]))) return promptOf(value[0])
  if (value.length > 1 && value.every((own) => typeof own === 'string' || Array.isArray(own))) {
    throw new PithError('PITH_UNSUPPORTED', 'several prompts in one request are not supported', {
      hint: 'Send one request for each prompt.',
    })
  }
  throw new PithError('PITH_ARG', 'prompt must be a text or ids')
}

function messagesOf(value: unknown): ChatMessage[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_MESSAGES) {
    throw new PithError('PITH_ARG', `messages must be 1 to ${MAX_MESSAGES} messages`)
  }
  return value.map((message, i) => {
    if (!isRecord(message) || typeof message['role'] !== 'string') {
      throw new PithError('PITH_ARG', `message ${i} must have a role and a content`)
    }
    return { role: message['role'], content: contentOf(message['content'], i) }
  })
}

function contentOf(value: unknown, i: number): string {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) throw new PithError('PITH_ARG', `the content of message ${i} must be a text`)
  const parts = value.map((part: unknown) => {
    if (isRecord(part) && part['type'] === 'text' && typeof part['text'] === 'string') return part['text']
    throw new PithError('PITH_UNSUPPORTED', `message ${i} has content that is no text`)
  })
  return parts.join('')
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 40)
}
