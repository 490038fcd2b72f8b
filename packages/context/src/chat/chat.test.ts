import { expect, test } from 'vitest'
import type { Ranker } from '../safe/compress.ts'
import { rankAny } from '../select/any.ts'
import { ChatCompressor } from './chat-compressor.ts'
import { textsOfRequest } from './requests.ts'
import type { Json } from './slots.ts'

const log = Array.from(
  { length: 300 },
  (_, i) => `line ${i} of the log says that worker w${i % 7} did its part\n`,
).join('')

function openAi(question = 'what did worker w3 do'): Json {
  return {
    model: 'm',
    messages: [
      { role: 'system', content: `Be short. ${log}` },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'look' },
          { type: 'image_url', image_url: { url: 'data:' } },
        ],
      },
      { role: 'assistant', content: null, tool_calls: [{ id: 'a', function: { name: 'f', arguments: '{"a": 1}' } }] },
      { role: 'tool', tool_call_id: 'a', content: log },
      { role: 'user', content: question },
    ],
  }
}

function anthropic(): Json {
  return {
    system: [{ type: 'text', text: log }],
    messages: [
      { role: 'user', content: 'look' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: { text: log } }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: log }] }] },
      { role: 'user', content: [{ type: 'text', text: 'what did worker w3 do' }] },
    ],
  }
}

test.each([
  ['OpenAI', openAi()],
  ['Anthropic', anthropic()],
])('only what a tool answered is shorter: %s', async (_, body) => {
  const before = structuredClone(body)
  const slots = textsOfRequest(body)
  const report = await new ChatCompressor({ rate: 0.3 }).compress(slots)
  expect(report.changed.map(({ role }) => role)).toEqual(['tool'])
  expect(report.tokens).toBeLessThan(report.originalTokens)
  const texts = textsOfRequest(body)
  const old = textsOfRequest(before)
  for (const [i, { role, text }] of texts.entries()) {
    if (role !== 'tool') expect(text).toBe(old[i]?.text)
    else {
      expect(text.length).toBeLessThan(0.4 * log.length)
      for (const line of text.split('\n')) if (!line.startsWith('…')) expect(log).toContain(line)
    }
  }
  for (const { text, replace } of textsOfRequest(body).filter(({ role }) => role === 'tool'))
    replace(text === '' ? '' : log)
  expect(body).toEqual(before)
})

test('a message never changes once it was sent', async () => {
  const chat = new ChatCompressor({ rate: 0.3 })
  const first = openAi()
  await chat.compress(textsOfRequest(first))
  const later = openAi('and what of worker w5')
  ;(later['messages'] as Json[]).push({ role: 'assistant', content: 'much' }, { role: 'user', content: `why? ${log}` })
  await chat.compress(textsOfRequest(later))
  expect((later['messages'] as Json[])[3]).toEqual((first['messages'] as Json[])[3])
  // What was the last message stays as it was sent, too.
  ;(later['messages'] as Json[]).push({ role: 'user', content: 'go on' })
  await chat.compress(textsOfRequest(later))
  expect((later['messages'] as Json[])[6]).toEqual({ role: 'user', content: `why? ${log}` })
})

test('the same words stay as they were sent in each of their places', async () => {
  const chat = new ChatCompressor({ rate: 0.3 })
  const sent: Json[] = [{ role: 'tool', content: log }]
  const before: string[] = []
  const turn = async (content: string): Promise<void> => {
    sent.push({ role: 'user', content })
    const body = structuredClone({ messages: sent })
    await chat.compress(textsOfRequest(body))
    const texts = textsOfRequest(body).map(({ text }) => text)
    expect(texts.slice(0, before.length)).toEqual(before)
    before.splice(0, before.length, ...texts)
    sent.push({ role: 'assistant', content: 'yes' })
  }
  for (const content of [log, 'and now?', log, 'and now?']) await turn(content)
  expect(before[0]?.length).toBeLessThan(0.4 * log.length)
  // A conversation that another one does not know of takes nothing from it.
  const other = {
    messages: [
      { role: 'user', content: log },
      { role: 'user', content: 'what?' },
    ],
  }
  await chat.compress(textsOfRequest(other))
  expect(other.messages[0]?.content.length).toBeLessThan(0.4 * log.length)
  // What came back is not made shorter again.
  const again = structuredClone(other)
  await chat.compress(textsOfRequest(again))
  expect(again).toEqual(other)
})

test('texts that come at once are compressed once, and memory does not leak', async () => {
  let ranked = 0
  const rank: Ranker = async (text, context) => {
    ranked++
    return await rankAny(text, context)
  }
  const chat = new ChatCompressor({ rate: 0.3, rank, memory: 2 * log.length })
  const bodies = Array.from({ length: 8 }, (_, i) => openAi(`what did worker w${i} do`))
  await Promise.all(bodies.map((body) => chat.compress(textsOfRequest(body))))
  expect(ranked).toBe(1)
  expect(new Set(bodies.map((body) => (body['messages'] as Json[])[3]?.['content'])).size).toBe(1)
  await chat.compress(textsOfRequest(openAi()))
  expect(ranked).toBe(1)
})

test('thoughts, calls and marks of caches stay, whatever the roles', async () => {
  const body = {
    messages: [
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: log, signature: 's' },
          { type: 'reasoning', text: log, signature: 's' },
          { type: 'tool_use', id: 'a', name: 'f', input: { text: log } },
        ],
      },
      {
        role: 'user',
        content: [
          {
            ...{ type: 'tool_result', tool_use_id: 'a', cache_control: { type: 'ephemeral' } },
            content: [{ type: 'image', source: { type: 'base64', data: log } }],
          },
          { type: 'document', source: { type: 'text', data: log } },
        ],
      },
      { role: 'user', content: 'go on' },
    ],
  }
  const before = structuredClone(body)
  await new ChatCompressor({ roles: ['tool', 'user', 'assistant'] }).compress(textsOfRequest(body))
  expect(body).toEqual(before)
})

test('what was left out can be had again', async () => {
  const chat = new ChatCompressor({ rate: 0.3, joiner: 'marker' })
  const body = openAi()
  await chat.compress(textsOfRequest(body))
  const text = String((body['messages'] as Json[])[3]?.['content'])
  const ids = [...text.matchAll(/⟦pith:([a-z2-7]{6}) \+\d+⟧/g)].map(([, id]) => id as string)
  expect(ids.length).toBeGreaterThan(0)
  for (const part of chat.store.retrieve(ids)) expect(log).toContain(part.text)
})

test('requests of another form have no texts', () => {
  for (const body of [{}, { messages: 3 }, { messages: [1, null, { role: 'x', content: 'y' }, { role: 'user' }] }]) {
    expect(textsOfRequest(body as Json)).toEqual([])
  }
})
