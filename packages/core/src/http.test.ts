import * as fs from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FileServer, serveFiles } from '@pith/core/node/http'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { httpSource } from './http.ts'
import { readAll } from './source.ts'

const BYTES = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 13) ^ (i >> 7))
let folder: string
let server: FileServer
const closers: (() => Promise<void>)[] = []

beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'pith-http-'))
  await fs.writeFile(join(folder, 'data.pith'), BYTES)
  await fs.writeFile(join(folder, 'empty'), '')
  await fs.writeFile(join(folder, 'index.html'), '<p>')
  await fs.symlink('/etc/passwd', join(folder, 'leak'))
  server = await serveFiles({ root: folder })
})
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})
afterAll(async () => {
  await server.close()
  await fs.rm(folder, { recursive: true })
})

/** A server that answers as a test needs it. */
async function answering(listener: RequestListener): Promise<string> {
  const odd = createServer(listener)
  await new Promise<void>((done) => odd.listen(0, '127.0.0.1', done))
  closers.push(
    () =>
      new Promise((done) => {
        odd.close(() => done())
        odd.closeAllConnections()
      }),
  )
  return `http://127.0.0.1:${(odd.address() as AddressInfo).port}/data`
}

test('any part is read with one request and no more bytes than asked for', async () => {
  const source = await httpSource(`${server.url}data.pith`)
  expect(source).toMatchObject({ size: BYTES.length, requests: 1, bytes: 0 })
  server.resetCounts()
  let asked = 0
  await fc.assert(
    fc.asyncProperty(fc.nat(310_000), fc.nat(5000), async (offset, length) => {
      const part = BYTES.slice(offset, offset + length)
      asked += part.length
      expect(await source.read(offset, length)).toEqual(part)
    }),
    { numRuns: 30 },
  )
  expect(source.bytes).toBe(asked)
  expect(server.bytes).toBe(asked)
  expect(server.requests).toBe(source.requests - 1)
  expect(await readAll(source)).toEqual(BYTES)
})

test('an empty file needs no range', async () => {
  const source = await httpSource(`${server.url}empty`)
  expect(source.size).toBe(0)
  expect(await source.read(0, 10)).toHaveLength(0)
})

test('an abort rejects with its reason', async () => {
  const abort = new AbortController()
  const source = await httpSource(`${server.url}data.pith`, { signal: abort.signal })
  const read = source.read(0, 100)
  abort.abort('enough')
  await expect(read).rejects.toBe('enough')
  await expect(source.read(0, 1)).rejects.toBe('enough')
  await expect(httpSource(server.url, { signal: abort.signal })).rejects.toBe('enough')
})

test('a server without ranges gives the whole file, up to the given size', async () => {
  const plain = await serveFiles({ root: folder, ranges: false })
  closers.push(plain.close)
  const silent = await answering((_, response) => response.setHeader('content-length', 5).end('12345'))
  const vague = await answering((_, response) => response.end('12345'))
  const whole = await httpSource(`${plain.url}data.pith`, { wholeBytes: 2 ** 20 })
  expect(await whole.read(0, 8)).toEqual(BYTES.subarray(0, 8))
  expect([whole.size, whole.requests, whole.bytes]).toEqual([BYTES.length, 2, BYTES.length])
  for (const url of [silent, vague]) {
    const found = await httpSource(url, { wholeBytes: 5 })
    expect(new TextDecoder().decode(await found.read(1, 9))).toBe('2345')
    await expect(httpSource(url, { wholeBytes: 4 })).rejects.toMatchObject({ code: 'PITH_NETWORK' })
  }
})

describe('PITH_NETWORK with a hint for', () => {
  const refused = (hint: string): object => ({ code: 'PITH_NETWORK', hint: expect.stringContaining(hint) })

  test('a missing file', async () => {
    await expect(httpSource(`${server.url}none`)).rejects.toMatchObject(refused('address'))
  })

  test('a server that cannot be reached', async () => {
    const gone = await serveFiles({ root: folder })
    await gone.close()
    await expect(httpSource(gone.url)).rejects.toMatchObject(refused('connection'))
  })

  test('a server that says that it has no ranges', async () => {
    const plain = await serveFiles({ root: folder, ranges: false })
    closers.push(plain.close)
    await expect(httpSource(`${plain.url}data.pith`)).rejects.toMatchObject(refused('Download'))
  })

  test('a server that answers ranges with the whole file', async () => {
    const url = await answering((_, response) => response.setHeader('content-length', 5).end('12345'))
    await expect(httpSource(url)).rejects.toMatchObject(refused('Download'))
  })

  test('a server that does not tell the size', async () => {
    const url = await answering((_, response) => response.end())
    await expect(httpSource(url)).rejects.toMatchObject(refused('Download'))
  })

  test('a refused request', async () => {
    const url = await answering((_, response) => response.writeHead(403).end())
    await expect(httpSource(url)).rejects.toMatchObject(refused('authorisation'))
  })

  test.each<
    [string, (size: number, send: (status: number, headers: Record<string, string>, body: string) => void) => void]
  >([
    ['another version of the file', (_, send) => send(206, { etag: '"b"', 'content-range': 'bytes 0-3/10' }, '1234')],
    ['a file of another length', (_, send) => send(206, { etag: '"a"', 'content-range': 'bytes 0-3/11' }, '1234')],
    ['another part', (_, send) => send(206, { etag: '"a"', 'content-range': 'bytes 1-4/10' }, '1234')],
    ['fewer bytes', (_, send) => send(206, { etag: '"a"', 'content-range': 'bytes 0-3/10' }, '123')],
    ['more bytes', (_, send) => send(206, { etag: '"a"', 'content-range': 'bytes 0-3/10' }, '12345')],
    ['an error', (_, send) => send(500, {}, '')],
  ])('%s in answer to a range', async (_, respond) => {
    const url = await answering((request, response) => {
      if (request.method === 'HEAD') {
        response.writeHead(200, { 'content-length': '10', 'accept-ranges': 'bytes', etag: '"a"' }).end()
        return
      }
      respond(10, (status, headers, body) => response.writeHead(status, headers).end(body))
    })
    const source = await httpSource(url)
    await expect(source.read(0, 4)).rejects.toMatchObject({ code: 'PITH_NETWORK' })
  })

  test('a connection that breaks', async () => {
    const url = await answering((request, response) => {
      if (request.method === 'HEAD') {
        response.writeHead(200, { 'content-length': '10', 'accept-ranges': 'bytes' }).end()
        return
      }
      response.writeHead(206, { 'content-length': '8', 'content-range': 'bytes 0-7/10' })
      response.write('1234', () => response.destroy())
    })
    const source = await httpSource(url)
    await expect(source.read(0, 8)).rejects.toMatchObject({ code: 'PITH_NETWORK', hint: 'Try again.' })
  })
})

test('own headers go with every request', async () => {
  const seen: unknown[] = []
  const url = await answering((request, response) => {
    seen.push(request.headers.authorization)
    response.writeHead(200, { 'content-length': '1', 'accept-ranges': 'bytes' }).end()
  })
  await httpSource(url, { headers: { authorization: 'Bearer x' } })
  expect(seen).toEqual(['Bearer x'])
})

describe('the server of files', () => {
  const get = (path: string, init?: RequestInit): Promise<Response> => fetch(server.url + path, init)

  test('serves whole files with type and length, and the index of a folder', async () => {
    const answer = await get('')
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(answer.headers.get('content-length')).toBe('3')
    expect(await answer.text()).toBe('<p>')
  })

  test.each(['leak', '..%2f..%2fetc/passwd', 'none', '%00', '%E0%A4%A'])('%s is not found', async (path) => {
    const answer = await get(path)
    await answer.body?.cancel()
    expect(answer.status).toBe(404)
  })

  test.each([
    ['bytes=0-3', 206, 4],
    ['bytes=299998-', 206, 2],
    ['bytes=-5', 206, 5],
    ['bytes=299999-400000', 206, 1],
    ['bytes=300000-', 416, 0],
    ['bytes=5-3', 200, 300_000],
    ['bytes=0-1,4-5', 200, 300_000],
    ['lines=0-1', 200, 300_000],
  ])('range %s is answered with %i and %i bytes', async (range, status, length) => {
    const answer = await get('data.pith', { headers: { range } })
    expect(answer.status).toBe(status)
    expect((await answer.arrayBuffer()).byteLength).toBe(length)
  })

  test('only reads', async () => {
    expect((await get('data.pith', { method: 'DELETE' })).status).toBe(405)
  })
})
