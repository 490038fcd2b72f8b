import { expect, test } from 'vitest'
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
