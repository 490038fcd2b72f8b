import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { HttpListener } from '@pith/core/node/http'
import { loadLm } from '@pith/lm/node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { modelBytes, tokenizerBytes } from '../../test/files.ts'
import { startVerb, verb } from '../../test/verb.ts'
import { readProfileFile } from '../cachegen/index.ts'
import { kvEncoder } from '../stream/index.ts'
import { serveKv } from '../stream/node/index.ts'

const tmp = mkdtempSync(join(tmpdir(), 'pith-stream-'))
afterAll(() => rmSync(tmp, { recursive: true }))
const at = (name: string): string => join(tmp, name)
const model = { model: at('net.gguf'), tokenizer: at('tokenizer.bin') }
const TEXT = 'abacaba dabc '.repeat(9)
let server: HttpListener
let lm: Awaited<ReturnType<typeof loadLm>>

beforeAll(async () => {
  writeFileSync(model.model, await modelBytes(4))
  writeFileSync(model.tokenizer, tokenizerBytes())
  writeFileSync(at('doc.txt'), TEXT)
  const made = await verb('profile', { ...model, text: at('doc.txt'), window: '32', out: at('net.kvp') })
  expect(made.code).toBe(0)
  lm = await loadLm(model.model, { tokenizer: model.tokenizer })
  server = await serveKv(kvEncoder(lm, await readProfileFile(readFileSync(at('net.kvp'))), { chunk: 32 }))
})
afterAll(async () => {
  await server.close()
  await lm.close()
})

test('fetch says what came, and how', async () => {
  const options = { ...model, text: at('doc.txt'), within: '30' }
  const { code, out } = await verb('fetch', { ...options, controller: '2', json: true }, [server.url])
  expect(code).toBe(0)
  const tokens = lm.tokenizer.encode(TEXT, { special: true }).length
  const report = JSON.parse(out)
  expect(report).toMatchObject({ tokens, levels: Array(Math.ceil(tokens / 32)).fill(2), isMet: true, refetches: 0 })
  expect(report.bytes).toBeGreaterThan(100)
  const text = await verb('fetch', { ...options, controller: 'text' }, [server.url])
  expect(text.out).toMatch(/^\d+ tokens ready after \d+\.\d{3} s, in time; \d+ bytes, levels text .*0\.0000 nats/)
})

test('serve listens until it is ended, behind a link where one is named', async () => {
  writeFileSync(at('traces.gz'), gzipSync('{"name":"a","t":[0],"mbps":[1]}\n{"name":"b","t":[0],"mbps":[80]}\n'))
  const options = {
    ...model,
    profile: at('net.kvp'),
    port: '0',
    throttle: at('traces.gz'),
    trace: 'b',
    store: [at('prefixes')],
    chunk: '32',
    json: true,
  } as const
  const running = startVerb('serve', options)
  const { url, throttle } = JSON.parse(await running.said) as { url: string; throttle: string }
  expect(throttle).toBe('b')
  const { code, out } = await verb('fetch', { ...model, text: at('doc.txt'), within: '30', json: true }, [url])
  expect(code).toBe(0)
  expect(JSON.parse(out).isMet).toBe(true)
  const ask = (body: object): Promise<Response> =>
    fetch(`${url}v1/kv`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    })
  // The same text has the same name, as text and as ids.
  const ids = lm.tokenizer.encode(TEXT, { special: true })
  const [byText, byIds] = [await ask({ text: TEXT }), await ask({ tokens: [...ids] })]
  expect(byText.status).toBe(201)
  expect(await byText.json()).toEqual(await byIds.json())
  expect((await ask({ tokens: [9999] })).status).toBe(400)
  running.stop(new Error('ended'))
  await expect(running.done).rejects.toThrow('ended')
  const kept = JSON.parse((await verb('store ls', { store: at('prefixes'), json: true })).out)
  expect(JSON.stringify(kept)).toMatch(/raw-f32/)
  expect((await verb('fetch', { ...model, text: at('doc.txt') }, [url])).error).toMatch(/^PITH_NETWORK/)
})

test.each([
  ['serve', model, [], 'option --profile is missing'],
  ['serve', { ...model, profile: at('net.kvp'), throttle: at('none') }, [], 'PITH_IO'],
  ['serve', { ...model, profile: at('net.kvp'), throttle: at('doc.txt') }, [], 'is no trace of bandwidth'],
  ['fetch', { ...model, prompt: 'ab' }, ['doc.pith'], 'is no address'],
  ['fetch', { ...model, prompt: 'ab', within: '0' }, ['http://127.0.0.1:1/'], '--within must be'],
] as const)('%s refuses what it cannot do: %o', async (name, options, operands, wanted) => {
  expect((await verb(name, options, operands)).error).toContain(wanted)
})
