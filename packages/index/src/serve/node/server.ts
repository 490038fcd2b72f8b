/** An index by HTTP: a page for people, JSON for programs. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isPithError, type PithCode } from '@pith/core'
import { type HttpListener, hostGuard, listenHttp, readBody, sendJson, sendsJson } from '@pith/core/node/http'
import { answerView } from '../answer-views.ts'
import { documentPage, searchPage } from '../page.ts'
import { PAGE_SCRIPT, PAGE_STYLE } from '../page-files.ts'
import { type QdrantAsk, qdrantAsk } from '../qdrant-requests.ts'
import { askOfAddress, askOfJson, type SearchAsk } from '../requests.ts'
import type { Served } from '../served.ts'
import { markTerms, wantedTerms } from '../snippet.ts'

/** How an index is served. */
export interface ServeIndexOptions {
  /** Default 0: any free port. */
  readonly port?: number
  /** Default `127.0.0.1`. What is open to others should stand behind a server that knows who they are. */
  readonly host?: string
  /** Fields that the page offers to narrow down by. */
  readonly facets?: readonly string[]
  /** Milliseconds since some moment, for timings. Default: those of the process. */
  readonly clock?: () => number
}

/** A search request is short. */
const MAX_BODY = 2 ** 20

/** Nothing but what the server itself sends is loaded, run or asked. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
}

const STATUS: Readonly<Partial<Record<PithCode, number>>> = {
  PITH_ARG: 400,
  PITH_SHAPE: 400,
  PITH_NONFINITE: 400,
  PITH_UNSUPPORTED: 400,
  PITH_LIMIT: 413,
}

/**
 * Serve an index: `/` is a search page, `/search` answers programs (GET with `q`, `k`, `from`, `mode`, `where`, `facets`, or the same as JSON by POST),
 * `/document?id=` shows one document, and `/collections/NAME/points/search` takes vectors as Qdrant does.
 *
 * @throws PithError `PITH_NETWORK` the port is taken
 */
export async function serveIndex(own: Served, options: ServeIndexOptions = {}): Promise<HttpListener> {
  const { port = 0, host = '127.0.0.1', facets = [], clock = () => performance.now() } = options
  const isAsked = hostGuard(host)

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    if (!isAsked(request)) return refuse(response, 403, 'PITH_ARG', 'this server is for its own machine')
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const { signal } = gone
    const url = new URL(request.url ?? '/', 'http://localhost')
    const view = (ask: SearchAsk) => answerView(own, ask, { signal, facets: ask.facets ?? facets, clock })
    const { pathname: path, searchParams: words } = url
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (path === '/search') {
      const body = isRead ? undefined : await readJson(request, response)
      if (!isRead && body === undefined) return
      const ask = isRead ? askOfAddress(words) : askOfJson(body)
      const { name: _, documents: __, modes: ___, problem, ...rest } = await view(ask)
      if (problem !== undefined) return refuse(response, 400, 'PITH_ARG', problem)
      return sendJson(response, 200, rest)
    }
    const [, root, name, ...rest] = path.split('/')
    if (root === 'collections') {
      if (name !== undefined && decoded(name) !== own.name) {
        return refuse(response, 404, 'PITH_ARG', 'there is no such collection')
      }
      const what = rest.join('/')
      if (isRead && name === undefined) return sendResult(response, { collections: [{ name: own.name }] })
      if (isRead && what === '') return sendResult(response, collection(own))
      if (request.method === 'POST' && (what === 'points/search' || what === 'points/query')) {
        const start = clock()
        const body = await readJson(request, response)
        if (body === undefined) return
        const points = await pointsOf(own, qdrantAsk(body), signal)
        const result = what === 'points/search' ? points : { points }
        return sendJson(response, 200, { result, status: 'ok', time: (clock() - start) / 1000 })
      }
    }
    if (!isRead) return refuse(response, 405, 'PITH_ARG', `${request.method} is not answered here`)
    if (path === '/') return sendText(response, 'text/html', searchPage(await view(askOfAddress(words))))
    if (path === '/style.css') return sendText(response, 'text/css', PAGE_STYLE)
    if (path === '/script.js') return sendText(response, 'text/javascript', PAGE_SCRIPT)
    if (path === '/health') return sendJson(response, 200, { ok: true, documents: own.reader.info.documents })
    if (path === '/document') {
      const document = await own.reader.get(words.get('id') ?? '', { signal })
      if (document === undefined) return refuse(response, 404, 'PITH_ARG', 'there is no such document')
      const wanted = wantedTerms((words.get('q') ?? '').slice(0, 10_000), own.analyzer)
      return sendText(
        response,
        'text/html',
        documentPage(own.name, document, markTerms(document.text, wanted, own.analyzer)),
      )
    }
    refuse(response, 404, 'PITH_ARG', `there is no ${path.slice(0, 80)}`)
  }

  return await listenHttp(
    (request, response) => answer(request, response).catch((error: unknown) => fail(response, error)),
    { port, host },
  )
}

/** The JSON that a request sends; undefined where it was refused. */
async function readJson(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  if (request.method !== 'POST') return refuse(response, 405, 'PITH_ARG', 'this is asked for with GET or POST')
  if (!sendsJson(request)) return refuse(response, 415, 'PITH_ARG', 'the content type must be application/json')
  const body = await readBody(request, MAX_BODY)
  if (body === undefined) {
    response.setHeader('connection', 'close')
    return refuse(response, 413, 'PITH_LIMIT', `the request has more than ${MAX_BODY} bytes`)
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return refuse(response, 400, 'PITH_ARG', 'the body is no JSON')
  }
}

/** Points as Qdrant gives them, but for their ids, which are those of documents. */
async function pointsOf({ reader }: Served, ask: QdrantAsk, signal: AbortSignal): Promise<object[]> {
  const { vector, limit, offset, where, payload, threshold = Number.NEGATIVE_INFINITY } = ask
  const found = await reader.search(
    {
      vector,
      mode: 'dense',
      k: limit,
      offset,
      documents: payload,
      ...(where === undefined ? {} : { where }),
    },
    { signal },
  )
  return found.hits
    .filter(({ score }) => score >= threshold)
    .map(({ id, score, document: { title, text, fields } = { id, text: '' } }) => ({
      id,
      version: 0,
      score,
      ...(payload ? { payload: { ...fields, ...(title === undefined ? {} : { title }), text } } : {}),
    }))
}

function collection({ reader }: Served): object {
  return { status: 'green', optimizer_status: 'ok', points_count: reader.info.documents }
}

function sendResult(response: ServerResponse, result: object): void {
  sendJson(response, 200, { result, status: 'ok', time: 0 })
}

function sendText(response: ServerResponse, type: string, text: string): void {
  const bytes = new TextEncoder().encode(text)
  response.writeHead(200, { 'content-type': `${type}; charset=utf-8`, 'content-length': bytes.length })
  response.end(response.req.method === 'HEAD' ? undefined : bytes)
}

function decoded(name: string): string | undefined {
  try {
    return decodeURIComponent(name)
  } catch {
    return undefined
  }
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.destroyed) return
  if (response.headersSent) return void response.destroy()
  const code = isPithError(error) ? error.code : 'PITH_INTERNAL'
  const status = STATUS[code] ?? 500
  // What is not the client's business stays here.
  refuse(response, status, code, status < 500 && isPithError(error) ? error.message : 'the search failed')
}

/** Say why there is no answer, as this server does and as Qdrant does. */
function refuse(response: ServerResponse, status: number, code: PithCode, message: string): undefined {
  sendJson(response, status, { error: { code, message }, status: { error: message } })
}
