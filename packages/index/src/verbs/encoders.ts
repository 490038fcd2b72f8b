/** Encoders of the user's own, as the options name them. */
import { join } from 'node:path'
import { env } from 'node:process'
import { type Arguments, PithError, type Run } from '@pith/core'
import { fileSource } from '@pith/core/node'
import type { EndpointAddress } from '../dense/index.ts'
import type { QueryGenerator, Teacher } from '../domain-adaptation/index.ts'
import type { Encoder, IndexDocument, SparseEncoder } from '../types.ts'

const BUILTIN = 'builtin'

/** Encoders of an index, and what they hold. */
export interface OwnEncoders {
  readonly given: { readonly encoder?: Encoder; readonly sparseEncoder?: SparseEncoder }
  close(): Promise<void>
}

/** Whether --encoder names an encoder that can be opened, not only the name of one. */
function namesEncoder(args: Arguments): boolean {
  return /^(onnx|openai):/.test(args.value('encoder') ?? '')
}

/**
 * The encoders that --encoder and --sparse-encoder name.
 *
 * @throws PithError `PITH_ARG` another form; what opening them throws
 */
export async function encodersOf(args: Arguments, run: Run): Promise<OwnEncoders> {
  const encoder = await encoderOf(args, run)
  const sparseEncoder = await sparseEncoderOf(args)
  return {
    given: { ...(encoder && { encoder }), ...(sparseEncoder && { sparseEncoder }) },
    async close() {
      await encoder?.close?.()
      await sparseEncoder?.close()
    },
  }
}

async function encoderOf(args: Arguments, run: Run): Promise<(Encoder & { close?(): Promise<void> }) | undefined> {
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
  const { openEndpointEncoder } = await import('../dense/index.ts')
  return await openEndpointEncoder({ ...addressOf(place, args), ...prefixes }, run)
}

async function sparseEncoderOf(args: Arguments): Promise<(SparseEncoder & { close(): Promise<void> }) | undefined> {
  const name = args.value('sparse-encoder')
  if (name === undefined) return undefined
  const { place } = placeOf(name, '--sparse-encoder', ['onnx'])
  const { openSplade } = await import('../sparse/index.ts')
  return await openSplade(await modelAt(place))
}

/** What writes queries for a training; undefined for the one of the house. @throws PithError `PITH_ARG` another form */
export async function generatorOf(args: Arguments): Promise<QueryGenerator | undefined> {
  const name = args.value('generator') ?? BUILTIN
  if (name === BUILTIN) return undefined
  const { endpointGenerator } = await import('../domain-adaptation/index.ts')
  return endpointGenerator(addressOf(placeOf(name, '--generator', ['openai']).place, args))
}

/** What judges documents for a training; undefined for the one of the house. @throws PithError `PITH_ARG` another form */
export async function teacherOf(
  args: Arguments,
  documents: readonly IndexDocument[],
): Promise<(Teacher & { close?(): Promise<void> }) | undefined> {
  const name = args.value('teacher') ?? BUILTIN
  if (name === BUILTIN) return undefined
  const { kind, place } = placeOf(name, '--teacher', ['onnx', 'openai'])
  const { endpointTeacher, openCrossEncoder } = await import('../domain-adaptation/index.ts')
  if (kind === 'openai') return endpointTeacher(documents, addressOf(place, args))
  return await openCrossEncoder(documents, await modelAt(place))
}

function placeOf(name: string, option: string, kinds: readonly string[]): { kind: string; place: string } {
  const [, kind = '', place = ''] = /^(\w+):(.+)$/.exec(name) ?? []
  if (kinds.includes(kind)) return { kind, place }
  const forms = kinds.map((own) => (own === 'onnx' ? 'onnx:FOLDER' : 'openai:URL#MODEL'))
  throw new PithError(
    'PITH_ARG',
    `${option} must be ${(option === '--sparse-encoder' ? forms : [BUILTIN, ...forms]).join(' or ')}, got ${name.slice(0, 80)}`,
  )
}

/** A model and its tokenizer in a folder. */
async function modelAt(folder: string): Promise<{ model: Uint8Array; tokenizer: Uint8Array }> {
  const [model, tokenizer] = await Promise.all([
    readWhole(join(folder, 'model.onnx')),
    readWhole(join(folder, 'tokenizer.json')),
  ])
  return { model, tokenizer }
}

async function readWhole(path: string): Promise<Uint8Array> {
  const file = await fileSource(path)
  return await file.read(0, file.size).finally(() => file.close())
}

/** A model behind a server. @throws PithError `PITH_ARG` another form, or no key */
function addressOf(place: string, args: Arguments): EndpointAddress {
  const [, url, model] = /^(https?:\/\/[^#]+)#(.+)$/.exec(place) ?? []
  if (url !== undefined && model !== undefined) return { url, model, ...keyOf(args) }
  throw new PithError('PITH_ARG', `a server is named as openai:URL#MODEL, got openai:${place.slice(0, 80)}`)
}

/** The key in the variable that --key-env names. */
function keyOf(args: Arguments): { apiKey?: string } {
  const name = args.value('key-env')
  if (name === undefined) return {}
  const apiKey = env[name]
  if (apiKey !== undefined && apiKey !== '') return { apiKey }
  throw new PithError('PITH_ARG', `the variable ${name.slice(0, 80)} of --key-env is not set`)
}
