/** Caches served by HTTP, chunk by chunk at any level. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isPithError, PithError } from '@pith/core'
import {
  drained,
  type HttpListener,
  hostGuard,
  listenHttp,
  parseRange,
  readBody,
  sendJson,
  sendsJson,
} from '@pith/core/node/http'
import type { KvOffer } from '../offer.ts'
import type { Throttle } from './throttle.ts'

/** Caches that are served. */
export interface KvSource {
  /** Make the cache of tokens, or of a text. @throws PithError `PITH_ARG`, `PITH_LIMIT` */
  add(given: Int32Array | string, signal: AbortSignal): Promise<KvOffer>
  offer(id: string): KvOffer | undefined
  /** A chunk at a level; level 0 is its tokens. Undefined where there is none. */
  chunk(id: string, index: number, level: number): Uint8Array | undefined
  profile(id: string): Uint8Array | undefined
}

/** How caches are served. */
export interface ServeKvOptions {
  /** Default 0: any free port. */
  readonly port?: number
  /** Default `127.0.0.1`. Caches are texts: what is open to others should stand behind a server that knows who they are. */
  readonly host?: string
  /** A link that answers with chunks go over. */
  readonly throttle?: Throttle
  /** Most bytes of a request. Default 4 MiB. */
  readonly maxBody?: number
}

const MAX_BODY = 4 * 2 ** 20

/**
 * Serve caches: `POST /v1/kv` with `{"tokens": [...]}` or `{"text": "..."}` makes one, `GET /v1/kv/ID` describes it,
 * `GET /v1/kv/ID/CHUNK?level=L` is a chunk, `GET /v1/profile/ID` what it is decoded with; of the last two a `Range` is sent too.
 *
 * @throws PithError `PITH_NETWORK` the port is taken
 */
export async function serveKv(source: KvSource, options: ServeKvOptions = {}): Promise<HttpListener> {
  const { port = 0, host = '127.0.0.1', throttle, maxBody = MAX_BODY } = options
  const isAsked = hostGuard(host)
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!isAsked(request)) return refuse(response, 403, 'PITH_ARG', 'this server is for its own machine')
    const url = new URL(request.url ?? '/', 'http://localhost')
    const [, , noun, id, index] = url.pathname.split('/')
    if (url.pathname === '/v1/kv' && request.method === 'POST') return await make(source, request, response, maxBody)
    if (request.method !== 'GET') return refuse(response, 405, 'PITH_ARG', 'this is asked for with GET')
    if (noun === 'profile' && id !== undefined && index === undefined) {
      const profile = source.profile(id)
      if (profile !== undefined) return await sendBytes(request, response, profile, id, undefined)
    }
    if (noun === 'kv' && id !== undefined && index === undefined) {
      const offer = source.offer(id)
      if (offer !== undefined) return sendJson(response, 200, offer)
    }
    if (noun === 'kv' && id !== undefined && /^\d{1,6}$/.test(index ?? '')) {
      const level = url.searchParams.get('level') ?? ''
      const bytes = /^\d{1,2}$/.test(level) ? source.chunk(id, Number(index), Number(level)) : undefined
      if (bytes !== undefined) return await sendBytes(request, response, bytes, `${id}-${index}-${level}`, throttle)
    }
    refuse(response, 404, 'PITH_ARG', 'there is nothing of this name')
  }
  return await listenHttp(answer, { port, host })
}

async function make(
  source: KvSource,
  request: IncomingMessage,
  response: ServerResponse,
  maxBody: number,
): Promise<void> {
  if (!sendsJson(request)) return refuse(response, 415, 'PITH_ARG', 'the content type must be application/json')
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const body = await readBody(request, maxBody)
  if (body === undefined) {
    response.setHeader('connection', 'close')
    return refuse(response, 413, 'PITH_LIMIT', `the request has more than ${maxBody} bytes`)
  }
  try {
    sendJson(response, 201, await source.add(readGiven(new TextDecoder().decode(body)), gone.signal))
  } catch (error) {
    if (response.destroyed) return
    if (isPithError(error, 'PITH_LIMIT')) return refuse(response, 413, error.code, error.message)
    if (isPithError(error, 'PITH_ARG')) return refuse(response, 400, error.code, error.message)
    refuse(response, 500, 'PITH_INTERNAL', 'the cache could not be made')
  }
}

function readGiven(json: string): Int32Array | string {
  let given: { tokens?: unknown; text?: unknown } | null | undefined
  try {
    given = JSON.parse(json) as { tokens?: unknown } | null
  } catch {
    given = undefined
  }
  const { tokens, text }: { tokens?: unknown; text?: unknown } = given ?? {}
  if (typeof text === 'string' && text !== '' && tokens === undefined) return text
  if (
    text !== undefined ||
    !Array.isArray(tokens) ||
    tokens.length === 0 ||
    !tokens.every((id) => Number.isInteger(id) && id >= 0 && id < 2 ** 31)
  ) {
    throw new PithError('PITH_ARG', 'the request must be {"tokens": [...]} with ids of tokens, or {"text": "..."}')
  }
  return Int32Array.from(tokens as number[])
}

async function sendBytes(
  request: IncomingMessage,
  response: ServerResponse,
  whole: Uint8Array,
  tag: string,
  throttle: Throttle | undefined,
): Promise<void> {
  response.setHeader('content-type', 'application/octet-stream')
  response.setHeader('etag', `"${tag}"`)
  response.setHeader('accept-ranges', 'bytes')
  const range = parseRange(request.headers.range, whole.length)
  if (range === 'unsatisfiable') {
    response.setHeader('content-range', `bytes */${whole.length}`)
    return refuse(response, 416, 'PITH_ARG', `there are ${whole.length} bytes`)
  }
  const [start, end] = range ?? [0, whole.length]
  if (range !== undefined) {
    response.statusCode = 206
    response.setHeader('content-range', `bytes ${start}-${end - 1}/${whole.length}`)
  }
  const bytes = whole.subarray(start, end)
  response.setHeader('content-length', bytes.length)
  if (throttle === undefined) return void response.end(bytes)
  await throttle.begin()
  await throttle.carry(bytes, async (piece) => {
    if (response.destroyed) return false
    if (!response.write(piece)) await drained(response)
    return !response.destroyed
  })
  response.end()
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  sendJson(response, status, { error: { code, message } })
}
