/** Encoders of the user's own, as the options name them. */
import { env } from 'node:process'
import { type Arguments, PithError, type Run } from '@pith/core'
import type { Encoder } from '../types.ts'

/** An encoder that may hold a model until it is closed. */
export type OpenEncoder = Encoder & { close?(): Promise<void> }

const FORMS = 'onnx:FOLDER or openai:URL#MODEL'

/** Whether --encoder names an encoder that can be opened, not only the name of one. */
export function namesEncoder(args: Arguments): boolean {
  return /^(onnx|openai):/.test(args.value('encoder') ?? '')
}

/**
 * The encoder that --encoder names; undefined where it names none.
 *
 * @throws PithError `PITH_ARG` another form; what opening it throws
 */
export async function encoderOf(args: Arguments, run: Run): Promise<OpenEncoder | undefined> {
  if (!namesEncoder(args)) return undefined
  const [, kind, place = ''] = /^(\w+):(.*)$/.exec(args.value('encoder') as string) ?? []
  const prefixes = {
    ...(args.has('query-prefix') ? { queryPrefix: args.value('query-prefix') as string } : {}),
    ...(args.has('document-prefix') ? { documentPrefix: args.value('document-prefix') as string } : {}),
  }
  if (kind === 'onnx') {
    const { openOnnxEncoderFolder } = await import('../dense/node/index.ts')
    return await openOnnxEncoderFolder(place, prefixes)
  }
  const [, url, model] = /^(https?:\/\/[^#]+)#(.+)$/.exec(place) ?? []
  if (url === undefined || model === undefined) {
    throw new PithError('PITH_ARG', `--encoder must be ${FORMS}, got ${place.slice(0, 80)}`)
  }
  const { openEndpointEncoder } = await import('../dense/index.ts')
  return await openEndpointEncoder({ url, model, ...prefixes, ...keyOf(args) }, run)
}

/** The key in the variable that --key-env names. */
function keyOf(args: Arguments): { apiKey?: string } {
  const name = args.value('key-env')
  if (name === undefined) return {}
  const apiKey = env[name]
  if (apiKey !== undefined && apiKey !== '') return { apiKey }
  throw new PithError('PITH_ARG', `the variable ${name.slice(0, 80)} of --key-env is not set`)
}
