/** Models as Hugging Face reads them: config.json and the tensors under its names, in half precision. */
import { f16FromF32, PithError } from '@pith/core'
import { type Params, Tensor } from '@pith/engine'
import { writeSafetensors } from '@pith/engine/io'
import { checkConfig, type LmConfig } from '../config.ts'
import { parameterShapes } from './checkpoint.ts'

/** Names of a block. */
const BLOCK: Readonly<Record<string, string>> = {
  'norm1.scale': 'input_layernorm.weight',
  'norm2.scale': 'post_attention_layernorm.weight',
  'attn.wq': 'self_attn.q_proj.weight',
  'attn.wk': 'self_attn.k_proj.weight',
  'attn.wv': 'self_attn.v_proj.weight',
  'attn.wo': 'self_attn.o_proj.weight',
  'attn.bq': 'self_attn.q_proj.bias',
  'attn.bk': 'self_attn.k_proj.bias',
  'attn.bv': 'self_attn.v_proj.bias',
  'mlp.wGate': 'mlp.gate_proj.weight',
  'mlp.wUp': 'mlp.up_proj.weight',
  'mlp.wDown': 'mlp.down_proj.weight',
}

/** The name of a parameter in files of Hugging Face. */
export function hfNameOf(name: string): string {
  if (name === 'embed.tokens') return 'model.embed_tokens.weight'
  if (name === 'norm.scale') return 'model.norm.weight'
  if (name === 'head.w') return 'lm_head.weight'
  const [, layer, part = ''] = /^blocks\.(\d+)\.(.+)$/.exec(name) ?? []
  const own = Object.hasOwn(BLOCK, part) ? BLOCK[part] : undefined
  if (layer === undefined || own === undefined) throw new PithError('PITH_ARG', `${name.slice(0, 80)} is no parameter`)
  return `model.layers.${layer}.${own}`
}

/** Ids that mean something. */
export interface SpecialTokens {
  readonly bos?: number
  readonly eos?: number
}

/** What a config.json says of a model. */
export function hfConfigJson(config: LmConfig, { bos = 1, eos = 2 }: SpecialTokens = {}): string {
  checkConfig(config)
  const type = config.qkvBias ? 'qwen2' : 'llama'
  const value = {
    architectures: [config.qkvBias ? 'Qwen2ForCausalLM' : 'LlamaForCausalLM'],
    model_type: type,
    hidden_size: config.hidden,
    intermediate_size: config.ffn,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    vocab_size: config.vocab,
    max_position_embeddings: config.ctx,
    rms_norm_eps: config.normEps,
    rope_theta: config.ropeTheta,
    hidden_act: 'silu',
    tie_word_embeddings: config.tied,
    bos_token_id: bos,
    eos_token_id: eos,
    torch_dtype: 'float16',
  }
  return `${JSON.stringify(value, undefined, 1)}\n`
}

/** How tensors are written. */
export interface HfWriteOptions {
  /** Default `f16`. */
  readonly dtype?: 'f16' | 'f32'
  /** Texts beside the tensors. */
  readonly metadata?: Readonly<Record<string, string>>
}

/**
 * The bytes of a model.safetensors.
 *
 * @throws PithError `PITH_MODEL` a parameter is missing or has another shape than the sizes say
 */
export function hfSafetensors(config: LmConfig, params: Params, options: HfWriteOptions = {}): Uint8Array {
  const tensors: Params = {}
  for (const [name, shape] of parameterShapes(config)) {
    const tensor = params[name]
    if (tensor === undefined || tensor.dtype !== 'f32' || String(tensor.shape) !== String(shape)) {
      throw new PithError('PITH_MODEL', `the parameter ${name} f32[${shape}] is missing`, { at: { node: name } })
    }
    const data = tensor.data as Float32Array
    tensors[hfNameOf(name)] =
      options.dtype === 'f32' ? tensor : new Tensor(f16FromF32(data) as Uint16Array, shape, 'f16')
  }
  return writeSafetensors(tensors, { metadata: { format: 'pt', ...options.metadata } })
}
