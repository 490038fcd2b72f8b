import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import type { LanguageModelV4Middleware } from '@ai-sdk/provider'
import { Document } from '@langchain/core/documents'
import { BaseRetriever } from '@langchain/core/retrievers'
import type { BaseDocumentCompressor } from '@langchain/core/retrievers/document_compressors'
import { type HttpListener, listenHttp, readBody } from '@pith/core/node/http'
import { generateText, streamText, wrapLanguageModel } from 'ai'
import { generateText as generateTextV6, wrapLanguageModel as wrapLanguageModelV6 } from 'ai-v6'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ChatReport } from '../chat/chat-compressor.ts'
import { PithDocumentCompressor, pithMiddleware, pithMiddlewareV3 } from './index.ts'

interface Asked {
  messages: { role: string; content: unknown }[]
  stream?: boolean
}

const asked: Asked[] = []
let endpoint: HttpListener

beforeAll(async () => {
  endpoint = await listenHttp(async (request, response) => {
    const body = JSON.parse(new TextDecoder().decode(await readBody(request, 1 << 26))) as Asked
    asked.push(body)
    const head = { id: 'c1', created: 1, model: 'm' }
    if (body.stream === true) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const chunk = (delta: object, finish_reason: string | null) =>
        `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] })}\n\n`
      return void response.end(
        `${chunk({ role: 'assistant', content: 'ok' }, null)}${chunk({}, 'stop')}data: [DONE]\n\n`,
      )
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    const message = { role: 'assistant', content: 'ok' }
    response.end(
      JSON.stringify({ ...head, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop' }] }),
    )
  })
})

afterAll(() => endpoint.close())

const log = Array.from(
  { length: 200 },
  (_, i) => `line ${i} of the log says that worker w${i % 7} did its part\n`,
).join('')
const conversation = [
  { role: 'user', content: 'look into the log' },
  { role: 'assistant', content: [{ type: 'tool-call', toolCallId: 'a', toolName: 'read', input: { path: 'x' } }] },
  {
    role: 'tool',
    content: [{ type: 'tool-result', toolCallId: 'a', toolName: 'read', output: { type: 'text', value: log } }],
  },
  { role: 'user', content: 'what did worker w3 do' },
] as const

function checkAsked(): void {
  const { messages } = asked.at(-1) as Asked
  const tool = messages.find(({ role }) => role === 'tool')
  expect(String(tool?.content).length).toBeLessThan(0.4 * log.length)
  expect(String(tool?.content)).toContain('worker w3')
  expect(messages.at(-1)?.content).toBe('what did worker w3 do')
}

test('generateText and streamText of the AI SDK send shorter prompts', async () => {
  const reports: ChatReport[] = []
  const middleware: LanguageModelV4Middleware = pithMiddleware({
    rate: 0.3,
    onReport: (report) => reports.push(report),
  })
  const provider = createOpenAICompatible({ name: 'own', baseURL: `${endpoint.url}v1` })
  const model = wrapLanguageModel({ model: provider('m'), middleware })
  const before = JSON.stringify(conversation)
  const { text } = await generateText({ model, messages: structuredClone(conversation) as never })
  expect(text).toBe('ok')
  checkAsked()
  const streamed = streamText({ model, messages: structuredClone(conversation) as never })
  expect(await streamed.text).toBe('ok')
  checkAsked()
  // What was sent once is sent the same again.
  expect(asked.at(-1)?.messages).toEqual(asked.at(-2)?.messages)
  expect(reports[0]?.tokens).toBeLessThan(0.5 * (reports[0]?.originalTokens as number))
  expect(JSON.stringify(conversation)).toBe(before)
})

test('so does version 6, by the older specification', async () => {
  const seen: string[] = []
  const model = wrapLanguageModelV6({
    model: {
      ...{ specificationVersion: 'v3', provider: 'own', modelId: 'm', supportedUrls: {} },
      async doGenerate({ prompt }) {
        seen.push(JSON.stringify(prompt))
        const usage = {
          inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
          outputTokens: { total: 1, text: 1, reasoning: 0 },
        }
        return {
          content: [{ type: 'text', text: 'ok' }],
          finishReason: { unified: 'stop', raw: 'stop' },
          usage,
          warnings: [],
        }
      },
      doStream: () => Promise.reject(new Error('not asked')),
    },
    middleware: pithMiddlewareV3({ rate: 0.3 }),
  })
  const { text } = await generateTextV6({ model, messages: structuredClone(conversation) as never })
  expect(text).toBe('ok')
  expect((seen[0] as string).length).toBeLessThan(0.5 * log.length)
  expect(seen[0]).toContain('worker w3')
})

test('a compressor of LangChain works behind a retriever', async () => {
  const compressor: BaseDocumentCompressor = new PithDocumentCompressor({ budget: { tokens: 40 } })
  class Own extends BaseRetriever {
    lc_namespace = ['test']
    override async _getRelevantDocuments(): Promise<Document[]> {
      return [
        new Document({ pageContent: 'Bread is baked. Cheese is not. '.repeat(8), metadata: { source: 'a' } }),
        new Document({
          pageContent: 'It rains often. The tower was built in 1889. Many came to see it.',
          metadata: { source: 'b', title: 'Towers' },
        }),
      ]
    }
  }
  const question = 'when was the tower built'
  const chain = new Own().pipe((documents: Document[]) => compressor.compressDocuments(documents, question))
  const first = (await chain.invoke(question)).find(({ metadata }) => metadata['source'] === 'b')
  expect(first?.pageContent).toContain('The tower was built in 1889.')
  expect(first?.metadata).toMatchObject({ source: 'b', pith: { kept: [{ start: 0 }] } })
})
