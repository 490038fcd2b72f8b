/** `pith kv serve`. */
import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { type Arguments, abortable, type CommandContext, numberOf, PithError } from '@pith/core'
import { modelOf } from '@pith/lm/node'
import { kvEncoder, readTraces, type Trace } from '../stream/index.ts'
import { makeThrottle, serveKv } from '../stream/node/index.ts'
import { profileOf } from './inputs.ts'

const DEFAULT_PORT = 8090

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const profile = await profileOf(args, context)
  if (profile === undefined) {
    throw new PithError('PITH_ARG', 'option --profile is missing', { hint: 'Learn one: pith kv profile.' })
  }
  const trace = await traceOf(args, context)
  const lm = await modelOf(args, context)
  try {
    if (profile.arch !== lm.fingerprint.arch || profile.weights !== lm.fingerprint.weights) {
      throw new PithError('PITH_MODEL', 'the profile belongs to another model', { hint: 'Learn one: pith kv profile.' })
    }
    const encoder = kvEncoder(lm, profile, {
      ...(args.has('chunk') ? { chunk: numberOf(args, 'chunk', 8, 65536, true) } : {}),
      ...(args.has('max-tokens') ? { maxTokens: numberOf(args, 'max-tokens', 1, lm.config.ctx, true) } : {}),
    })
    const host = args.value('host')
    const server = await serveKv(encoder, {
      port: args.has('port') ? numberOf(args, 'port', 0, 65535, true) : DEFAULT_PORT,
      ...(host === undefined ? {} : { host }),
      ...(trace === undefined ? {} : { throttle: makeThrottle(trace) }),
    })
    try {
      const throttle = trace === undefined ? {} : { throttle: trace.name }
      if (context.json) await context.report({ url: server.url, preset: profile.preset, ...throttle })
      else
        await context.stdout.write(`caches at ${server.url}${trace === undefined ? '' : `, as over ${trace.name}`}\n`)
      await context.stdout.flush()
      await abortable(new Promise<never>(() => {}), context.signal)
    } finally {
      await server.close()
    }
  } finally {
    await lm.close()
  }
  return 0
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
