/** A small model, and files of it. */
import { ByteWriter } from '@pith/core'
import type { Params, Tensor } from '@pith/engine'
import type { LmConfig } from '../src/config.ts'

/** A model with grouped heads. */
export const SMALL: LmConfig = {
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 8,
  hidden: 32,
  ffn: 64,
  vocab: 40,
  ctx: 64,
  ropeTheta: 10000,
  normEps: 1e-5,
  tied: true,
  qkvBias: false,
}

/** Order of the tensors in files of llama2.c. */
const ORDER = [
  'norm1.scale',
  'attn.wq',
  'attn.wk',
  'attn.wv',
  'attn.wo',
  'norm2.scale',
  'mlp.wGate',
  'mlp.wDown',
  'mlp.wUp',
]
const ORDER_1 = ['attn.wq', 'attn.wk', 'attn.wv', 'attn.wo', 'mlp.wGate', 'mlp.wDown', 'mlp.wUp']

/** A checkpoint of llama2.c of weights as they are: their rows are taken for neighbouring pairs. */
export function llama2cBytes(config: LmConfig, params: Params, version: 0 | 1 = 0): Uint8Array {
  const { hidden, ffn, layers, heads, kvHeads, vocab, ctx, headDim, tied } = config
  const writer = new ByteWriter(1 << 16)
  if (version === 1) {
    writer.u32(0x616b3432)
    writer.i32(1)
  }
  for (const word of [hidden, ffn, layers, heads, kvHeads, version === 0 && !tied ? -vocab : vocab, ctx])
    writer.i32(word)
  if (version === 1) {
    writer.u8(tied ? 1 : 0)
    writer.bytes(new Uint8Array(256 - 37))
  }
  const put = (name: string): void => {
    for (const value of (params[name] as Tensor).data as Float32Array) writer.f32(value)
  }
  const putLayers = (name: string): void => {
    for (let layer = 0; layer < layers; layer++) put(`blocks.${layer}.${name}`)
  }
  if (version === 0) {
    put('embed.tokens')
    for (const name of ORDER) putLayers(name)
    put('norm.scale')
    for (let i = 0; i < ctx * headDim; i++) writer.f32(i)
  } else {
    putLayers('norm1.scale')
    putLayers('norm2.scale')
    put('norm.scale')
    put('embed.tokens')
    for (const name of ORDER_1) putLayers(name)
  }
  if (!tied) put('head.w')
  return writer.finish()
}

/** Models whose logits by llama.cpp stand in golden/llama-cpp.json: heads apart and in groups, tied or not, with additions or not. */
export const ORACLE_MODELS: Readonly<Record<string, { readonly config: LmConfig; readonly seed: number }>> = {
  llama: { config: { ...SMALL, vocab: 300, kvHeads: 4, tied: false }, seed: 11 },
  grouped: { config: { ...SMALL, vocab: 300, layers: 3, ropeTheta: 500000, normEps: 1e-6 }, seed: 12 },
  qwen2: { config: { ...SMALL, vocab: 300, kvHeads: 1, qkvBias: true }, seed: 13 },
}

/** What they read. */
export const ORACLE_IDS: readonly number[] = [1, 270, 4, 299, 270, 33, 260, 7, 150, 288, 4, 91]
