import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { IndexReader } from '../store/index.ts'
import { createIndex, openIndex } from '../store/node/index.ts'
import { served } from './index.ts'
import { serveIndex } from './node/index.ts'

const tmp = mkdtempSync(join(tmpdir(), 'pith-serve-'))
let reader: IndexReader
let url: string
let close: () => Promise<void>

beforeAll(async () => {
  const writer = await createIndex(join(tmp, 'x.pith'))
  await writer.add([
    {
      id: 'evil',
      title: '<script>alert(1)</script>',
      text: 'A "boat" & <b>bold</b> \u202E\u0007 <img src=x onerror=alert(1)>',
    },
    {
      id: 'a/b?c',
      title: 'Boats',
      text: 'Many boats sail by.',
      fields: { lang: 'en', year: 2020, tags: ['sea', 'x'] },
    },
    { id: 'web', text: 'One boat.', fields: { lang: 'de', url: 'https://example.org/boat' } },
    { id: 'bad', text: 'No boat.', fields: { lang: 'de', year: 2021, url: 'javascript:alert(1)' } },
    ...Array.from({ length: 30 }, (_, i) => ({ id: `m${i}`, text: `measure ${i}` })),
  ])
  await writer.close()
  reader = await openIndex(join(tmp, 'x.pith'))
  const server = await serveIndex(served('boats', reader), { facets: ['lang', 'year'], clock: () => 0 })
  url = server.url
  close = server.close
})
afterAll(async () => {
  await close()
  await reader.close()
  rmSync(tmp, { recursive: true })
})

const get = async (path: string, init?: RequestInit): Promise<{ status: number; text: string; headers: Headers }> => {
  const answer = await fetch(url + path, init)
  return { status: answer.status, text: await answer.text(), headers: answer.headers }
}
const post = (path: string, body: unknown, type = 'application/json') =>
  get(path, {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

test('the page works without a script, and what documents say is only ever text', async () => {
  const { text, headers } = await get('?q=boat')
  expect(headers.get('content-security-policy')).toMatch(/^default-src 'none';/)
  expect(text.match(/<script/g)).toHaveLength(1)
  expect(text).toContain('&lt;script&gt;')
  for (const wild of ['<img', '<b>', '\u202E', '\u0007', 'href="javascript']) expect(text).not.toContain(wild)
  expect(text).toContain('<h2><a href="https://example.org/boat">web</a></h2>')
  expect(text).toContain('href="./document?id=a%2Fb%3Fc&amp;q=boat"')
  expect(text).toMatch(/Many <mark>boats<\/mark> sail by\./)
  expect(text).toContain('1 to 4 of 4')
  expect(text).toMatch(/<a href="\.\/\?q=boat&amp;f\.lang=de">de<\/a> 2/)
  const { text: one } = await get('?q=boat&f.lang=de&f.year=2021')
  expect(one).toContain('1 to 1 of 1')
  expect(one).toMatch(/<a href="\.\/\?q=boat&amp;f\.year=2021" aria-current="true">de<\/a>/)
  expect((await get('?q=%22%3E%3Cscript%3E')).text).toContain('value="&quot;&gt;&lt;script&gt;"')
  expect((await get('')).text).toContain('placeholder="Search 34 documents"')
  expect((await get('?q=elephant')).text).toContain('Nothing found.')
})

test('pages follow each other', async () => {
  const { text } = await get('?q=measure')
  expect(text).toContain('1 to 10 · ')
  expect(text).toContain('<a rel="next" href="./?q=measure&amp;from=10">')
  const last = (await get('?q=measure&from=20')).text
  expect(last).toContain('21 to 30 of 30')
  expect(last).toContain('<a rel="prev" href="./?q=measure&amp;from=10">')
  expect(last).not.toContain('rel="next"')
})

test('a document is shown whole, with what was asked for marked', async () => {
  const { text } = await get(`document?${new URLSearchParams({ id: 'a/b?c', q: 'boat' })}`)
  expect(text).toContain('<pre>Many <mark>boats</mark> sail by.</pre>')
  expect((await get('document?id=none')).status).toBe(404)
})

test('programs ask by address or by JSON', async () => {
  const found = JSON.parse((await get('search?q=boat&k=2&facets=tags')).text)
  expect(found).toMatchObject({ query: 'boat', mode: 'bm25', k: 2, from: 0, more: true, ms: 0 })
  expect(found.hits).toHaveLength(2)
  expect(found.facets[0]).toMatchObject({
    field: 'tags',
    values: [
      { value: 'sea', count: 1 },
      { value: 'x', count: 1 },
    ],
  })
  const where = { year: { gte: 2020 }, lang: 'en' }
  const wanted = JSON.parse((await post('search', { query: 'boat', where })).text)
  expect(wanted.hits.map(({ id }: { id: string }) => id)).toEqual(['a/b?c'])
  expect(wanted.hits[0].snippet).toEqual([
    { text: 'Many ', hit: false },
    { text: 'boats', hit: true },
    { text: ' sail by.', hit: false },
  ])
  const same = await get(`search?${new URLSearchParams({ q: 'boat', where: JSON.stringify(where) })}`)
  expect(JSON.parse(same.text).hits).toEqual(wanted.hits)
  // While somebody types, the last word may be a beginning.
  expect(JSON.parse((await get('search?q=meas&typing=1')).text).more).toBe(true)
  expect(JSON.parse((await get('health')).text)).toEqual({ ok: true, documents: 34 })
})

test.each([
  ['search?q=boat&k=0', 400, 'k must be 1..1000'],
  ['search?q=boat&from=-1', 400, 'from must be'],
  ['search?q=boat&mode=magic', 400, 'mode must be one of'],
  ['search?q=boat&where={', 400, 'where is no JSON'],
  ['search?q=boat&where={"year":{"above":1}}', 400, 'year.above is no condition'],
  ['nothing', 404, 'there is no /nothing'],
  ['collections/cats', 404, 'no such collection'],
])('GET %s is refused', async (path, status, says) => {
  const answer = await get(path)
  expect(answer.status).toBe(status)
  expect(JSON.parse(answer.text).error.message).toContain(says)
})

test('bodies are checked', async () => {
  expect(await post('search', { query: 'boat' }, 'text/plain')).toMatchObject({ status: 415 })
  expect(await post('search', '{')).toMatchObject({ status: 400 })
  expect(await post('search', [])).toMatchObject({ status: 400 })
  expect(await post('search', { query: 'boat', limit: 3 })).toMatchObject({ status: 400 })
  expect(await post('search', { query: 'x'.repeat(11_000) })).toMatchObject({ status: 400 })
  expect(await post('search', 'x'.repeat(2 ** 20 + 1))).toMatchObject({ status: 413 })
  expect(await post('', {})).toMatchObject({ status: 405 })
  expect(await get('search', { method: 'PUT' })).toMatchObject({ status: 405 })
})

test('a name that another page chose reaches nothing', async () => {
  const status = await new Promise((resolve, reject) => {
    const asked = request(url, { headers: { host: 'evil.example' } }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    asked.once('error', reject)
    asked.end()
  })
  expect(status).toBe(403)
})
