/** `pith lm serve`. */
import { basename, resolve } from 'node:path'
import { type Arguments, abortable, type CommandContext, formatCount, numberOf, PithError } from '@pith/core'
import type { Quant } from '../runtime/quantise.ts'
import type { ModelSource, PrefixSource } from '../serve/messages.ts'
import { ModelHost } from '../serve/node/model-host.ts'
import { serveLm } from '../serve/node/server.ts'

/** The room that keeps prefixes; this one does not know it. */
const STORE = { module: '@pith/kv/store/node', open: 'openPrefixStore' } as const

const DEFAULT_PORT = 8080

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const source = sourceOf(args)
  const port = args.has('port') ? numberOf(args, 'port', 0, 65535, true) : DEFAULT_PORT
  const maxTokens = args.has('max-tokens') ? { maxTokens: numberOf(args, 'max-tokens', 1, 1e6, true) } : {}
  const waiting = args.has('queue') ? { waiting: numberOf(args, 'queue', 0, 1e5, true) } : {}
  const name = args.value('name') ?? basename(source.path).replace(/\.(gguf|bin|safetensors|onnx)$/, '')
  const model = await ModelHost.open(source, waiting)
  try {
    const host = args.value('host')
    const server = await serveLm(model, {
      name,
      port,
      ...maxTokens,
      now: () => context.now(),
      ...(host === undefined ? {} : { host }),
    })
    try {
      const { parameters, ctx, hasTemplate } = model.facts
      const url = `${server.url}v1`
      if (context.json) await context.report({ url, model: name, parameters, context: ctx, hasTemplate })
      else await context.stdout.write(`${name} at ${url}\n`)
      await context.stdout.flush()
      const template = hasTemplate ? 'its own chat template' : 'no chat template: roles are written plainly'
      await context.note(`${formatCount(parameters)} parameters, context ${formatCount(ctx)}, ${template}`)
      await abortable(new Promise<never>(() => {}), context.signal)
    } finally {
      await server.close()
    }
  } finally {
    await model.close()
  }
  return 0
}

function sourceOf(args: Arguments): ModelSource {
  const path = args.value('model')
  if (path === undefined) {
    throw new PithError('PITH_ARG', 'option --model is missing', { hint: 'Name a folder or a file: --model PATH.' })
  }
  const tokenizer = args.value('tokenizer')
  const places = args.values('store')
  const prefixes: PrefixSource = { ...STORE, arguments: [places, saltOf(args)] }
  return {
    path: resolve(path),
    ...(tokenizer === undefined ? {} : { tokenizer: resolve(tokenizer) }),
    ...(args.has('quant') ? { quant: args.value('quant') as Quant } : {}),
    ...(args.has('threads') ? { threads: numberOf(args, 'threads', 1, 256, true) } : {}),
    ...(places.length === 0 ? {} : { prefixes }),
  }
}

function saltOf(args: Arguments): { salt?: string } {
  const salt = args.value('salt')
  return salt === undefined ? {} : { salt }
}
