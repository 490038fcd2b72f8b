import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { type HttpListener, listenHttp, readBody } from '@pith/core/node/http'
import { afterEach, expect, test } from 'vitest'
import { type PromptProxy, type ProxyEvent, type ProxyOptions, serveProxy } from './proxy.ts'

const open: { close(): Promise<void> }[] = []

afterEach(async () => {
  await Promise.all(open.splice(0).map((own) => own.close()))
})

interface Seen {
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** The endpoint behind the proxy: it keeps what it was asked, and streams an answer. */
async function upstream(
  answer?: (response: ServerResponse) => Promise<void>,
): Promise<HttpListener & { seen: Seen[] }> {
  const seen: Seen[] = []
  const listener = await listenHttp(async (request, response) => {
    const body = new TextDecoder().decode(await readBody(request, 1 << 27))
    seen.push({ url: request.url, headers: request.headers, body })
    if (answer !== undefined) return await answer(response)
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-own': 'kept' })
    for (let i = 0; i < 5; i++) {
      response.write(`data: {"i": ${i}}\n\n`)
      await new Promise((done) => setTimeout(done, 2))
    }
    response.end('data: [DONE]\n\n')
  })
  open.push(listener)
  return { ...listener, seen }
}

async function proxy(options: ProxyOptions): Promise<PromptProxy> {
  const own = await serveProxy(options)
  open.push(own)
  return own
}

const log = Array.from(
  { length: 200 },
  (_, i) => `line ${i} of the log says that worker w${i % 7} did its part\n`,
).join('')
const chat = {
  model: 'm',
  stream: true,
  messages: [
    { role: 'system', content: 'Be short.' },
    { role: 'tool', tool_call_id: 'a', content: log },
    { role: 'user', content: 'what did worker w3 do' },
  ],
}
const stream = `${[0, 1, 2, 3, 4].map((i) => `data: {"i": ${i}}\n\n`).join('')}data: [DONE]\n\n`

async function post(url: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })
}

test.each(['v1/chat/completions', 'v1/messages'])(
  'texts get shorter and the stream comes back as it was: %s',
  async (path) => {
    const behind = await upstream()
    const own = await proxy({ upstream: behind.url, rate: 0.3 })
    const response = await post(`${own.url}${path}?a=b`, JSON.stringify(chat), { authorization: 'Bearer secret' })
    expect(await response.text()).toBe(stream)
    expect(response.headers.get('x-own')).toBe('kept')
    expect(Number(response.headers.get('x-pith-saved-tokens'))).toBeGreaterThan(1000)
    const [seen] = behind.seen
    expect(seen?.url).toBe(`/${path}?a=b`)
    expect(seen?.headers['authorization']).toBe('Bearer secret')
    const sent = JSON.parse(seen?.body ?? '')
    expect(sent.messages[1].content.length).toBeLessThan(0.4 * log.length)
    expect({ ...sent, messages: [sent.messages[0], sent.messages[2]] }).toEqual({
      ...chat,
      messages: [chat.messages[0], chat.messages[2]],
    })
  },
)

test('a dry run only reports', async () => {
  const behind = await upstream()
  const events: ProxyEvent[] = []
  const own = await proxy({
    upstream: `${behind.url}base/`,
    rate: 0.3,
    dryRun: true,
    onRequest: (event) => events.push(event),
  })
  const body = JSON.stringify(chat, null, 2)
  await (await post(`${own.url}v1/chat/completions`, body)).text()
  expect(behind.seen[0]).toMatchObject({ url: '/base/v1/chat/completions', body })
  expect(events[0]?.report?.changed).toHaveLength(1)
  expect(JSON.stringify(events)).not.toContain('worker')
  expect(await (await fetch(`${own.url}pith/stats`)).json()).toMatchObject({ requests: 1, problems: 0 })
})

test.each([
  ['no JSON', 'not json', 'v1/chat/completions'],
  ['no object', '[1, 2]', 'v1/chat/completions'],
  ['another form', '{"messages": {"a": 1}}', 'v1/messages'],
  ['another path', JSON.stringify(chat), 'v1/embeddings'],
])('what is not understood goes on as it came: %s', async (_, body, path) => {
  const behind = await upstream()
  const own = await proxy({ upstream: behind.url, rate: 0.3 })
  expect(await (await post(`${own.url}${path}`, body)).text()).toBe(stream)
  expect(behind.seen[0]?.body).toBe(body)
})

test('an error in compressing goes on as it came', async () => {
  const behind = await upstream()
  const events: ProxyEvent[] = []
  const own = await proxy({
    ...{ upstream: behind.url, onRequest: (event: ProxyEvent) => events.push(event) },
    rank: () => {
      throw new Error(`cannot read ${log}`)
    },
  })
  const body = JSON.stringify(chat)
  expect(await (await post(`${own.url}v1/chat/completions`, body)).text()).toBe(stream)
  expect(behind.seen[0]?.body).toBe(body)
  expect(events).toMatchObject([{ problem: 'Error' }])
  await post(`${own.url}v1/chat/completions`, 'worker w3 says')
  expect(JSON.stringify(events)).not.toContain('worker')
})

test('numbers of what is sent on stand as they stood, and who listens costs no answer', async () => {
  const behind = await upstream()
  const own = await proxy({
    ...{ upstream: behind.url, rate: 0.3 },
    onRequest: () => {
      throw new Error('deaf')
    },
  })
  const numbers = '"seed":12345678901234567890,"temperature":1.0,"a":1e400,"b":-0'
  const body = JSON.stringify(chat).replace('"stream":true', numbers)
  expect(await (await post(`${own.url}v1/chat/completions`, body)).text()).toBe(stream)
  expect(behind.seen[0]?.body).toContain(numbers)
  expect(behind.seen[0]?.body.length).toBeLessThan(0.5 * body.length)
})

/** What comes back for bytes on a connection, until the other end closes it. */
async function say(url: string, bytes: string): Promise<string> {
  const { port } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.write(bytes.replaceAll('HOST', `Host: 127.0.0.1:${port}\r\nConnection: close`))
  const parts: Uint8Array[] = []
  for await (const part of socket) parts.push(part as Uint8Array)
  return Buffer.concat(parts).toString('latin1')
}

test('no request leads anywhere but upstream, and none hides another', async () => {
  const elsewhere = await upstream()
  const behind = await upstream()
  const own = await proxy({ upstream: `${behind.url}base/` })
  const { host } = new URL(elsewhere.url)
  expect(await say(own.url, `GET http://${host}/x HTTP/1.1\r\nHOST\r\n\r\n`)).toContain('HTTP/1.1 400')
  expect(await say(own.url, 'GET /a/%2e%2E/../x HTTP/1.1\r\nHOST\r\n\r\n')).toContain('HTTP/1.1 400')
  expect(await say(own.url, `GET //${host}/x HTTP/1.1\r\nHOST\r\n\r\n`)).toContain('HTTP/1.1 200')
  const hidden = 'GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n'
  const chunks = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`
  await say(own.url, `GET /v1/models HTTP/1.1\r\nHOST\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`)
  expect(elsewhere.seen).toEqual([])
  expect(behind.seen.map(({ url, body }) => [url, body])).toEqual([
    [`/base//${host}/x`, ''],
    ['/base/v1/models', hidden],
  ])
})

test('bodies of any framing pass whole, and one more try is due where a kept connection is gone', async () => {
  const behind = await upstream()
  const own = await proxy({ upstream: behind.url, maxBody: 100 })
  const body = 'x'.repeat(100_000)
  const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  const head = 'POST /v1/messages HTTP/1.1\r\nHOST\r\n'
  expect(await say(own.url, `${head}Transfer-Encoding: chunked\r\n\r\n${chunks}`)).toContain('[DONE]')
  const reply = await say(own.url, `${head}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}`)
  expect(reply).toMatch(/^HTTP\/1.1 100 [\s\S]*\[DONE\]/)
  expect(behind.seen.map((one) => one.body)).toEqual([body, '{}'])

  // A server that closes each connection after one answer, without saying so.
  let answers = 0
  const rude = createServer((socket) => {
    let isUsed = false
    socket.on('error', () => {})
    socket.on('data', (bytes: Uint8Array) => {
      if (isUsed) return socket.resetAndDestroy()
      if (!new TextDecoder().decode(bytes).endsWith('{}')) return
      isUsed = true
      answers++
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    })
  })
  await new Promise<void>((done) => rude.listen(0, '127.0.0.1', done))
  open.push({ close: () => new Promise((done) => void rude.close(() => done())) })
  const before = await proxy({ upstream: `http://127.0.0.1:${(rude.address() as AddressInfo).port}` })
  for (let i = 0; i < 4; i++) expect(await (await post(`${before.url}v1/messages`, '{}')).text()).toBe('ok')
  expect(answers).toBe(4)
  await before.close()
})

test('other methods, statuses and bodies pass', async () => {
  const behind = await upstream(async (response) => {
    response.writeHead(429, { 'retry-after': '3' })
    response.end(new Uint8Array([0, 255, 1]))
  })
  const own = await proxy({ upstream: behind.url })
  const response = await fetch(`${own.url}v1/models`)
  expect(response.status).toBe(429)
  expect(response.headers.get('retry-after')).toBe('3')
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(new Uint8Array([0, 255, 1]))
})

test('who gives up is given up upstream as well', async () => {
  let ended: () => void = () => {}
  const end = new Promise<void>((done) => {
    ended = done
  })
  const behind = await upstream(async (response) => {
    response.writeHead(200)
    response.write('start')
    response.once('close', ended)
    await end
  })
  const own = await proxy({ upstream: behind.url })
  const asked = new AbortController()
  const response = await fetch(`${own.url}v1/chat/completions`, { method: 'POST', body: '{}', signal: asked.signal })
  await response.body?.getReader().read()
  asked.abort()
  await end
})

test('a dead upstream, a wrong host and a huge body are told apart', async () => {
  const own = await proxy({ upstream: 'http://127.0.0.1:9', maxBody: 100 })
  expect((await post(`${own.url}v1/chat/completions`, '{}')).status).toBe(502)
  const status = await new Promise((done) => {
    request(own.url, { headers: { host: 'evil.example' } }, (reply) => done(reply.resume().statusCode)).end()
  })
  expect(status).toBe(403)
  const behind = await upstream()
  const small = await proxy({ upstream: behind.url, maxBody: 100 })
  const body = JSON.stringify(chat)
  expect(await (await post(`${small.url}v1/chat/completions`, body)).text()).toBe(stream)
  expect(behind.seen[0]?.body).toBe(body)
  await expect(serveProxy({ upstream: 'ftp://a' })).rejects.toThrow(/no http address/)
})

test('many streams at once lose and change nothing', async () => {
  const behind = await upstream()
  const own = await proxy({ upstream: behind.url, rate: 0.3 })
  const bodies = Array.from({ length: 60 }, (_, i) => JSON.stringify({ ...chat, n: i }))
  const all = await Promise.all(bodies.map(async (body) => (await post(`${own.url}v1/chat/completions`, body)).text()))
  expect(new Set(all)).toEqual(new Set([stream]))
  expect(behind.seen.map(({ body }) => JSON.parse(body).n).sort((a, b) => a - b)).toEqual(bodies.map((_, i) => i))
})
