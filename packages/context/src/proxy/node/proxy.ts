import { request as askHttp, Agent as HttpAgent, type IncomingMessage, type ServerResponse } from 'node:http'
import { request as askHttps, Agent as HttpsAgent } from 'node:https'
import { pipeline } from 'node:stream/promises'
import { urlToHttpOptions } from 'node:url'
import { isPithError, PithError } from '@pith/core'
import { type HttpListener, hostGuard, type ListenOptions, listenHttp, sendJson } from '@pith/core/node/http'
import { ChatCompressor, type ChatOptions, type ChatReport } from '../../chat/chat-compressor.ts'
import { textsOfRequest } from '../../chat/requests.ts'
import { isJson } from '../../chat/slots.ts'
import { parseExact } from './exact-json.ts'

/** How requests are passed on. */
export interface ProxyOptions extends ListenOptions, Omit<ChatOptions, 'signal'> {
  /** Where they go, such as `https://api.openai.com`. */
  upstream: string
  /** Report what would be saved, and pass everything on as it is. */
  dryRun?: boolean
  /** Most bytes of a body that is looked at; larger ones pass as they are. Default 32 MiB. */
  maxBody?: number
  /** Hears of each request that was looked at; texts are never in it. What it throws is not heard. */
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
/** A path that could lead out of the one of the upstream. */
const CLIMBS = /\/(?:\.|%2e){2}(?:\/|$)/i
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

  const tell = (event: ProxyEvent): void => {
    try {
      onRequest?.(event)
    } catch {
      // Who listens must not cost an answer.
    }
  }

  const shorten = async (path: string, body: Uint8Array): Promise<{ body: Uint8Array; saved: number }> => {
    try {
      const parsed = parseExact(new TextDecoder('utf-8', { fatal: true }).decode(body))
      const slots = isJson(parsed) ? textsOfRequest(parsed) : []
      const report = await compressor.compress(slots)
      totals.originalTokens += report.originalTokens
      totals.tokens += report.tokens
      tell({ path, report })
      const saved = report.originalTokens - report.tokens
      const isSame = dryRun || report.changed.length === 0
      return { body: isSame ? body : new TextEncoder().encode(JSON.stringify(parsed)), saved }
    } catch (error) {
      totals.problems++
      tell({ path, problem: problemOf(error) })
      return { body, saved: 0 }
    }
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!isAsked(request)) return sendJson(response, 403, { error: { message: 'this proxy is for its own machine' } })
    const path = (request.url ?? '/').split('?')[0] as string
    if (!path.startsWith('/') || CLIMBS.test(path)) {
      return sendJson(response, 400, { error: { message: `requests go to ${target.host} alone: ask for a path` } })
    }
    if (path === '/pith/stats') return sendJson(response, 200, totals)
    const ids = RETRIEVE.exec(path)?.[1]
    if (ids !== undefined) {
      const parts = compressor.store.retrieve(ids.split(','), { maxTokens: Number.POSITIVE_INFINITY })
      return sendJson(response, 200, { parts })
    }
    const coming: AsyncIterator<Uint8Array> = request.iterator({ destroyOnReturn: false })
    if (request.method !== 'POST' || !PATHS.test(path) || isCoded(request) || !isSmall(request, maxBody)) {
      return await pass(request, response, asItComes([], coming), {})
    }
    const { parts, isWhole } = await readUpTo(coming, maxBody)
    if (!isWhole) return await pass(request, response, asItComes(parts, coming), {})
    totals.requests++
    const { body, saved } = await shorten(path, new Uint8Array(Buffer.concat(parts)))
    await pass(request, response, body, { 'x-pith-saved-tokens': String(saved) })
  }

  /** The head of what is answered to a request. */
  const ask = async (
    request: IncomingMessage,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<IncomingMessage> => {
    const headers = withoutConnection(request.headers)
    const { 'transfer-encoding': framing } = request.headers
    if (body instanceof Uint8Array) headers['content-length'] = String(body.length)
    // Without it, what follows a head without a length would be taken for the next request.
    else if (framing !== undefined) headers['transfer-encoding'] = framing
    // The path is never read as an address: it may begin with two slashes.
    const path = target.pathname.replace(/\/$/, '') + request.url
    const asked = (target.protocol === 'https:' ? askHttps : askHttp)({
      ...urlToHttpOptions(target),
      ...{ path, method: request.method, headers, agent, signal },
    })
    const answered = new Promise<IncomingMessage>((resolve, reject) =>
      asked.once('response', resolve).on('error', reject),
    )
    if (body instanceof Uint8Array) asked.end(body)
    // Where the answer came before all was sent, it counts; where none came, that is the error to tell.
    else pipeline(body, asked).catch(() => {})
    try {
      return await answered
    } catch (error) {
      // A connection that was kept may have been closed at the other end just now.
      const isStale = asked.reusedSocket && (error as NodeJS.ErrnoException).code === 'ECONNRESET'
      if (isStale && body instanceof Uint8Array && !signal.aborted) return await ask(request, body, signal)
      throw error
    }
  }

  const pass = async (
    request: IncomingMessage,
    response: ServerResponse,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    extra: Readonly<Record<string, string>>,
  ): Promise<void> => {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    try {
      const reply = await ask(request, body, gone.signal)
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

function isCoded({ headers }: IncomingMessage): boolean {
  const { 'content-encoding': coding = 'identity', 'transfer-encoding': framing = 'chunked' } = headers
  return coding !== 'identity' || framing !== 'chunked'
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

/** A body up to a size; what is still to come stays where it is. */
async function readUpTo(
  coming: AsyncIterator<Uint8Array>,
  most: number,
): Promise<{ parts: Uint8Array[]; isWhole: boolean }> {
  const parts: Uint8Array[] = []
  let size = 0
  for (let next = await coming.next(); next.done !== true; next = await coming.next()) {
    parts.push(next.value)
    size += next.value.length
    if (size > most) return { parts, isWhole: false }
  }
  return { parts, isWhole: true }
}

async function* asItComes(
  first: readonly Uint8Array[],
  coming: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* first
  for (let next = await coming.next(); next.done !== true; next = await coming.next()) yield next.value
}

/** What went wrong, in words of ours alone: other messages can quote the body. */
function problemOf(error: unknown): string {
  if (isPithError(error)) return `${error.code}: ${error.message}`
  return error instanceof SyntaxError ? 'the body is no JSON' : error instanceof Error ? error.name : 'an error'
}
