import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, resolve, sep } from 'node:path'
import { PithError } from '../errors.ts'
import { streamAccess } from '../source.ts'
import { type FileSource, fileSource } from './file-source.ts'
import { nodeFiles } from './file-system.ts'

const TYPES: Readonly<Record<string, string>> = /* @__PURE__ */ Object.freeze({
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
})

/** What is served and where. */
export interface ServeOptions {
  /** Folder whose files are served; nothing outside of it is, also not through links. */
  root: string
  /** Default 0: any free port. */
  port?: number
  /** Default `127.0.0.1`. */
  host?: string
  /** Answer range requests. Default true. */
  ranges?: boolean
  /** Sent with every answer. */
  headers?: Readonly<Record<string, string>>
}

/** A running server of static files. */
export interface FileServer {
  /** Address with a slash at its end. */
  readonly url: string
  /** Requests answered, and bytes of bodies sent. */
  readonly requests: number
  readonly bytes: number
  resetCounts(): void
  close(): Promise<void>
}

/**
 * Serve the files of a folder by HTTP, with ranges, and count what is asked for.
 *
 * @throws PithError `PITH_NETWORK` the port is taken
 */
export async function serveFiles(options: ServeOptions): Promise<FileServer> {
  const { port = 0, host = '127.0.0.1', ranges = true, headers = {} } = options
  const root = await nodeFiles.resolve(resolve(options.root))
  let requests = 0
  let bytes = 0

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requests++
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    if (request.method !== 'GET' && request.method !== 'HEAD') return finish(response, 405)
    const file = await openBelow(root, request.url ?? '/')
    if (file === undefined) return finish(response, 404)
    try {
      response.setHeader('content-type', TYPES[extname(file.name)] ?? 'application/octet-stream')
      response.setHeader('etag', `"${file.size.toString(36)}-${Math.round(file.mtimeMs).toString(36)}"`)
      response.setHeader('accept-ranges', ranges ? 'bytes' : 'none')
      const range = ranges ? parseRange(request.headers.range, file.size) : undefined
      if (range === 'unsatisfiable') {
        response.setHeader('content-range', `bytes */${file.size}`)
        return finish(response, 416)
      }
      const [start, end] = range ?? [0, file.size]
      response.statusCode = range === undefined ? 200 : 206
      if (range !== undefined) response.setHeader('content-range', `bytes ${start}-${end - 1}/${file.size}`)
      response.setHeader('content-length', end - start)
      if (request.method === 'GET') {
        for await (const chunk of streamAccess(file, { start, end })) {
          bytes += chunk.length
          if (!response.write(chunk)) await drained(response)
          if (response.destroyed) return
        }
      }
      response.end()
    } finally {
      await file.close()
    }
  }
  const server = await listenHttp(answer, { port, host })
  return {
    url: server.url,
    get requests() {
      return requests
    },
    get bytes() {
      return bytes
    },
    resetCounts() {
      requests = 0
      bytes = 0
    },
    close: server.close,
  }
}

/** Where a server listens. */
export interface ListenOptions {
  /** Default 0: any free port. */
  port?: number
  /** Default `127.0.0.1`. */
  host?: string
}

/** A server that listens. */
export interface HttpListener {
  /** Address with a slash at its end. */
  readonly url: string
  /** End it and its connections. */
  close(): Promise<void>
}

/**
 * Answer requests by HTTP.
 *
 * @param answer  a rejection ends the connection
 * @throws PithError `PITH_NETWORK` the port is taken
 */
export async function listenHttp(
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  { port = 0, host = '127.0.0.1' }: ListenOptions = {},
): Promise<HttpListener> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((done, fail) => {
    server.once('error', (cause) =>
      fail(new PithError('PITH_NETWORK', `port ${port} cannot be used`, { hint: 'Choose another port.', cause })),
    )
    server.listen(port, host, done)
  })
  const address = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}/`,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

/** Addresses that only this machine reaches. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/

/**
 * Whether requests may be answered by a server that listens at `host`. One for its own machine is asked by a name of that
 * machine only: a page of another origin could reach it by a name that it chose.
 */
export function hostGuard(host: string): (request: IncomingMessage) => boolean {
  const isLocal = LOOPBACK.test(host.includes(':') ? `[${host}]` : host)
  return (request) => !isLocal || LOOPBACK.test(request.headers.host ?? '')
}

/** Whether the body of a request is JSON. A page of another origin can send anything but that without being asked first. */
export function sendsJson(request: IncomingMessage): boolean {
  return /^application\/json\b/i.test(request.headers['content-type'] ?? '')
}

/** The bytes of a body; undefined where they are too many: the connection should end with the answer then. */
export async function readBody(request: IncomingMessage, most: number): Promise<Uint8Array | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > most) return undefined
  const parts: Uint8Array[] = []
  let size = 0
  return await new Promise((resolve, reject) => {
    request.on('data', (part: Uint8Array) => {
      size += part.length
      if (size > most) {
        request.pause()
        resolve(undefined)
      } else parts.push(part)
    })
    request.on('end', () => resolve(new Uint8Array(Buffer.concat(parts))))
    request.on('error', reject)
    request.on('aborted', () => reject(new PithError('PITH_NETWORK', 'the request broke off')))
  })
}

/** Answer with JSON. */
export function sendJson(response: ServerResponse, status: number, body: object): void {
  const bytes = new TextEncoder().encode(JSON.stringify(body))
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length })
  response.end(response.req.method === 'HEAD' ? undefined : bytes)
}

function finish(response: ServerResponse, status: number): void {
  response.statusCode = status
  response.setHeader('content-length', 0)
  response.end()
}

/** Wait until a response takes more, or its client is gone. */
export function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return Promise.resolve()
  return new Promise((done) => {
    const over = (): void => {
      response.off('drain', over)
      response.off('close', over)
      done()
    }
    response.once('drain', over)
    response.once('close', over)
  })
}

async function openBelow(root: string, address: string): Promise<FileSource | undefined> {
  try {
    const path = decodeURIComponent(address.split(/[?#]/)[0])
    if (path.includes('\0')) return undefined
    const place = await nodeFiles.resolve(join(root, path.endsWith('/') ? `${path}index.html` : path))
    if (!place.startsWith(root + sep)) return undefined
    return await fileSource(place)
  } catch {
    return undefined
  }
}

/** One range of a request, end exclusive; several at once and what cannot be read are answered with the whole file. */
export function parseRange(
  header: string | undefined,
  size: number,
): [start: number, end: number] | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (match === null || (match[1] === '' && match[2] === '')) return undefined
  if (match[1] === '') {
    const length = Math.min(Number(match[2]), size)
    return length === 0 ? 'unsatisfiable' : [size - length, size]
  }
  const start = Number(match[1])
  const end = match[2] === '' ? size : Math.min(Number(match[2]) + 1, size)
  if (start >= size) return 'unsatisfiable'
  return end <= start ? undefined : [start, end]
}
