import { isPithError } from '@pith/core'
import { expect, test } from 'vitest'
import { fromHfName, type HfFamily, readHfConfig } from './hf.ts'

function read(value: unknown): ReturnType<typeof readHfConfig> {
  return readHfConfig(new TextEncoder().encode(JSON.stringify(value)))
}

function codeOf(value: unknown): string {
  try {
    read(value)
    return 'none'
  } catch (error) {
    return isPithError(error) ? error.code : String(error)
  }
}

const LLAMA = {
  model_type: 'llama',
  hidden_size: 2048,
  num_attention_heads: 32,
  num_key_value_heads: 4,
  num_hidden_layers: 22,
  intermediate_size: 5632,
  vocab_size: 32000,
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-5,
}

test('a llama with grouped heads', () => {
  expect(read(LLAMA)).toEqual({
    family: 'llama',
    layers: 22,
    width: 2048,
    heads: 32,
    kvHeads: 4,
    headWidth: 64,
    hidden: 5632,
    vocabulary: 32000,
    positions: 2048,
    norm: 'rms',
    normEps: 1e-5,
    activation: 'silu',
    ropeTheta: 10000,
    tied: false,
  })
})

test('heads of their own width and stretched positions', () => {
  const scaling = { rope_type: 'llama3', factor: 8 }
  const config = read({ ...LLAMA, model_type: 'qwen3', head_dim: 128, rope_theta: 1e6, rope_scaling: scaling })
  expect(config).toMatchObject({ family: 'qwen3', headWidth: 128, ropeTheta: 1e6, ropeScaling: scaling })
  expect(read({ ...LLAMA, rope_parameters: { rope_theta: 5e5, rope_type: 'default' } }).ropeTheta).toBe(5e5)
})

test('what a file leaves out is as the family has it', () => {
  expect(read({ model_type: 'gpt2' })).toMatchObject({
    layers: 12,
    width: 768,
    hidden: 3072,
    vocabulary: 50257,
    tied: true,
  })
  expect(read({ model_type: 'bert' })).toMatchObject({ positions: 512, vocabulary: 30522, activation: 'gelu' })
  expect(read({ model_type: 'vit' })).toMatchObject({
    positions: 197,
    vocabulary: 0,
    image: { size: 224, patch: 16, channels: 3 },
  })
})

test.each([
  ['another family', { model_type: 'mamba' }, 'PITH_UNSUPPORTED'],
  ['a property of all objects as family', { model_type: 'constructor' }, 'PITH_UNSUPPORTED'],
  ['no family', {}, 'PITH_MODEL'],
  ['a missing size', { ...LLAMA, hidden_size: undefined }, 'PITH_MODEL'],
  ['a size that is text', { ...LLAMA, hidden_size: '2048' }, 'PITH_MODEL'],
  ['a negative size', { ...LLAMA, num_hidden_layers: -1 }, 'PITH_MODEL'],
  ['a huge size', { ...LLAMA, vocab_size: 1e15 }, 'PITH_MODEL'],
  ['heads that do not divide', { ...LLAMA, num_attention_heads: 31 }, 'PITH_MODEL'],
  ['groups that do not divide', { ...LLAMA, num_key_value_heads: 5 }, 'PITH_MODEL'],
  ['a list', [], 'PITH_CORRUPT'],
])('a config.json with %s is refused', (_, value, code) => {
  expect(codeOf(value)).toBe(code)
})

test.each<[HfFamily, string, string | undefined, 'oi' | 'io']>([
  ['llama', 'model.embed_tokens.weight', 'embed.tokens', 'oi'],
  ['llama', 'model.layers.12.self_attn.q_proj.weight', 'blocks.12.attn.wq', 'oi'],
  ['qwen2', 'model.layers.0.self_attn.k_proj.bias', 'blocks.0.attn.bk', 'oi'],
  ['qwen3', 'model.layers.3.self_attn.q_norm.weight', 'blocks.3.attn.qNorm.scale', 'oi'],
  ['llama', 'model.layers.3.mlp.gate_proj.weight', 'blocks.3.mlp.wGate', 'oi'],
  ['llama', 'model.norm.weight', 'norm.scale', 'oi'],
  ['llama', 'lm_head.weight', 'head.w', 'oi'],
  ['gpt2', 'transformer.h.5.attn.c_attn.weight', 'blocks.5.attn.wqkv', 'io'],
  ['gpt2', 'h.5.attn.c_attn.bias', 'blocks.5.attn.bqkv', 'io'],
  ['gpt2', 'h.5.ln_1.bias', 'blocks.5.norm1.bias', 'io'],
  ['gpt2', 'wpe.weight', 'embed.positions', 'oi'],
  ['gpt2', 'h.5.attn.bias', undefined, 'oi'],
  ['bert', 'bert.encoder.layer.1.attention.output.LayerNorm.weight', 'blocks.1.norm1.scale', 'oi'],
  ['bert', 'encoder.layer.1.intermediate.dense.bias', 'blocks.1.mlp.bUp', 'oi'],
  ['bert', 'embeddings.position_ids', undefined, 'oi'],
  ['vit', 'vit.embeddings.patch_embeddings.projection.bias', 'embed.bPatch', 'oi'],
  ['vit', 'vit.embeddings.cls_token', 'embed.class', 'oi'],
  ['vit', 'classifier.weight', 'head.w', 'oi'],
  ['llama', 'constructor', undefined, 'oi'],
])('%s: %s is %s', (family, tensor, name, layout) => {
  expect(fromHfName(family, tensor)).toEqual(name === undefined ? undefined : { name, layout })
})
