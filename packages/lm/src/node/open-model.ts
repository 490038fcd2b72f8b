/** Models from paths: a folder or a file of any known kind, with the tokenizer that stands beside it. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type ByteSource, PithError, type RandomAccess } from '@pith/core'
import { fileSource } from '@pith/core/node'
import { readHfTokenizer, readLlama2cTokenizer } from '@pith/engine/io'
import { loadModel } from '@pith/engine/onnx/node'
import { closedOnError, type LmCheckpoint, type LoadedTokenizer, type LoadOptions } from '../checkpoint/checkpoint.ts'
import { openGgufModel } from '../checkpoint/gguf.ts'
import { openHf } from '../checkpoint/hf.ts'
import { openLlama2c } from '../checkpoint/llama2c.ts'
import { openOnnxModel } from '../checkpoint/onnx.ts'

/** A model that was found at a path. */
export interface OpenedModel {
  readonly checkpoint: LmCheckpoint
  /** Undefined where none stands beside the model. */
  readonly tokenizer?: LoadedTokenizer
}

/** How a model is opened. */
export interface OpenModelOptions extends LoadOptions {
  /** Path of a tokenizer.bin or tokenizer.json. Default: the one within a GGUF file, or beside the model, `tokenizer.bin` first. */
  readonly tokenizer?: string
}

/** Names of tokenizers that are looked for; the first needs no library. */
const TOKENIZERS = ['tokenizer.bin', 'tokenizer.json']

/** Longest tokenizer that is read. */
const MAX_TOKENIZER_BYTES = 2 ** 28

/**
 * Open a model: a folder with config.json and safetensors, a .safetensors file with a config.json beside it, a GGUF file, an
 * ONNX file of `pith lm export`, or a checkpoint of llama2.c. Only headers are read, but of ONNX files all.
 *
 * @throws PithError `PITH_ARG` nothing of that kind stands there, or several models do · `PITH_IO` · what the readers throw
 */
export async function openModel(path: string, options: OpenModelOptions = {}): Promise<OpenedModel> {
  const file = await fileOf(path)
  const checkpoint = await openFile(file, options)
  try {
    const within = options.tokenizer === undefined ? await checkpoint.tokenizer?.() : undefined
    const tokenizer = within ?? (await findTokenizer(dirname(file), options))
    return tokenizer === undefined ? { checkpoint } : { checkpoint, tokenizer }
  } catch (error) {
    await checkpoint.close()
    throw error
  }
}

/** The file that holds the tensors, or the index of its parts. */
async function fileOf(path: string): Promise<string> {
  if (!(await isFolder(path))) return path
  const names = (await readdir(path)).sort()
  const chosen = (test: (name: string) => boolean): string | undefined => {
    const found = names.filter(test)
    if (found.length > 1) {
      throw new PithError('PITH_ARG', `${path} holds several models: ${found.slice(0, 5).join(', ')}`, {
        hint: 'Name one of them.',
      })
    }
    return found[0]
  }
  const name =
    names.find((own) => own === 'model.safetensors' || own === 'model.safetensors.index.json') ??
    chosen((own) => own.endsWith('.safetensors')) ??
    chosen((own) => own.endsWith('.gguf')) ??
    chosen((own) => own.endsWith('.onnx')) ??
    chosen((own) => own.endsWith('.bin') && !TOKENIZERS.includes(own))
  if (name !== undefined) return join(path, name)
  throw new PithError('PITH_ARG', `${path} holds no model`, {
    hint: 'Give a folder with config.json and safetensors, a .gguf or .onnx file, or a checkpoint of llama2.c.',
  })
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (cause) {
    throw new PithError('PITH_IO', `${path} cannot be opened`, { cause, hint: 'Check the path.' })
  }
}

async function openFile(path: string, options: LoadOptions): Promise<LmCheckpoint> {
  const folder = dirname(path)
  if (path.endsWith('.safetensors') || path.endsWith('.index.json')) {
    const weights = path.endsWith('.safetensors') ? { weights: basename(path) } : {}
    return await openHf((name) => openIfThere(join(folder, name)), { ...options, ...weights })
  }
  if (path.endsWith('.onnx')) {
    return await openOnnxModel(await loadModel(path, options), (name) => openIfThere(join(folder, name)), options)
  }
  const source = await fileSource(path)
  return await closedOnError(source, async () =>
    (await isGguf(source)) ? await openGgufModel(source, options) : await openLlama2c(source, options),
  )
}

async function openIfThere(path: string): Promise<ByteSource | undefined> {
  try {
    await stat(path)
  } catch {
    return undefined
  }
  return await fileSource(path)
}

async function isGguf(source: RandomAccess): Promise<boolean> {
  return new TextDecoder('latin1').decode(await source.read(0, 4)) === 'GGUF'
}

async function findTokenizer(folder: string, { tokenizer }: OpenModelOptions): Promise<LoadedTokenizer | undefined> {
  const paths = tokenizer === undefined ? TOKENIZERS.map((name) => join(folder, name)) : [tokenizer]
  for (const path of paths) {
    const bytes = await readSmall(path, tokenizer !== undefined)
    if (bytes === undefined) continue
    if (!path.endsWith('.json')) return { own: readLlama2cTokenizer(bytes), bytes }
    const config = await readSmall(join(dirname(path), 'tokenizer_config.json'), false)
    return { own: await readHfTokenizer(bytes, config), bytes, ...(config === undefined ? {} : { config }) }
  }
  return undefined
}

async function readSmall(path: string, isNeeded: boolean): Promise<Uint8Array | undefined> {
  try {
    const { size } = await stat(path)
    if (size > MAX_TOKENIZER_BYTES)
      throw new PithError('PITH_LIMIT', `${path} has ${size} bytes, which is no tokenizer`)
    return new Uint8Array(await readFile(path))
  } catch (cause) {
    if (cause instanceof PithError) throw cause
    if (!isNeeded) return undefined
    throw new PithError('PITH_IO', `${path} cannot be read`, { cause, hint: 'Check the path.' })
  }
}
