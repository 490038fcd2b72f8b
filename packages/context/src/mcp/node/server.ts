import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { isPithError, PithError } from '@pith/core'
import { compressBy } from '../../safe/compress.ts'
import { o200kCounter } from '../../safe/counter.ts'
import { DroppedStore } from '../../safe/dropped.ts'
import { rankAny } from '../../select/any.ts'

/** What a server of the Model Context Protocol offers. */
export interface McpOptions {
  /** Version that it says it has. */
  version: string
  /** Where what was left out is kept. Default a store of its own. */
  store?: DroppedStore
}

const MAX_TEXT = 16 * 2 ** 20

/**
 * A server of the Model Context Protocol with the tools `compress`, `retrieve` and `count_tokens`; connect it to a transport.
 *
 * @throws PithError `PITH_CAPABILITY` the SDK of the protocol is not installed
 */
export async function makeMcpServer({ version, store = new DroppedStore() }: McpOptions): Promise<McpServer> {
  const [{ McpServer }, { z }] = await loadSdk()
  const server = new McpServer({ name: 'pith', version })
  const counter = await o200kCounter()
  const text = z.string().max(MAX_TEXT)
  server.registerTool(
    'compress',
    {
      description:
        'Shorten a long text to a number of tokens. What stays is exact; markers ⟦pith:ID +N⟧ stand where N tokens were left out, and retrieve gives them back.',
      inputSchema: {
        text: text.describe('the text'),
        tokens: z.number().int().min(1).describe('tokens that may stay'),
        query: z.string().max(10_000).optional().describe('what it is read for'),
      },
      annotations: { readOnlyHint: true },
    },
    async ({ text: own, tokens, query }) =>
      await answered(async () => {
        const options = {
          budget: { tokens },
          counter,
          joiner: 'marker' as const,
          onOverflow: 'keep-protected' as const,
        }
        const result = await compressBy(rankAny, own, query === undefined ? options : { ...options, query })
        store.add(own, result)
        return result.text
      }),
  )
  server.registerTool(
    'retrieve',
    {
      description:
        'Give back parts that compress left out, by the ids in its markers; +N in a marker says how many tokens that takes.',
      inputSchema: {
        ids: z.array(z.string().max(20)).min(1).max(64).describe('ids such as k3xq7a'),
        maxTokens: z.number().int().min(1).max(100_000).optional().describe('tokens at most; default 2000'),
      },
      annotations: { readOnlyHint: true },
    },
    async ({ ids, maxTokens }) =>
      await answered(async () => {
        const found = store.retrieve(ids, maxTokens === undefined ? {} : { maxTokens })
        const missing = ids.filter((id) => !found.some((part) => part.id === id))
        const parts = found.map(({ id, text: own }) => `⟦pith:${id}⟧\n${own}`)
        const lost = missing.filter((id) => store.sizeOf(id) === undefined)
        const large = missing.flatMap((id) => {
          const size = store.sizeOf(id)
          return size === undefined ? [] : [`too long for maxTokens: ${id} has ${size} tokens`]
        })
        return [...parts, ...large, ...(lost.length > 0 ? [`not available: ${lost.join(', ')}`] : [])].join('\n')
      }),
  )
  server.registerTool(
    'count_tokens',
    {
      description: `Count the tokens of a text (${counter.id}).`,
      inputSchema: { text: text.describe('the text') },
      annotations: { readOnlyHint: true },
    },
    async ({ text: own }) => await answered(async () => String(counter.count(own))),
  )
  return server
}

/** An answer in words, also where something went wrong: it is read by a model. */
async function answered(
  task: () => Promise<string>,
): Promise<{ content: { type: 'text'; text: string }[]; isError?: boolean }> {
  try {
    return { content: [{ type: 'text', text: await task() }] }
  } catch (error) {
    if (!isPithError(error)) throw error
    return { content: [{ type: 'text', text: `${error.code}: ${error.message}. ${error.hint ?? ''}` }], isError: true }
  }
}

async function loadSdk(): Promise<[typeof import('@modelcontextprotocol/sdk/server/mcp.js'), typeof import('zod')]> {
  try {
    return await Promise.all([import('@modelcontextprotocol/sdk/server/mcp.js'), import('zod')])
  } catch (cause) {
    throw new PithError('PITH_CAPABILITY', 'the SDK of the Model Context Protocol is not installed', {
      hint: 'Run npm install @modelcontextprotocol/sdk zod.',
      cause,
    })
  }
}
