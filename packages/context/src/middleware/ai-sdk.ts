import { ChatCompressor, type ChatOptions, type ChatReport } from '../chat/chat-compressor.ts'
import { isJson, type Json, type SlotRole, slotsOf, type TextSlot } from '../chat/slots.ts'

/** A middleware of the AI SDK that compresses prompts: for `wrapLanguageModel`. */
export interface PromptMiddleware<Version extends 'v3' | 'v4'> {
  readonly specificationVersion: Version
  /** Remembers what was sent, and what was left out. */
  readonly compressor: ChatCompressor
  transformParams<Params extends { prompt: readonly unknown[] }>(options: { params: Params }): Promise<Params>
}

/** What the middleware does beside compressing. */
export interface MiddlewareOptions extends Omit<ChatOptions, 'signal'> {
  /** Hears what was saved by each call. */
  onReport?: (report: ChatReport) => void
}

/** For version 7 of the AI SDK and what else takes specification v4. */
export function pithMiddleware(options: MiddlewareOptions = {}): PromptMiddleware<'v4'> {
  return middleware('v4', options)
}

/** For versions 5 and 6 of the AI SDK, which take specification v3. */
export function pithMiddlewareV3(options: MiddlewareOptions = {}): PromptMiddleware<'v3'> {
  return middleware('v3', options)
}

function middleware<Version extends 'v3' | 'v4'>(
  specificationVersion: Version,
  { onReport, ...chat }: MiddlewareOptions,
): PromptMiddleware<Version> {
  const compressor = new ChatCompressor(chat)
  return {
    ...{ specificationVersion, compressor },
    async transformParams({ params }) {
      const prompt = params.prompt.map(copyOf)
      const report = await compressor.compress(prompt.flatMap(slotsOfMessage))
      onReport?.(report)
      return report.changed.length === 0 ? params : { ...params, prompt }
    },
  }
}

/** A message whose texts can be replaced without changing the caller's. */
function copyOf(message: unknown): unknown {
  if (!isJson(message)) return message
  if (!Array.isArray(message['content'])) return { ...message }
  const content = message['content'].map((part: unknown) => {
    if (!isJson(part)) return part
    const output = part['output']
    if (!isJson(output)) return { ...part }
    const value = output['value']
    const parts = Array.isArray(value) ? value.map((own: unknown) => (isJson(own) ? { ...own } : own)) : value
    return { ...part, output: { ...output, value: parts } }
  })
  return { ...message, content }
}

function slotsOfMessage(message: unknown, i: number): TextSlot[] {
  if (!isJson(message)) return []
  const role = message['role'] as SlotRole
  const results = Array.isArray(message['content']) ? message['content'].filter(isToolResult) : []
  return [
    ...slotsOf(message, 'content', role, i),
    ...results.flatMap((part) => slotsOf(part['output'] as Json, 'value', 'tool', i)),
  ]
}

/** Whether a part is what a tool answered in texts; structured answers stay as they are. */
function isToolResult(part: unknown): part is Json {
  if (!isJson(part) || part['type'] !== 'tool-result' || !isJson(part['output'])) return false
  return part['output']['type'] === 'text' || part['output']['type'] === 'content'
}
