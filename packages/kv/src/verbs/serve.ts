/** `pith kv serve`. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type Arguments, abortable, type CommandContext, formatCount, numberOf, PithError } from '@pith/core'
import type { Quant } from '@pith/lm'
import { readTraces, type Trace } from '../stream/index.ts'
import { EncoderHost, type EncoderSource, makeThrottle, serveKv } from '../stream/node/index.ts'

const DEFAULT_PORT = 8090

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const source = sourceOf(args)
  const trace = await traceOf(args, context)
  const caches = await EncoderHost.open(source)
  try {
    const host = args.value('host')
    const server = await serveKv(caches, {
      port: args.has('port') ? numberOf(args, 'port', 0, 65535, true) : DEFAULT_PORT,
      ...(host === undefined ? {} : { host }),
      ...(trace === undefined ? {} : { throttle: makeThrottle(trace) }),
    })
    try {
      const { preset, parameters, ctx } = caches.facts
      const throttle = trace === undefined ? {} : { throttle: trace.name }
      if (context.json) await context.report({ url: server.url, preset, ...throttle })
      else
        await context.stdout.write(`caches at ${server.url}${trace === undefined ? '' : `, as over ${trace.name}`}\n`)
      await context.stdout.flush()
      await context.note(`${formatCount(parameters)} parameters, context ${formatCount(ctx)}, ${preset}`)
      await abortable(new Promise<never>(() => {}), context.signal)
    } finally {
      await server.close()
    }
  } finally {
    await caches.close()
  }
  return 0
}

function sourceOf(args: Arguments): EncoderSource {
  const [path, profile] = [args.value('model'), args.value('profile')]
  if (profile === undefined) {
    throw new PithError('PITH_ARG', 'option --profile is missing', { hint: 'Learn one: pith kv profile.' })
  }
  if (path === undefined) {
    throw new PithError('PITH_ARG', 'option --model is missing', { hint: 'Name a folder or a file: --model PATH.' })
  }
  const [tokenizer, salt] = [args.value('tokenizer'), args.value('salt')]
  const places = args.values('store')
  return {
    path: resolve(path),
    profile: resolve(profile),
    ...(tokenizer === undefined ? {} : { tokenizer: resolve(tokenizer) }),
    ...(args.has('quant') ? { quant: args.value('quant') as Quant } : {}),
    ...(args.has('threads') ? { threads: numberOf(args, 'threads', 1, 256, true) } : {}),
    ...(args.has('chunk') ? { chunk: numberOf(args, 'chunk', 8, 65536, true) } : {}),
    ...(args.has('max-tokens') ? { maxTokens: numberOf(args, 'max-tokens', 1, 2 ** 24, true) } : {}),
    ...(places.length === 0 ? {} : { store: places }),
    ...(salt === undefined ? {} : { salt }),
  }
}

/** The bandwidth that --throttle names: a file of traces, and which of them. */
async function traceOf(args: Arguments, context: CommandContext): Promise<Trace | undefined> {
  const path = args.value('throttle')
  if (path === undefined) return undefined
  let bytes: Uint8Array
  try {
    bytes = await readFile(path, { signal: context.signal })
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes)
  } catch (cause) {
    throw new PithError('PITH_IO', `${path} cannot be read`, { cause, hint: 'Check the path.' })
  }
  const traces = readTraces(new TextDecoder().decode(bytes))
  const name = args.value('trace')
  const trace = name === undefined ? traces[0] : traces.find((own) => own.name === name)
  if (trace !== undefined) return trace
  throw new PithError(
    'PITH_ARG',
    name === undefined ? `${path} holds no trace` : `there is no trace ${name.slice(0, 80)}`,
  )
}
