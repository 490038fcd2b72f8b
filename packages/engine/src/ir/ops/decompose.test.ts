import type { Attrs, Tensor, Value } from '@pith/engine'
import { describe, expect, it } from 'vitest'
import {
  build,
  bytes,
  floats,
  type Given,
  type NodeCase,
  positives,
  run,
  scalar,
  shaped,
} from '../../../test/ir/run-node.ts'
import type { EmitOptions } from '../graph.ts'
import { decompose } from '../passes/decompose.ts'

const CASES: [name: string, NodeCase][] = []

function node(op: string, inputs: (Given | undefined)[], attrs: Attrs = {}, options: EmitOptions = {}): void {
  const shapes = inputs.map((own) => (own === undefined ? '-' : `[${own.tensor.shape}]`)).join(' ')
  CASES.push([`${op} ${shapes} ${Object.entries(attrs).join(' ')}`, { op, inputs, attrs, options }])
}

const microsoft = { domain: 'com.microsoft' }
const none = undefined
const constant = (own: Given): Given => ({ ...own, isConstant: true })

const stats = [positives(3), floats(3), floats(3), positives(3)]
node('BatchNormalization', [floats(2, 3, 4), ...stats], { epsilon: 0.1 })
node('BatchNormalization', [floats(4, 3), ...stats])
node('BatchNormalization', [floats(2, 3, 4, 2), ...stats], { training_mode: 1, momentum: 0.8 })
node('InstanceNormalization', [floats(2, 3, 4), floats(3), floats(3)])
node('GroupNormalization', [floats(2, 6, 4), floats(2), floats(2)], { num_groups: 2 })
node('GroupNormalization', [floats(2, 3, 4, 5), floats(3), floats(3)], { num_groups: 3 })
node('SimplifiedLayerNormalization', [floats(2, 3, 4), floats(4)], { epsilon: 0.01 })
node('RMSNormalization', [floats(2, 3, 4), floats(3, 4)], { axis: 1 })
const skip = [floats(2, 3, 8), positives(2, 3, 8), floats(8)]
node('SkipLayerNormalization', [...skip, positives(8), floats(8)], { epsilon: 0.01 }, microsoft)
node('SkipLayerNormalization', skip, {}, microsoft)
node('SkipSimplifiedLayerNormalization', [...skip, positives(8)], { epsilon: 0.01 }, microsoft)

const qkv = [floats(2, 4, 3, 8), positives(2, 2, 5, 8), floats(2, 2, 5, 8)]
node('Attention', qkv, {}, { outputs: 1 })
node('Attention', [...qkv, floats(3, 5)], { scale: 0.5, softcap: 2 }, { outputs: 1 })
node(
  'Attention',
  [floats(1, 3, 16), floats(1, 5, 8), floats(1, 5, 8)],
  { q_num_heads: 4, kv_num_heads: 2, is_causal: 1 },
  { outputs: 1 },
)
const flat = [floats(2, 3, 8), floats(2, 5, 8), floats(2, 5, 8)]
node('MultiHeadAttention', [...flat, floats(24)], { num_heads: 2 }, microsoft)
node('MultiHeadAttention', [...flat, none, none, floats(1, 2, 3, 5)], { num_heads: 2, scale: 0.7 }, microsoft)
node(
  'MultiHeadAttention',
  [floats(2, 3, 8), floats(2, 3, 8), floats(2, 3, 8)],
  { num_heads: 4, unidirectional: 1 },
  microsoft,
)
const lengths = [shaped([2], [1], 'i32'), scalar(3, 'i32')]
const grouped = { num_heads: 4, kv_num_heads: 2 }
node(
  'GroupQueryAttention',
  [floats(1, 3, 64), floats(1, 3, 32), positives(1, 3, 32), none, none, ...lengths],
  grouped,
  microsoft,
)
for (const rotary_interleaved of [0, 1]) {
  node(
    'GroupQueryAttention',
    [floats(1, 3, 128), none, none, none, none, ...lengths, floats(5, 8), positives(5, 8)],
    { ...grouped, do_rotary: 1, rotary_interleaved },
    microsoft,
  )
}
for (const interleaved of [0, 1]) {
  node(
    'RotaryEmbedding',
    [floats(2, 3, 16), shaped([0, 1, 2, 2, 3, 4], [2, 3]), floats(5, 4), positives(5, 4)],
    { interleaved },
    microsoft,
  )
  node(
    'RotaryEmbedding',
    [floats(1, 2, 3, 8), shaped([1], [1]), floats(5, 4), positives(5, 4)],
    { interleaved },
    microsoft,
  )
  node('RotaryEmbedding', [floats(1, 2, 3, 8), floats(5, 2), positives(5, 2), shaped([0, 3, 2], [1, 3])], {
    interleaved,
    rotary_embedding_dim: 4,
  })
}
node('RotaryEmbedding', [floats(2, 3, 16), floats(2, 3, 4), positives(2, 3, 4)], { num_heads: 2 })
const bits = (width: number): Given[] => [constant(bytes('u8', 5, 2, width * 2)), constant(positives(10))]
node('MatMulNBits', [floats(2, 30), ...bits(4)], { K: 30, N: 5, bits: 4, block_size: 16 }, microsoft)
node(
  'MatMulNBits',
  [floats(2, 32), ...bits(4), constant(bytes('u8', 5))],
  { K: 32, N: 5, bits: 4, block_size: 16 },
  microsoft,
)
node(
  'MatMulNBits',
  [floats(2, 32), ...bits(8), constant(bytes('u8', 10))],
  { K: 32, N: 5, bits: 8, block_size: 16 },
  microsoft,
)

describe('fused operators give what their simpler forms give', () => {
  it.each(CASES)('%s', async (_, own) => {
    const values = build(own)
    const simple = decompose({ graph: values[0]?.graph as Value['graph'], outputs: values })
    expect(simple.graph.nodes.map((made) => made.op)).not.toContain(own.op)
    const [wanted, made] = await Promise.all([run(values, own.inputs), run(simple.outputs, own.inputs)])
    for (const [i, tensor] of wanted.entries()) {
      expect(made[i]?.shape).toEqual(tensor.shape)
      expect(distance(made[i] as Tensor, tensor)).toBeLessThan(own.op === 'MatMulNBits' ? 0.02 : 2e-6)
    }
  })
})

/** Largest difference over the largest number. */
function distance(a: Tensor, b: Tensor): number {
  const left = a.data as Float32Array
  const right = b.data as Float32Array
  let most = 0
  let size = 1e-9
  for (let i = 0; i < right.length; i++) {
    most = Math.max(most, Math.abs((left[i] as number) - (right[i] as number)))
    size = Math.max(size, Math.abs(right[i] as number))
  }
  return most / size
}
