import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { expect, test } from 'vitest'
import { makeMcpServer } from './index.ts'

test('a client compresses, gets back what was left out, and counts', async () => {
  const server = await makeMcpServer({ version: '1.2.3' })
  const client = new Client({ name: 'test', version: '1' })
  const [near, far] = InMemoryTransport.createLinkedPair()
  await Promise.all([server.connect(far), client.connect(near)])
  expect(client.getServerVersion()).toMatchObject({ name: 'pith', version: '1.2.3' })
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['compress', 'retrieve', 'count_tokens'])
  const ask = async (name: string, input: Record<string, unknown>) => {
    const { content, isError } = await client.callTool({ name, arguments: input })
    return { text: (content as { text: string }[])[0]?.text ?? '', isError }
  }
  const text = Array.from({ length: 200 }, (_, i) => `Sentence number ${i} is about topic ${i % 9}. `).join('')
  const { text: short } = await ask('compress', { text, tokens: 300, query: 'topic 4' })
  expect(Number((await ask('count_tokens', { text: short })).text)).toBeLessThanOrEqual(300)
  const ids = [...short.matchAll(/⟦pith:([a-z2-7]{6}) \+/g)].map(([, id]) => id)
  expect(ids.length).toBeGreaterThan(0)
  const { text: back } = await ask('retrieve', { ids: [ids[0], 'nothere'] })
  expect(text).toContain(back.split('\n')[1])
  expect(back).toContain('not available: nothere')
  const { text: part } = await ask('retrieve', { ids: [ids[0]], maxTokens: 1 })
  expect(part).toMatch(new RegExp(`^too long for maxTokens: ${ids[0]} has \\d+ tokens$`))
  expect((await ask('compress', { text, tokens: 0 })).isError).toBe(true)
  await client.close()
  await server.close()
})
