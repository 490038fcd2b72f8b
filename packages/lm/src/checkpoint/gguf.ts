/** GGUF files of the architectures llama and qwen2. */
import { type ByteSource, PithError } from '@pith/core'
import { type Gguf, type GgufValue, openGguf } from '@pith/engine/io'
import type { LmConfig } from '../config.ts'
import { asF32, checkTensors, type LmCheckpoint, type LmTensorInfo, type LoadOptions } from './checkpoint.ts'
import { fromGgufName } from './gguf-names.ts'
import { tokenizerOfGguf } from './gguf-tokenizer.ts'
import { halvesFromPairs } from './rows.ts'

/**
 * Open a GGUF file; only its header is read. Tensors of blocks become f32 when they are read.
 *
 * @throws PithError `PITH_UNSUPPORTED` another architecture, or stretched positions · `PITH_MODEL` sizes that are missing or
 * not those of the tensors · what the reader of the file throws
 */
export async function openGgufModel(source: ByteSource, options: LoadOptions = {}): Promise<LmCheckpoint> {
  const file = await openGguf(source, options)
  try {
    return checkpointOf(file)
  } catch (error) {
    await file.close()
    throw error
  }
}

function checkpointOf(file: Gguf): LmCheckpoint {
  const names = new Map<string, string>()
  const tensors = new Map<string, LmTensorInfo>()
  for (const { name, shape, type, bytes } of file.entries.values()) {
    const own = fromGgufName(name)
    if (own === undefined) continue
    names.set(own, name)
    tensors.set(own, { shape, type, bytes })
  }
  const { config, isPaired } = configOf(file, tensors)
  checkTensors(config, tensors)
  return {
    format: 'gguf',
    config,
    tensors,
    async tensor(name, read = {}) {
      const own = names.get(name)
      if (own === undefined) throw new PithError('PITH_ARG', `there is no tensor ${name.slice(0, 80)}`)
      const tensor = asF32(await file.tensor(own, read), name)
      return isPaired && /attn\.[wb][qk]$/.test(name) ? halvesFromPairs(tensor, config.headDim) : tensor
    },
    tokenizer: () => tokenizerOfGguf(file.metadata),
    close: () => file.close(),
  }
}

function configOf(file: Gguf, tensors: ReadonlyMap<string, LmTensorInfo>): { config: LmConfig; isPaired: boolean } {
  const { metadata } = file
  const architecture = textOf(metadata.get('general.architecture'))
  if (architecture !== 'llama' && architecture !== 'qwen2') {
    throw new PithError(
      'PITH_UNSUPPORTED',
      `models of the architecture ${String(architecture).slice(0, 40)} are not run here`,
      {
        hint: 'Known are llama and qwen2.',
      },
    )
  }
  const size = (key: string, other?: number): number => {
    const value = numberOf(metadata.get(`${architecture}.${key}`)) ?? other
    if (value !== undefined) return value
    throw new PithError('PITH_MODEL', `the file has no ${architecture}.${key}`)
  }
  const scaling = textOf(metadata.get(`${architecture}.rope.scaling.type`))
  if (scaling !== undefined && scaling !== 'none') {
    throw new PithError('PITH_UNSUPPORTED', `positions stretched by ${scaling.slice(0, 40)} are not known`)
  }
  const hidden = size('embedding_length')
  const heads = size('attention.head_count')
  const headDim = size('attention.key_length', hidden / heads)
  const rotated = size('rope.dimension_count', headDim)
  if (rotated !== headDim) {
    throw new PithError('PITH_UNSUPPORTED', `${rotated} of ${headDim} numbers of a head are rotated, all are needed`)
  }
  const config: LmConfig = {
    layers: size('block_count'),
    heads,
    kvHeads: size('attention.head_count_kv', heads),
    headDim,
    hidden,
    ffn: size('feed_forward_length'),
    vocab: tensors.get('embed.tokens')?.shape[0] ?? size('vocab_size'),
    ctx: size('context_length'),
    ropeTheta: size('rope.freq_base', 10000),
    normEps: size('attention.layer_norm_rms_epsilon', 1e-5),
    tied: !tensors.has('head.w'),
    qkvBias: tensors.has('blocks.0.attn.bq'),
  }
  return { config, isPaired: architecture === 'llama' }
}

function textOf(value: GgufValue | undefined): string | undefined {
  return value?.type === 'string' ? value.value : undefined
}

function numberOf(value: GgufValue | undefined): number | undefined {
  if (value === undefined) return undefined
  if (typeof value.value === 'number') return value.value
  return typeof value.value === 'bigint' ? Number(value.value) : undefined
}
