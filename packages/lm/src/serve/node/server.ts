/** A model behind OpenAI's API, by HTTP. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isPithError, type PithCode, PithError, throwIfAborted } from '@pith/core'
import { drained, type HttpListener, hostGuard, listenHttp, readBody, sendJson, sendsJson } from '@pith/core/node/http'
import { type Answer, type AnswerHead, chatAnswer, completionAnswer } from '../answers.ts'
import { chatRequest, completionRequest, type RequestLimits, type WritingRequest } from '../requests.ts'
import type { ModelHost } from './model-host.ts'

/** How a model is served. */
export interface ServeLmOptions {
  /** Name of the model, which requests may give. Default `pith`. */
  readonly name?: string
  /** Default 0: any free port. */
  readonly port?: number
  /** Default `127.0.0.1`. What is open to others should stand behind a server that knows who they are. */
  readonly host?: string
  /** Most tokens that one request may ask for. Default the context of the model. */
  readonly maxTokens?: number
  /** Most bytes of the body of a request. Default 4 MiB. */
  readonly maxBody?: number
  /** The present moment, for `created`; without it that is 0. */
  readonly now?: () => Date
}

/** An answer that is an error. */
interface Problem {
  readonly status: number
  readonly type: 'invalid_request_error' | 'server_error'
  readonly code: string
  readonly message: string
}

const MAX_BODY = 4 * 2 ** 20

const STATUS: Readonly<Partial<Record<PithCode, number>>> = {
  PITH_ARG: 400,
  PITH_UNSUPPORTED: 400,
  PITH_LIMIT: 400,
  PITH_LOCKED: 503,
}

/** The two ways of asking, by their paths. */
const ROUTES: Readonly<
  Record<
    string,
    {
      readonly read: (body: unknown, limits: RequestLimits) => WritingRequest
      readonly answer: (head: AnswerHead, request: WritingRequest) => Answer
      readonly prefix: string
    }
  >
> = {
  '/v1/completions': { read: completionRequest, answer: completionAnswer, prefix: 'cmpl' },
  '/v1/chat/completions': { read: chatRequest, answer: chatAnswer, prefix: 'chatcmpl' },
}

/**
 * Serve a model: `/v1/models`, `/v1/completions`, `/v1/chat/completions`, `/health`. A request whose client goes away is given
 * up at the next token; others wait for their turn. To close it gives up what is under way; the model stays open.
 *
 * @throws PithError `PITH_NETWORK` the port is taken
 */
export async function serveLm(model: ModelHost, options: ServeLmOptions = {}): Promise<HttpListener> {
  const { name = 'pith', port = 0, host = '127.0.0.1', maxBody = MAX_BODY, now = () => new Date(0) } = options
  const limits = { ctx: model.facts.ctx, maxTokens: Math.min(options.maxTokens ?? model.facts.ctx, model.facts.ctx) }
  const own = { id: name, object: 'model', created: seconds(now()), owned_by: 'pith', context_length: limits.ctx }
  const isAsked = hostGuard(host)
  const ending = new AbortController()
  let serial = 0

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '/').split('?')[0] as string
    if (!isAsked(request)) {
      return refuse(response, problem(403, 'wrong_host', 'this server is for its own machine'))
    }
    if (path === '/health' || path === '/v1/models' || path.startsWith('/v1/models/')) {
      if (!only(request, response, ['GET', 'HEAD'])) return
      if (path === '/health') return sendJson(response, 200, { ok: true, waiting: model.waiting })
      if (path === '/v1/models') return sendJson(response, 200, { object: 'list', data: [own] })
      if (path === `/v1/models/${encodeURIComponent(name)}`) return sendJson(response, 200, own)
      return refuse(response, noModel(path.slice('/v1/models/'.length), name))
    }
    const route = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined
    if (route === undefined) return refuse(response, problem(404, 'not_found', `there is no ${path.slice(0, 80)}`))
    if (!only(request, response, ['POST'])) return
    if (!sendsJson(request)) {
      return refuse(response, problem(415, 'wrong_type', 'the content type must be application/json'))
    }
    const body = await readBody(request, maxBody)
    if (body === undefined) {
      response.setHeader('connection', 'close')
      return refuse(response, problem(413, 'too_large', `the body has more than ${maxBody} bytes`))
    }
    let parsed: unknown
    try {
      parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    } catch {
      return refuse(response, problem(400, 'no_json', 'the body is no JSON'))
    }
    const wanted = route.read(parsed, limits)
    if (wanted.model !== undefined && wanted.model !== name) return refuse(response, noModel(wanted.model, name))
    serial++
    const head: AnswerHead = { id: `${route.prefix}-${serial}`, created: seconds(now()), model: name }
    await write(model, wanted, route.answer(head, wanted), response, ending.signal)
  }

  const server = await listenHttp(
    (request, response) => answer(request, response).catch((error: unknown) => fail(response, error)),
    { port, host },
  )
  return {
    url: server.url,
    close() {
      ending.abort(new PithError('PITH_LOCKED', 'the server ends'))
      return server.close()
    },
  }
}

/** Ask the model, and send what it says as it comes, or at once. */
async function write(
  model: ModelHost,
  { stream, includeUsage, ...job }: WritingRequest,
  answer: Answer,
  response: ServerResponse,
  ending: AbortSignal,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  if (response.destroyed) gone.abort()
  const { prompt, writing, logprobs, echo } = job
  const events = model.write({ prompt, writing, logprobs, echo }, AbortSignal.any([gone.signal, ending]))
  const put = async (piece: object | string | undefined): Promise<void> => {
    if (piece === undefined) return
    const text = `data: ${typeof piece === 'string' ? piece : JSON.stringify(piece)}\n\n`
    if (!response.write(text)) await drained(response)
    throwIfAborted(gone.signal)
  }
  for await (const event of events) {
    if (stream && event.kind === 'begin') {
      // Not before: what is wrong with a prompt is told by the status.
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' })
      await put(answer.begin())
    }
    const piece = answer.take(event)
    if (stream) await put(piece)
  }
  if (!stream) return sendJson(response, 200, answer.whole())
  if (includeUsage) await put(answer.usage())
  await put('[DONE]')
  response.end()
}

/** Whether the method is one of these; others are refused. */
function only(request: IncomingMessage, response: ServerResponse, methods: readonly string[]): boolean {
  if (methods.includes(request.method ?? '')) return true
  response.setHeader('allow', methods.join(', '))
  refuse(response, problem(405, 'wrong_method', `${request.method} is not answered here`))
  return false
}

function problem(status: number, code: string, message: string): Problem {
  return { status, type: status < 500 ? 'invalid_request_error' : 'server_error', code, message }
}

function noModel(asked: string, name: string): Problem {
  return problem(404, 'model_not_found', `there is no model ${asked.slice(0, 80)}, only ${name}`)
}

function refuse(response: ServerResponse, own: Problem): void {
  sendJson(response, own.status, errorBody(own))
}

function errorBody({ message, type, code }: Problem): object {
  return { error: { message, type, param: null, code } }
}

/** Tell what went wrong: by the status, or as the last piece of a stream. */
function fail(response: ServerResponse, error: unknown): void {
  if (response.destroyed) return
  const code = isPithError(error) ? error.code : 'PITH_INTERNAL'
  const status = STATUS[code] ?? 500
  // What is not the client's business stays here.
  const message = isPithError(error) && code !== 'PITH_INTERNAL' ? error.message : 'the model failed'
  const hint = isPithError(error) && error.hint !== undefined ? ` ${error.hint}` : ''
  const own = problem(status, code === 'PITH_LIMIT' ? 'context_length_exceeded' : code, `${message}.${hint}`)
  if (!response.headersSent) refuse(response, own)
  else response.end(`data: ${JSON.stringify(errorBody(own))}\n\n`)
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000)
}
