import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { llama2cTokenizerBytes } from '@pith/engine/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { llama2cBytes, SMALL } from '../../test/models.ts'
import { chatTemplate, encodeChat, PLAIN_TEMPLATE } from '../chat/template.ts'
import type { GeneratedToken, GenerateOptions } from '../language-model.ts'
import { loadLm } from '../node/load.ts'
import { randomParams } from '../testing/index.ts'
import { ModelHost } from './node/model-host.ts'
import { serveLm } from './node/server.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into, whatever they are.
type Json = any

const PIECES = [' a', ' b', 'ab', 'ba', ' abab', ...' abcdefgh:ersuint\n']
/** Its context is so long that no test sees the end of a text that is not given up. */
const config = { ...SMALL, vocab: 259 + PIECES.length, ctx: 1 << 17 }
const TEMPLATE =
  "{{ bos_token }}{% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}{% if add_generation_prompt %}a:{% endif %}"
const tmp = mkdtempSync(join(tmpdir(), 'pith-serve-'))
const path = join(tmp, 'plain/net.bin')
const templated = join(tmp, 'templated/net.bin')
let lm: Awaited<ReturnType<typeof loadLm>>
let host: ModelHost
let server: Awaited<ReturnType<typeof serveLm>>

beforeAll(async () => {
  for (const name of ['plain', 'templated']) {
    mkdirSync(join(tmp, name))
    const params = randomParams(config, 4)
    // It writes letters, and hardly ever single bytes or an end.
    const table = params['embed.tokens'] as NonNullable<(typeof params)[string]>
    const numbers = table.data as Float32Array
    numbers.fill(0, 0, 259 * config.hidden)
    writeFileSync(join(tmp, name, 'net.bin'), llama2cBytes(config, params))
    writeFileSync(join(tmp, name, 'tokenizer.bin'), llama2cTokenizerBytes(PIECES))
  }
  writeFileSync(join(tmp, 'templated/tokenizer_config.json'), JSON.stringify({ chat_template: TEMPLATE }))
  lm = await loadLm(path)
  host = await ModelHost.open({ path })
  server = await serveLm(host, { name: 'net', maxBody: 1000, maxTokens: 1 << 16, now: () => new Date(5000) })
})
afterAll(async () => {
  await server.close()
  await host.close()
  await lm.close()
  rmSync(tmp, { recursive: true })
})

function post(where: string, body: unknown, init: RequestInit = {}, url: string = server.url): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(`${url}v1/${where}`, { method: 'POST', headers, body: JSON.stringify(body), ...init })
}

async function answer(where: string, body: unknown, url: string = server.url): Promise<Json> {
  const response = await post(where, body, {}, url)
  expect(response.status).toBe(200)
  return await response.json()
}

async function pieces(where: string, body: object): Promise<Json[]> {
  const response = await post(where, { ...body, stream: true })
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
  const lines = (await response.text()).split('\n\n').filter((line) => line !== '')
  expect(lines.every((line) => line.startsWith('data: '))).toBe(true)
  expect(lines.at(-1)).toBe('data: [DONE]')
  return lines.slice(0, -1).map((line) => JSON.parse(line.slice(6)) as Json)
}

async function written(ids: Int32Array, options: GenerateOptions): Promise<GeneratedToken[]> {
  const all: GeneratedToken[] = []
  for await (const token of lm.generate(ids, options)) all.push(token)
  return all
}

const textOf = (tokens: readonly { text: string }[]): string => tokens.map(({ text }) => text).join('')

test('models', async () => {
  const own = { id: 'net', object: 'model', created: 5, owned_by: 'pith', context_length: config.ctx }
  expect(await (await fetch(`${server.url}v1/models`)).json()).toEqual({ object: 'list', data: [own] })
  expect(await (await fetch(`${server.url}v1/models/net`)).json()).toEqual(own)
  expect(await (await fetch(`${server.url}health`)).json()).toEqual({ ok: true, waiting: 0 })
})

test('a completion is what the library writes, whole and as a stream', async () => {
  const wanted = await written(lm.tokenizer.encode('abba', { special: true }), {
    maxTokens: 12,
    temperature: 1.5,
    topP: 0.9,
    seed: 7,
  })
  const body = {
    ...{ model: 'net', prompt: 'abba', max_tokens: 12, temperature: 1.5, top_p: 0.9, seed: 7 },
    return_token_ids: true,
  }
  const whole = await answer('completions', body)
  const prompt = lm.tokenizer.encode('abba', { special: true }).length
  expect(whole).toMatchObject({
    id: expect.stringMatching(/^cmpl-\d+$/),
    object: 'text_completion',
    created: 5,
    model: 'net',
    choices: [
      {
        ...{ index: 0, text: textOf(wanted), logprobs: null, finish_reason: 'length' },
        token_ids: wanted.map(({ id }) => id),
      },
    ],
    usage: { prompt_tokens: prompt, completion_tokens: 12, total_tokens: prompt + 12 },
  })
  const parts = await pieces('completions', { ...body, stream_options: { include_usage: true } })
  expect(parts.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe(textOf(wanted))
  expect(parts.at(-2).choices[0].finish_reason).toBe('length')
  expect(parts.at(-1)).toMatchObject({ choices: [], usage: whole.usage })
  expect(new Set(parts.map(({ id }) => id)).size).toBe(1)
  expect((await answer('completions', { ...body, seed: 8 })).choices[0].text).not.toBe(textOf(wanted))
  // Ids are as good as a text.
  const ids = [...lm.tokenizer.encode('abba', { special: true })]
  expect((await answer('completions', { ...body, prompt: ids })).choices[0].text).toBe(textOf(wanted))
})

test('a stop ends a text in front of it', async () => {
  const body = { prompt: 'ab', max_tokens: 40, temperature: 2, seed: 3 }
  const { text } = (await answer('completions', body)).choices[0]
  const stop = text.slice(9, 12)
  expect(text.indexOf(stop)).toBeGreaterThan(0)
  const [choice] = (await answer('completions', { ...body, stop: [stop, 'never there'] })).choices
  expect(choice).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finish_reason: 'stop' })
})

test('logarithms of probabilities, of the text and of the prompt', async () => {
  const ids = lm.tokenizer.encode('abab abba', { special: true })
  const own = await lm.logprobs(ids)
  const echo = await answer('completions', { prompt: 'abab abba', max_tokens: 0, echo: true, logprobs: 0 })
  const { token_logprobs: scores, tokens, text_offset: offsets } = echo.choices[0].logprobs
  expect(scores[0]).toBe(null)
  for (const [i, score] of scores.slice(1).entries()) expect(score).toBeCloseTo(own[i] as number, 5)
  expect(tokens.length).toBe(ids.length)
  expect(offsets.slice(0, 2)).toEqual([0, tokens[0].length])
  expect(echo.choices[0].text).toBe('abab abba')
  expect(echo.usage).toMatchObject({ prompt_tokens: ids.length, completion_tokens: 0 })
  const wanted = await written(ids, { maxTokens: 3, temperature: 0, alternatives: 2 })
  const completion = await answer('completions', { prompt: [...ids], max_tokens: 3, temperature: 0, logprobs: 2 })
  const said = completion.choices[0].logprobs
  expect(said.token_logprobs).toEqual(wanted.map(({ logprob }) => logprob))
  expect(Object.keys(said.top_logprobs[0]).length).toBe(2)
  expect(Object.values(said.top_logprobs[0])).toContain(wanted[0]?.logprob)
  const chat = { messages: [{ role: 'user', content: 'ab' }], max_tokens: 2, logprobs: true, top_logprobs: 3 }
  const { content } = (await answer('chat/completions', chat)).choices[0].logprobs
  expect(content.map(({ top_logprobs: top }: Json) => top.length)).toEqual([3, 3])
  const token = content[0].token as string
  expect(content[0].bytes).toEqual([...new TextEncoder().encode(token)])
})

test('a conversation without a template of the model', async () => {
  const messages = [
    { role: 'system', content: 'ab' },
    { role: 'user', content: [{ type: 'text', text: 'abba' }] },
  ]
  const ids = lm.tokenizer.encode('system: ab\nuser: abba\nassistant:', { special: true })
  const wanted = await written(ids, { maxTokens: 9, temperature: 0 })
  const body = { messages, max_completion_tokens: 9, temperature: 0 }
  expect(await answer('chat/completions', body)).toMatchObject({
    object: 'chat.completion',
    choices: [{ message: { role: 'assistant', content: textOf(wanted) }, finish_reason: 'length' }],
    usage: { prompt_tokens: ids.length },
  })
  const parts = await pieces('chat/completions', body)
  expect(parts[0].choices[0].delta).toEqual({ role: 'assistant', content: '' })
  expect(parts.map(({ choices }) => choices[0].delta.content ?? '').join('')).toBe(textOf(wanted))
  expect(parts.at(-1).choices[0]).toMatchObject({ delta: {}, finish_reason: 'length' })
})

test('the template of a model, and prefixes that a store knows', async () => {
  const prefixes = {
    module: pathToFileURL(join(import.meta.dirname, '../../test/memory-prefixes.ts')).href,
    open: 'openMemory',
    arguments: [4],
  }
  const own = await ModelHost.open({ path: templated, prefixes })
  expect(own.facts.hasTemplate).toBe(true)
  const other = await serveLm(own)
  const messages = [{ role: 'user', content: 'abba baab abab' }]
  const body = { messages, max_tokens: 9, temperature: 0, seed: 1 }
  const first = await answer('chat/completions', body, other.url)
  const second = await answer('chat/completions', body, other.url)
  const ids = encodeChat(lm.tokenizer, await chatTemplate(TEMPLATE, lm.tokenizer), messages)
  expect([...ids]).toEqual([...lm.tokenizer.encode('user: abba baab abab\na:', { special: true })])
  expect(first.usage).toMatchObject({ prompt_tokens: ids.length, prompt_tokens_details: { cached_tokens: 0 } })
  const whole = Math.min(ids.length - 1, ids.length - (ids.length % 4))
  expect(second.usage.prompt_tokens_details.cached_tokens).toBe(whole)
  expect(second.choices).toEqual(first.choices)
  await other.close()
  await own.close()
})

test('templates that are none, or refuse', async () => {
  await expect(chatTemplate('{% for %}', lm.tokenizer)).rejects.toMatchObject({ code: 'PITH_MODEL' })
  await expect(chatTemplate('x'.repeat(1 << 19), lm.tokenizer)).rejects.toMatchObject({ code: 'PITH_LIMIT' })
  const strict = await chatTemplate("{{ raise_exception('roles must alternate') }}", lm.tokenizer)
  expect(() => strict.render([])).toThrow(expect.objectContaining({ code: 'PITH_ARG' }))
  expect(PLAIN_TEMPLATE.render([])).toBe('assistant:')
})

const ask = { prompt: 'ab', max_tokens: 1 }
test.each([
  ['completions', {}, 400, 'prompt must be'],
  ['completions', [], 400, 'JSON object'],
  ['completions', { prompt: 7 }, 400, 'prompt must be'],
  ['completions', { prompt: [1, -2] }, 400, 'prompt must be'],
  ['completions', { prompt: [1, 9999] }, 400, 'there is no token 9999'],
  ['completions', { ...ask, prompt: ['ab', 'ba'] }, 400, 'several prompts'],
  ['completions', { ...ask, temperature: 3 }, 400, 'temperature must be a number of 0 to 2, got 3'],
  ['completions', { ...ask, top_p: '1' }, 400, 'top_p must be'],
  ['completions', { ...ask, max_tokens: 1e9 }, 400, 'max_tokens must be'],
  ['completions', { ...ask, max_tokens: 1.5 }, 400, 'max_tokens must be'],
  ['completions', { ...ask, stop: [''] }, 400, 'stop must be'],
  ['completions', { ...ask, stop: Array(17).fill('a') }, 400, 'stop has 17'],
  ['completions', { ...ask, logprobs: 6 }, 400, 'logprobs must be'],
  ['completions', { ...ask, stream: 1 }, 400, 'stream must be'],
  ['completions', { ...ask, n: 2 }, 400, 'n is not supported'],
  ['completions', { ...ask, seed: 0.5 }, 400, 'seed must be'],
  ['completions', { ...ask, model: 'gpt' }, 404, 'there is no model gpt, only net'],
  ['completions', { ...ask, prompt: 'a'.repeat(2000) }, 413, 'more than 1000 bytes'],
  ['chat/completions', { messages: [] }, 400, 'messages must be'],
  ['chat/completions', { messages: [{ role: 'user' }] }, 400, 'content of message 0'],
  ['chat/completions', { messages: [{ content: 'a' }] }, 400, 'message 0 must have'],
  ['chat/completions', { messages: [{ role: 'user', content: 'a' }], tools: [{}] }, 400, 'tools is not supported'],
  ['chat/completions', { messages: [{ role: 'user', content: 'a' }], top_logprobs: 2 }, 400, 'needs logprobs'],
  ['embeddings', {}, 404, 'there is no /v1/embeddings'],
] as const)('%s %o is refused', async (where, body, status, says) => {
  const response = await post(where, body)
  expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toBe('application/json')
  const { error } = (await response.json()) as Json
  expect(error).toMatchObject({ type: 'invalid_request_error', param: null, code: expect.any(String) })
  expect(error.message).toContain(says)
})

test('what is no such request at all', async () => {
  const json = { 'content-type': 'application/json' }
  const statusOf = async (where: string, init: RequestInit): Promise<number> =>
    (await fetch(`${server.url}${where}`, init)).status
  expect(await statusOf('v1/completions', { method: 'POST', headers: json, body: '{"prompt":' })).toBe(400)
  expect(await statusOf('v1/completions', { method: 'POST', headers: json, body: Uint8Array.of(34, 255, 34) })).toBe(
    400,
  )
  expect(await statusOf('v1/completions', { method: 'POST', body: JSON.stringify(ask) })).toBe(415)
  expect(await statusOf('v1/completions', {})).toBe(405)
  expect(await statusOf('v1/models', { method: 'DELETE' })).toBe(405)
  expect(await statusOf('v1/models/other', {})).toBe(404)
  expect(await statusOf('%', {})).toBe(404)
  // A body that has no declared length is not read further than it may be.
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(600).fill(32)) })
  const long = { method: 'POST', headers: json, body: endless, duplex: 'half' } as RequestInit
  const status = await statusOf('v1/completions', long).catch(() => 413)
  expect(status).toBe(413)
  const { port } = new URL(server.url)
  const talk = (text: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = createConnection(Number(port), '127.0.0.1', () => socket.end(text))
      let said = ''
      socket.on('data', (data) => {
        said += data.toString('latin1')
      })
      socket.on('close', () => resolve(said))
    })
  expect(await talk('GET /v1/models HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n')).toMatch(
    /^HTTP\/1.1 403/,
  )
  expect(await talk('\0\0\0\r\n\r\n')).toMatch(/^HTTP\/1.1 400/)
  // It still answers.
  expect((await answer('completions', ask)).usage.completion_tokens).toBe(1)
})

/** Begin a text that nobody could wait for, and see its first pieces. */
async function begin(controller: AbortController, url: string = server.url): Promise<void> {
  const body = { prompt: 'ab', max_tokens: 60000, temperature: 0, stream: true }
  const response = await post('completions', body, { signal: controller.signal }, url)
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  expect((await reader.read()).done).toBe(false)
}

test('it answers while it writes, and gives up what nobody waits for', async () => {
  const controller = new AbortController()
  await begin(controller)
  expect(await (await fetch(`${server.url}health`)).json()).toMatchObject({ ok: true })
  // Waits for its turn, which comes only when the first is given up.
  const next = answer('completions', ask)
  const left = new AbortController()
  const dropped = post('completions', ask, { signal: left.signal })
  const waiting = async (): Promise<number> => {
    const { waiting: own } = (await (await fetch(`${server.url}health`)).json()) as { waiting: number }
    return own
  }
  while ((await waiting()) < 2);
  left.abort()
  await expect(dropped).rejects.toThrow()
  while ((await waiting()) > 1);
  controller.abort()
  expect((await next).usage.completion_tokens).toBe(1)
  expect(await waiting()).toBe(0)
})

test('too many requests are refused, and the end of the server ends them', async () => {
  const own = await ModelHost.open({ path }, { waiting: 0 })
  const other = await serveLm(own)
  const controller = new AbortController()
  await begin(controller, other.url)
  const refused = await post('completions', ask, {}, other.url)
  expect(refused.status).toBe(503)
  expect(((await refused.json()) as Json).error).toMatchObject({ type: 'server_error', code: 'PITH_LOCKED' })
  await other.close()
  await expect(fetch(`${other.url}health`)).rejects.toThrow()
  await own.close()
  await expect(serveLm(host, { port: Number(new URL(server.url).port) })).rejects.toMatchObject({
    code: 'PITH_NETWORK',
  })
})

test('a model that cannot be served', async () => {
  await expect(ModelHost.open({ path: join(tmp, 'none') })).rejects.toMatchObject({ code: 'PITH_IO' })
  const prefixes = { module: '@pith/none', open: 'open', arguments: [] }
  await expect(ModelHost.open({ path, prefixes })).rejects.toMatchObject({ code: 'PITH_CAPABILITY' })
  await expect(ModelHost.open({ path }, { waiting: -1 })).rejects.toMatchObject({ code: 'PITH_ARG' })
})
