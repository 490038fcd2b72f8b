import { request as askHttp, Agent as HttpAgent, type IncomingMessage, type ServerResponse } from 'node:http'
import { request as askHttps, Agent as HttpsAgent } from 'node:https'
import { pipeline } from 'node:stream/promises'
import { PithError } from '@pith/core'
import { type HttpListener, hostGuard, type ListenOptions, listenHttp, readBody, sendJson } from '@pith/core/node/http'
import { ChatCompressor, type ChatOptions, type ChatReport } from '../../chat/chat-compressor.ts'
import { textsOfRequest } from '../../chat/requests.ts'
import { isJson } from '../../chat/slots.ts'

/** How requests are passed on. */
export interface ProxyOptions extends ListenOptions, Omit<ChatOptions, 'signal'> {
  /** Where they go, such as `https://api.openai.com`. */
  upstream: string
  /** Report what would be saved, and pass everything on as it is. */
  dryRun?: boolean
  /** Most bytes of a body that is looked at; larger ones pass as they are. Default 32 MiB. */
  maxBody?: number
  /** Hears of each request that was looked at; texts are never in it. */
  onRequest?: (event: ProxyEvent) => void
}

/** What was done with a request. */
export interface ProxyEvent {
  readonly path: string
  readonly report?: ChatReport
  /** Why the request went on as it was. */
  readonly problem?: string
}

/** A proxy that listens, and what it saved so far. */
export interface PromptProxy extends HttpListener {
  readonly compressor: ChatCompressor
  readonly totals: Readonly<ProxyTotals>
}

/** Sums over requests. */
export interface ProxyTotals {
  requests: number
  originalTokens: number
  tokens: number
  problems: number
}

const MAX_BODY = 32 * 2 ** 20
const PATHS = /\/(?:chat\/completions|messages)$/
const RETRIEVE = /^\/pith\/retrieve\/([a-z2-7]{6}(?:,[a-z2-7]{6}){0,63})$/

/** Headers that concern one connection only (RFC 9110, 7.6.1). */
const OF_CONNECTION: readonly string[] = [
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding'],
  ...['upgrade', 'host', 'expect'],
]

/**
 * Pass requests on to a model's server, with the texts in them compressed; answers come back byte for byte as they arrive.
 *
 * Requests to paths that end in `/chat/completions` (OpenAI) or `/messages` (Anthropic) are looked at; whatever goes wrong with that,
 * the request goes on as it came. What was left out can be had from `/pith/retrieve/ID,ID`, sums from `/pith/stats`.
 *
 * @throws PithError `PITH_ARG` the upstream is no http address · `PITH_NETWORK` the port is taken
 */
export async function serveProxy(options: ProxyOptions): Promise<PromptProxy> {
  const { upstream, dryRun = false, maxBody = MAX_BODY, onRequest, port, host = '127.0.0.1', ...chat } = options
  const target = targetOf(upstream)
  const compressor = new ChatCompressor(chat)
  const totals: ProxyTotals = { requests: 0, originalTokens: 0, tokens: 0, problems: 0 }
  const isAsked = hostGuard(host)
  const agent = target.protocol === 'https:' ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })

  const shorten = async (path: string, body: Uint8Array): Promise<{ body: Uint8Array; saved: number }> => {
    try {
      const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
      const slots = isJson(parsed) ? textsOfRequest(parsed) : []
      const report = await compressor.compress(slots)
      totals.originalTokens += report.originalTokens
      totals.tokens += report.tokens
      onRequest?.({ path, report })
      const saved = report.originalTokens - report.tokens
      const isSame = dryRun || report.changed.length === 0
      return { body: isSame ? body : new TextEncoder().encode(JSON.stringify(parsed)), saved }
    } catch (error) {
      totals.problems++
      onRequest?.({ path, problem: error instanceof Error ? error.message : String(error) })
      return { body, saved: 0 }
    }
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!isAsked(request)) return sendJson(response, 403, { error: { message: 'this proxy is for its own machine' } })
    const path = (request.url ?? '/').split('?')[0] as string
    if (path === '/pith/stats') return sendJson(response, 200, totals)
    const ids = RETRIEVE.exec(path)?.[1]
    if (ids !== undefined) return sendJson(response, 200, { parts: compressor.store.retrieve(ids.split(',')) })
    if (request.method !== 'POST' || !PATHS.test(path) || isCoded(request) || !isSmall(request, maxBody)) {
      return await pass(request, response, undefined, {})
    }
    const came = await readBody(request, maxBody)
    if (came === undefined) {
      response.setHeader('connection', 'close')
      return sendJson(response, 413, { error: { message: `the body has more than ${maxBody} bytes` } })
    }
    totals.requests++
    const { body, saved } = await shorten(path, came)
    await pass(request, response, body, { 'x-pith-saved-tokens': String(saved) })
  }

  const pass = async (
    request: IncomingMessage,
    response: ServerResponse,
    body: Uint8Array | undefined,
    extra: Readonly<Record<string, string>>,
  ): Promise<void> => {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const headers = withoutConnection(request.headers)
    if (body !== undefined) headers['content-length'] = String(body.length)
    const url = new URL(target.pathname.replace(/\/$/, '') + (request.url ?? '/'), target)
    const ask = url.protocol === 'https:' ? askHttps : askHttp
    const asked = ask(url, { method: request.method, headers, agent, signal: gone.signal })
    const answered = new Promise<IncomingMessage>((resolve, reject) =>
      asked.once('response', resolve).once('error', reject),
    )
    const sent = body === undefined ? pipeline(request, asked) : Promise.resolve(void asked.end(body))
    try {
      const [reply] = await Promise.all([answered, sent])
      response.writeHead(reply.statusCode ?? 502, { ...withoutConnection(reply.headers), ...extra })
      response.flushHeaders()
      await pipeline(reply, response)
    } catch (error) {
      if (gone.signal.aborted) return
      if (response.headersSent) response.destroy()
      else
        sendJson(response, 502, { error: { message: `${target.host} does not answer: ${(error as Error).message}` } })
    }
  }

  const listener = await listenHttp(answer, { host, ...(port === undefined ? {} : { port }) })
  return {
    ...{ url: listener.url, compressor, totals },
    async close() {
      await listener.close()
      agent.destroy()
    },
  }
}

function targetOf(upstream: string): URL {
  const url = URL.canParse(upstream) ? new URL(upstream) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new PithError('PITH_ARG', `${upstream} is no http address`, {
      hint: 'Write one such as https://api.openai.com.',
    })
  }
  return url
}

function isCoded(request: IncomingMessage): boolean {
  const coding = request.headers['content-encoding']
  return coding !== undefined && coding !== 'identity'
}

function isSmall(request: IncomingMessage, most: number): boolean {
  return Number(request.headers['content-length'] ?? 0) <= most
}

function withoutConnection(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  const own = (headers.connection ?? '').toLowerCase().split(/\s*,\s*/)
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !OF_CONNECTION.includes(name) && !own.includes(name)),
  )
}
