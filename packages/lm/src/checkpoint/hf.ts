/** Folders of Hugging Face: config.json and safetensors, in one file or in shards. */
import { type ByteSource, PithError, readAll } from '@pith/core'
import {
  fromHfName,
  type HfConfig,
  openSafetensors,
  openShardedSafetensors,
  readHfConfig,
  type TensorEntry,
  type TensorFile,
} from '@pith/engine/io'
import type { LmConfig } from '../config.ts'
import {
  asF32,
  checkTensors,
  closedOnError,
  closeSource,
  type LmCheckpoint,
  type LmTensorInfo,
  type LoadOptions,
} from './checkpoint.ts'

/** The files of a folder; undefined where there is none of that name. */
export type OpenFile = (name: string) => Promise<ByteSource | undefined>

const INDEX = 'model.safetensors.index.json'

/** Longest config.json, and longest index of shards. */
const MAX_CONFIG_BYTES = 2 ** 20
const MAX_INDEX_BYTES = 2 ** 26

/** Which files are read. */
export interface HfOptions extends LoadOptions {
  /** Name of the file of tensors. Default `model.safetensors`. */
  readonly weights?: string
}

/**
 * Open a model from the files of a folder; only headers are read.
 *
 * @throws PithError `PITH_ARG` a file is missing · `PITH_UNSUPPORTED` another architecture than llama and qwen2, or stretched
 * positions · `PITH_MODEL` tensors that are not those of the sizes · what the readers of the files throw
 */
export async function openHf(open: OpenFile, options: HfOptions = {}): Promise<LmCheckpoint> {
  const hf = await openHfConfig(open, options)
  const file = await openTensors(open, options)
  try {
    return checkpointOf(hf, file)
  } catch (error) {
    await file.close()
    throw error
  }
}

/** The config.json of a folder. @throws PithError `PITH_ARG` there is none · what the reader throws */
export async function openHfConfig(open: OpenFile, options: LoadOptions): Promise<HfConfig> {
  const json = await readSmall(open, 'config.json', MAX_CONFIG_BYTES, options)
  if (json === undefined) throw missing('config.json')
  return readHfConfig(json)
}

async function openTensors(open: OpenFile, options: HfOptions): Promise<TensorFile> {
  const name = options.weights ?? 'model.safetensors'
  const one = await open(name)
  if (one !== undefined) return await closedOnError(one, () => openSafetensors(one, options))
  const index = await readSmall(open, INDEX, MAX_INDEX_BYTES, options)
  if (index === undefined) throw missing(name)
  return await openShardedSafetensors(index, async (shard) => await needed(open, shard), options)
}

/** All bytes of a small file; undefined where there is none. */
async function readSmall(
  open: OpenFile,
  name: string,
  maxBytes: number,
  options: LoadOptions,
): Promise<Uint8Array | undefined> {
  const source = await open(name)
  if (source === undefined) return undefined
  try {
    return await readAll(source, { ...options, maxBytes })
  } finally {
    await closeSource(source)
  }
}

function checkpointOf(hf: HfConfig, file: TensorFile): LmCheckpoint {
  const names = new Map<string, string>()
  const tensors = new Map<string, LmTensorInfo>()
  for (const { name, shape, type, bytes } of file.entries.values() as Iterable<TensorEntry>) {
    const own = fromHfName(hf.family, name)?.name
    // What has no name here is no weight, such as saved angles; a head that is tied may stand in the file nevertheless.
    if (own === undefined || (own === 'head.w' && hf.tied)) continue
    names.set(own, name)
    tensors.set(own, { shape, type, bytes })
  }
  const config = configOfHf(hf, tensors.has('blocks.0.attn.bq'))
  checkTensors(config, tensors)
  return {
    format: 'safetensors',
    config,
    tensors,
    async tensor(name, read = {}) {
      const own = names.get(name)
      if (own === undefined) throw new PithError('PITH_ARG', `there is no tensor ${name.slice(0, 80)}`)
      return asF32(await file.tensor(own, read), name)
    },
    close: () => file.close(),
  }
}

/** @throws PithError `PITH_UNSUPPORTED` another architecture than llama and qwen2, or stretched positions */
export function configOfHf(hf: HfConfig, qkvBias: boolean): LmConfig {
  if (hf.family !== 'llama' && hf.family !== 'qwen2') {
    throw new PithError('PITH_UNSUPPORTED', `models of type ${hf.family} are not run here`, {
      hint: 'Known are llama and qwen2.',
    })
  }
  const scaling = hf.ropeScaling?.['rope_type'] ?? hf.ropeScaling?.['type']
  if (scaling !== undefined && scaling !== 'default') {
    throw new PithError('PITH_UNSUPPORTED', `positions stretched by ${String(scaling).slice(0, 40)} are not known`)
  }
  if (hf.activation !== 'silu') {
    throw new PithError('PITH_UNSUPPORTED', `the activation ${hf.activation.slice(0, 40)} is not known, only silu`)
  }
  return {
    layers: hf.layers,
    heads: hf.heads,
    kvHeads: hf.kvHeads,
    headDim: hf.headWidth,
    hidden: hf.width,
    ffn: hf.hidden,
    vocab: hf.vocabulary,
    ctx: hf.positions,
    ropeTheta: hf.ropeTheta ?? 10000,
    normEps: hf.normEps,
    tied: hf.tied,
    qkvBias,
  }
}

async function needed(open: OpenFile, name: string): Promise<ByteSource> {
  const source = await open(name)
  if (source === undefined) throw missing(name)
  return source
}

function missing(name: string): PithError {
  return new PithError('PITH_ARG', `the folder has no ${name.slice(0, 80)}`, {
    hint: 'Give a folder with config.json and model.safetensors.',
  })
}
