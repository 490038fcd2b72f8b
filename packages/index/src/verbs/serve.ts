/** `pith index serve`. */
import { basename, resolve } from 'node:path'
import { type Arguments, abortable, type CommandContext, numberOf } from '@pith/core'
import { served } from '../serve/index.ts'
import { serveIndex } from '../serve/node/index.ts'
import { indexOf, namesOf, withIndex } from './inputs.ts'

const DEFAULT_PORT = 8091

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  return await withIndex(args, context, async (reader) => {
    const name = args.value('name') ?? basename(resolve(indexOf(args))).replace(/\.pith$/, '')
    const own = served(name, reader)
    // What searches need is loaded before somebody waits for it.
    for (const mode of own.modes) await reader.search({ text: name, mode, k: 1 }, { signal: context.signal })
    const server = await serveIndex(own, {
      port: args.has('port') ? numberOf(args, 'port', 0, 65_535, true) : DEFAULT_PORT,
      facets: namesOf(args, 'facets'),
      ...(args.has('host') ? { host: args.value('host') as string } : {}),
    })
    try {
      await context.stdout.write(
        context.json ? `${JSON.stringify({ ok: true, url: server.url })}\n` : `${server.url}\n`,
      )
      await context.stdout.flush()
      await abortable(new Promise<never>(() => {}), context.signal)
      return 0
    } finally {
      await server.close()
    }
  })
}
