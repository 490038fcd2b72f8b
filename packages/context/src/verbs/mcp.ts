/** `pith prompt mcp`. */
import { stdin } from 'node:process'
import { type Arguments, abortable, type CommandContext } from '@pith/core'
import { makeMcpServer } from '../mcp/node/index.ts'

export async function run(_args: Arguments, context: CommandContext): Promise<number> {
  const server = await makeMcpServer({ version: '0.1.0' })
  const { StdioServerTransport } = await import('@modelcontextprotocol/sdk/server/stdio.js')
  const ended = new Promise<void>((done) => {
    server.server.onclose = done
    stdin.once('end', done)
  })
  await server.connect(new StdioServerTransport())
  try {
    await abortable(ended, context.signal)
  } finally {
    await server.close()
  }
  return 0
}
