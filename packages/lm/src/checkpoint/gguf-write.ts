/** GGUF files of models, as llama.cpp reads them. */
import { f16FromF32, PithError } from '@pith/core'
import { type Params, Tensor } from '@pith/engine'
import { type GgufType, type GgufValue, type QuantizableType, writeGguf } from '@pith/engine/io'
import { checkConfig, type LmConfig } from '../config.ts'
import { asF32, parameterShapes } from './checkpoint.ts'
import { ggufNameOf } from './gguf-names.ts'
import { pairsFromHalves } from './rows.ts'

/** How a GGUF file is written. */
export interface GgufWriteOptions {
  /** Type of the matrices; vectors are `F32`. Default `F32`. */
  readonly type?: 'F32' | 'F16' | QuantizableType
  /** Name of the model. */
  readonly name?: string
  /** Values of the tokenizer (`tokenizer.ggml...`). */
  readonly tokenizer?: ReadonlyMap<string, GgufValue>
}

/**
 * The bytes of a GGUF file.
 *
 * @throws PithError `PITH_MODEL` a parameter is missing · `PITH_SHAPE` rows that are no blocks of the type
 */
export function writeGgufModel(config: LmConfig, params: Params, options: GgufWriteOptions = {}): Promise<Uint8Array> {
  checkConfig(config)
  const { type = 'F32', name, tokenizer = new Map<string, GgufValue>() } = options
  const architecture = config.qkvBias ? 'qwen2' : 'llama'
  const isPaired = architecture === 'llama'
  const shapes = parameterShapes(config)
  const names = new Map([...shapes.keys()].map((own) => [ggufNameOf(own), own]))
  const tensors = [...shapes].map(([own, shape]) => ({
    name: ggufNameOf(own),
    type: (shape.length === 1 ? 'F32' : type) as GgufType,
    shape,
  }))
  const metadata = new Map<string, GgufValue>([...metadataOf(config, architecture, name), ...tokenizer])
  return writeGguf({ metadata, tensors }, (written) => {
    const own = names.get(written) as string
    const tensor = params[own]
    if (tensor === undefined)
      throw new PithError('PITH_MODEL', `the parameter ${own} is missing`, { at: { node: own } })
    const plain = asF32(tensor, own)
    const ordered = isPaired && /attn\.[wb][qk]$/.test(own) ? pairsFromHalves(plain, config.headDim) : plain
    return type === 'F16' && ordered.shape.length > 1 ? halved(ordered) : ordered
  })
}

function halved({ data, shape }: Tensor): Tensor {
  return new Tensor(f16FromF32(data as Float32Array) as Uint16Array, shape, 'f16')
}

function metadataOf(config: LmConfig, architecture: string, name: string | undefined): [string, GgufValue][] {
  const u32 = (key: string, value: number): [string, GgufValue] => [`${architecture}.${key}`, { type: 'u32', value }]
  const f32 = (key: string, value: number): [string, GgufValue] => [`${architecture}.${key}`, { type: 'f32', value }]
  return [
    ['general.architecture', { type: 'string', value: architecture }],
    ...(name === undefined ? [] : [['general.name', { type: 'string', value: name }] as [string, GgufValue]]),
    u32('vocab_size', config.vocab),
    u32('context_length', config.ctx),
    u32('embedding_length', config.hidden),
    u32('block_count', config.layers),
    u32('feed_forward_length', config.ffn),
    u32('attention.head_count', config.heads),
    u32('attention.head_count_kv', config.kvHeads),
    u32('attention.key_length', config.headDim),
    u32('attention.value_length', config.headDim),
    u32('rope.dimension_count', config.headDim),
    f32('rope.freq_base', config.ropeTheta),
    f32('attention.layer_norm_rms_epsilon', config.normEps),
  ]
}
