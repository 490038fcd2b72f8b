import { type Attrs, opDef } from '@pith/engine'
import { describe, expect, it } from 'vitest'
import {
  bools,
  build,
  bytes,
  floats,
  type Given,
  ints,
  type NodeCase,
  positives,
  run,
  scalar,
  shaped,
} from '../../../test/ir/run-node.ts'
import type { EmitOptions } from '../graph.ts'
import { foldNode } from '../passes/fold.ts'

const CASES: NodeCase[] = []

/** A node whose shapes are to be those of onnxruntime, and its constants too. */
function node(op: string, inputs: (Given | undefined)[], attrs: Attrs = {}, options: EmitOptions = {}): void {
  CASES.push({ op, inputs, attrs, options })
}

const microsoft = { domain: 'com.microsoft' }

for (const op of 'Abs Ceil Cos Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity LeakyRelu Mish Neg Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Softplus Softsign Tan Tanh ThresholdedRelu Celu Sinh Cosh Atan Asinh'.split(
  ' ',
)) {
  node(op, [floats(2, 3)])
}
for (const op of ['Sqrt', 'Log', 'Acos', 'Asin', 'Atanh']) node(op, [positives(4)])
node('Acosh', [shaped([1.5, 2], [2], 'f32')])
for (const op of [
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Min',
  'Max',
  'Sum',
  'Mean',
  'Less',
  'Greater',
  'Equal',
  'LessOrEqual',
  'GreaterOrEqual',
]) {
  node(op, [floats(2, 1, 3), floats(4, 1)])
  node(op, [floats(3), floats()])
}
for (const op of ['Add', 'Sub', 'Mul', 'Div', 'Mod']) {
  node(op, [shaped([-7, 7, -7, 7], [4]), shaped([3, 3, -3, -3], [4])])
  node(op, [shaped([-7, 7, -7, 7], [4], 'i32'), shaped([3, -3], [2, 1], 'i32')])
}
node('Mod', [shaped([-7.5, 7.5], [2], 'f32'), shaped([2], [], 'f32')], { fmod: 1 })
node('Max', [shaped([1, 5], [2]), shaped([3], [1]), shaped([2, 2], [2])])
node('Pow', [positives(2, 3), scalar(3)])
for (const op of ['And', 'Or', 'Xor']) node(op, [bools(2, 3), bools(3)])
node('Not', [bools(4)])
for (const op of ['BitwiseAnd', 'BitwiseOr', 'BitwiseXor'])
  node(op, [shaped([6, 5], [2], 'i32'), shaped([3], [1], 'i32')])
node('BitShift', [shaped([6, 5], [2], 'u8'), shaped([3], [1], 'u8')], { direction: 'LEFT' })
node('IsNaN', [floats(3)])
node('IsInf', [floats(3)])
node('Clip', [floats(2, 3), scalar(-0.5, 'f32'), scalar(0.5, 'f32')])
node('Clip', [floats(2, 3), undefined, scalar(0.5, 'f32')])
node('PRelu', [floats(2, 3), floats(3)])
node('Where', [bools(3, 1), floats(2, 1, 4), floats()])
node('Cast', [floats(7)], { to: 6 })
node('Cast', [floats(7)], { to: 9 })
node('Cast', [shaped([1, -2, 300], [3])], { to: 1 })
node('Cast', [shaped([1, -2, 300], [3])], { to: 3 })
node('Cast', [bools(3)], { to: 7 })
node('CastLike', [floats(2), scalar(1)])
node('Dropout', [floats(2, 3)], {}, { outputs: 2 })
node('Dropout', [floats(2, 3)])
node('FastGelu', [floats(2, 3), floats(3)], {}, microsoft)
node('BiasGelu', [floats(2, 3), floats(3)], {}, microsoft)
node('QuickGelu', [floats(2, 3)], {}, microsoft)

for (const op of 'L1 L2 LogSum LogSumExp Max Mean Min Prod Sum SumSquare'.split(' ')) {
  node(`Reduce${op}`, [positives(2, 3, 4), ints(-1)])
  node(`Reduce${op}`, [positives(2, 3, 4), ints(0, 2)], { keepdims: 0 })
  node(`Reduce${op}`, [positives(2, 3, 4)])
}
node('ReduceSum', [floats(2, 3), ints()], { noop_with_empty_axes: 1 })
node('ReduceProd', [shaped([2, 3, 4], [3])], { keepdims: 0 })
node('ReduceMax', [shaped([2, 3, 4, 1], [2, 2]), ints(1)])
node('ArgMax', [floats(2, 3, 4)], { axis: -1 })
node('ArgMin', [floats(2, 3, 4)], { axis: 1, keepdims: 0 })
node('CumSum', [floats(2, 3), scalar(1)])
node('TopK', [floats(3, 5), ints(2)])
node('TopK', [floats(3, 5), ints(2)], { axis: 0, largest: 0 })

node('Reshape', [floats(2, 3, 4), ints(0, -1)])
node('Reshape', [floats(2, 3, 4), ints(4, 0, -1, 1)])
node('Reshape', [floats(1), ints()])
node('Reshape', [floats(0, 3), ints(3, 0)], { allowzero: 1 })
node('Transpose', [floats(2, 3, 4)])
node('Transpose', [floats(2, 3, 4)], { perm: [1, 2, 0] })
node('Squeeze', [floats(1, 3, 1), ints(-1)])
node('Squeeze', [floats(1, 3, 1)])
node('Unsqueeze', [floats(3, 4), ints(-1, 0)])
node('Unsqueeze', [floats(), ints(0)])
node('Flatten', [floats(2, 3, 4)])
node('Flatten', [floats(2, 3, 4)], { axis: 0 })
node('Flatten', [floats(2, 3, 4)], { axis: -1 })
node('Expand', [floats(3, 1), ints(2, 1, 4)])
node('Expand', [floats(3, 4), ints(1)])
node('Tile', [floats(2, 3), ints(2, 1)])
node('Concat', [floats(2, 3), floats(2, 1), floats(2, 2)], { axis: -1 })
node('Concat', [floats(1, 3), floats(2, 3)], { axis: 0 })
node('Split', [floats(5, 2), ints(2, 3)], {}, { outputs: 2 })
node('Split', [floats(2, 7)], { axis: 1, num_outputs: 3 }, { outputs: 3 })
node('Slice', [floats(5, 6), ints(1), ints(Number.MAX_SAFE_INTEGER), ints(1)])
node('Slice', [floats(5, 6), ints(-2, 4), ints(9, -5), ints(0, -1), ints(1, -2)])
node('Slice', [floats(5, 6), ints(0, 0), ints(-1, 20)])
node('Slice', [floats(6), ints(-1), ints(-100), ints(0), ints(-1)])
node('Slice', [floats(6), ints(4), ints(2), ints(0)])
node('Slice', [floats(6), ints(100), ints(-100), ints(0), ints(-4)])
node('Pad', [floats(2, 3), ints(0, 1, 1, 2)])
node('Pad', [floats(2, 3), ints(0, -1, 0, 0)])
node('Pad', [floats(2, 3), ints(1, 1), scalar(2, 'f32'), ints(-1)])
node('Pad', [floats(2, 3), ints(0, 2, 0, 1)], { mode: 'reflect' })
node('Trilu', [floats(2, 3, 4), scalar(1)], { upper: 0 })
node('DepthToSpace', [floats(1, 8, 2, 3)], { blocksize: 2 })
node('DepthToSpace', [floats(1, 8, 2, 3)], { blocksize: 2, mode: 'CRD' })
node('SpaceToDepth', [floats(1, 2, 4, 6)], { blocksize: 2 })
node('ReverseSequence', [floats(4, 3), ints(1, 2, 4)], { time_axis: 0, batch_axis: 1 })

node('Gather', [floats(3, 4), shaped([0, -1, 2, 1], [2, 2])])
node('Gather', [floats(3, 4), scalar(-2)], { axis: 1 })
node('Gather', [floats(3, 4, 2), shaped([1, 1, 3], [3], 'i32')], { axis: 1 })
node('GatherElements', [floats(3, 4), shaped([0, 2, 1, 1], [2, 2])], { axis: 0 })
node('GatherND', [floats(3, 4, 2), shaped([0, 1, 2, 3], [2, 2])])
node('GatherND', [floats(2, 3, 4), shaped([0, 2], [2, 1])], { batch_dims: 1 })
node('ScatterElements', [floats(3, 4), shaped([0, 2], [1, 2]), floats(1, 2)], { axis: 0, reduction: 'add' })
node('ScatterND', [floats(3, 4), shaped([0, 2], [2, 1]), floats(2, 4)], { reduction: 'add' })
node('Compress', [floats(3, 4), bools(3)], { axis: 0 })
node('OneHot', [shaped([0, 2], [2]), scalar(4), shaped([0, 1], [2], 'f32')])
node('OneHot', [shaped([0, 2], [2]), scalar(4), shaped([0, 1], [2], 'f32')], { axis: 0 })
node('Shape', [floats(2, 3, 4)])
node('Shape', [floats(2, 3, 4)], { start: -2, end: 9 })
node('Size', [floats(2, 3)])
node('ConstantOfShape', [ints(2, 3)])
node('ConstantOfShape', [ints(2)], { value: shaped([7], [1]).tensor })
node('EyeLike', [floats(3, 2)])
node('EyeLike', [floats(3, 2)], { dtype: 7 })
node('Range', [scalar(1), scalar(10), scalar(4)])
node('Range', [scalar(3, 'f32'), scalar(-1, 'f32'), scalar(-1.5, 'f32')])
node('Range', [scalar(3), scalar(1), scalar(1)])
node('NonZero', [floats(2, 3)])

node('MatMul', [floats(2, 3), floats(3, 4)])
node('MatMul', [floats(5, 1, 2, 3), floats(4, 3, 2)])
node('MatMul', [floats(3), floats(2, 3, 4)])
node('MatMul', [floats(2, 3), floats(3)])
node('MatMul', [floats(3), floats(3)])
node('FusedMatMul', [floats(2, 3, 4), floats(2, 5, 4)], { transB: 1, alpha: 0.5 }, microsoft)
node('FusedMatMul', [floats(2, 4, 3), floats(4, 5)], { transA: 1 }, microsoft)
node('Gemm', [floats(3, 2), floats(4, 3), floats(4)], { transA: 1, transB: 1 })
node('Gemm', [floats(2, 3), floats(3, 4), floats(2, 1)])
node('Einsum', [floats(2, 3, 4), floats(2, 4, 5)], { equation: 'bij,bjk->bik' })
node('Einsum', [floats(2, 3, 4), floats(4, 5)], { equation: '...j, jk -> ...k' })
node('Einsum', [floats(3, 4), floats(3)], { equation: 'ba,b' })
node('Einsum', [floats(3, 3)], { equation: 'ii->' })

node('Conv', [floats(1, 2, 5), floats(3, 2, 3), floats(3)])
node('Conv', [floats(2, 4, 7, 8), floats(6, 2, 3, 3)], {
  group: 2,
  strides: [2, 1],
  pads: [1, 0, 2, 1],
  dilations: [1, 2],
})
for (const auto_pad of ['SAME_UPPER', 'SAME_LOWER', 'VALID']) {
  node('Conv', [floats(1, 1, 7, 6), floats(1, 1, 4, 3)], { auto_pad, strides: [2, 3] })
  node('MaxPool', [floats(1, 1, 7, 6)], { auto_pad, kernel_shape: [3, 2], strides: [2, 2] })
}
for (const auto_pad of ['SAME_UPPER', 'SAME_LOWER']) {
  node('ConvTranspose', [floats(1, 2, 4, 3), floats(2, 1, 3, 3)], { auto_pad, strides: [2, 2] })
}
node('Conv', [floats(1, 1, 3, 4, 5), floats(1, 1, 2, 2, 2)])
node('ConvTranspose', [floats(1, 2, 4, 3), floats(2, 3, 3, 3), floats(3)], {
  strides: [2, 2],
  pads: [1, 1, 0, 1],
  output_padding: [1, 0],
})
node('ConvTranspose', [floats(1, 4, 5), floats(4, 2, 3)], { group: 2, dilations: [2] })
node('ConvTranspose', [floats(1, 1, 3, 3), floats(1, 1, 3, 3)], { strides: [3, 2], output_shape: [10, 8] })
node('ConvInteger', [bytes('u8', 1, 1, 4, 4), bytes('u8', 2, 1, 3, 3)])
node('QLinearConv', [
  bytes('u8', 1, 1, 4, 4),
  scalar(0.1, 'f32'),
  scalar(1, 'u8'),
  { ...bytes('u8', 2, 1, 3, 3), isConstant: true },
  scalar(0.1, 'f32'),
  scalar(1, 'u8'),
  scalar(1, 'f32'),
  scalar(0, 'u8'),
])
node('Col2Im', [floats(1, 5, 5), ints(5, 5), ints(1, 5)])
node('Col2Im', [floats(1, 12, 6), ints(4, 5), ints(2, 3)], { strides: [1, 1], dilations: [2, 1] })

for (const ceil_mode of [0, 1]) {
  node('MaxPool', [floats(1, 2, 7, 8)], { kernel_shape: [3, 3], strides: [2, 3], ceil_mode }, { outputs: 2 })
  node('MaxPool', [floats(1, 1, 5)], { kernel_shape: [2], strides: [3], pads: [1, 1], ceil_mode })
  node('AveragePool', [floats(1, 1, 6, 6)], { kernel_shape: [2, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode })
}
node('MaxPool', [floats(1, 1, 8, 8)], { kernel_shape: [3, 3], dilations: [2, 2] })
node('LpPool', [floats(1, 1, 8)], { kernel_shape: [3] })
for (const op of ['GlobalAveragePool', 'GlobalMaxPool', 'GlobalLpPool']) node(op, [floats(2, 3, 4, 5)])
node('MaxUnpool', [floats(1, 1, 2, 2), shaped([0, 2, 8, 10], [1, 1, 2, 2])], { kernel_shape: [2, 2], strides: [2, 2] })
const none = undefined
node('Resize', [floats(1, 1, 4, 5), none, shaped([1, 1, 0.6, 1.7], [4], 'f32')])
node('Resize', [floats(1, 1, 4, 5), none, none, ints(1, 1, 7, 3)], { mode: 'linear' })
node('Resize', [floats(1, 1, 4, 5), none, none, ints(7, 3)], { axes: [2, 3], mode: 'linear' })
node('Resize', [floats(1, 1, 4, 5), none, none, ints(7, 3)], {
  axes: [2, 3],
  mode: 'linear',
  keep_aspect_ratio_policy: 'not_larger',
})
node('Resize', [floats(1, 1, 4, 5), none, none, ints(7, 3)], {
  axes: [2, 3],
  mode: 'linear',
  keep_aspect_ratio_policy: 'not_smaller',
})
node('Resize', [floats(1, 1, 4, 5), shaped([0, 0, 0.2, 0.3, 1, 1, 0.7, 0.8], [8], 'f32'), none, ints(1, 1, 3, 3)], {
  mode: 'linear',
  coordinate_transformation_mode: 'tf_crop_and_resize',
})
node('GridSample', [floats(1, 2, 4, 4), floats(1, 3, 5, 2)])
node('RoiAlign', [floats(1, 2, 4, 4), floats(3, 4), ints(0, 0, 0)], { output_height: 2, output_width: 3 })

node('LayerNormalization', [floats(2, 3, 4), floats(4), floats(4)], {}, { outputs: 3 })
node('LayerNormalization', [floats(2, 3, 4), floats(3, 4)], { axis: 1 })
node('SimplifiedLayerNormalization', [floats(2, 3, 4), floats(4)])
node('RMSNormalization', [floats(2, 3, 4), floats(4)])
node(
  'SkipLayerNormalization',
  [floats(2, 3, 8), floats(2, 3, 8), floats(8), floats(8), floats(8)],
  {},
  { ...microsoft, outputs: 1 },
)
node('SkipSimplifiedLayerNormalization', [floats(2, 3, 8), floats(2, 3, 8), floats(8)], {}, microsoft)
const stats = [positives(3), positives(3), positives(3), positives(3)]
node('BatchNormalization', [floats(2, 3, 4), ...stats])
node('BatchNormalization', [floats(2, 3, 4), ...stats], { training_mode: 1 })
node('InstanceNormalization', [floats(2, 3, 4), floats(3), floats(3)])
node('GroupNormalization', [floats(2, 6, 4), floats(2), floats(2)], { num_groups: 2 })
node('LpNormalization', [floats(2, 3)], { axis: 0 })
node('MeanVarianceNormalization', [floats(2, 3, 4, 4)])
node('LRN', [floats(1, 4, 3, 3)], { size: 3 })
for (const op of ['Softmax', 'LogSoftmax', 'Hardmax']) node(op, [floats(2, 3, 4)], { axis: 1 })

const lstm = { hidden_size: 3 }
node('LSTM', [floats(5, 2, 4), floats(1, 12, 4), floats(1, 12, 3)], lstm)
node('LSTM', [floats(5, 2, 4), floats(2, 12, 4), floats(2, 12, 3), floats(2, 24)], {
  ...lstm,
  direction: 'bidirectional',
})
node(
  'GRU',
  [floats(5, 2, 4), floats(1, 9, 4), floats(1, 9, 3), floats(1, 18), shaped([5, 3], [2], 'i32'), floats(1, 2, 3)],
  lstm,
)
node('RNN', [floats(5, 2, 4), floats(1, 3, 4), floats(1, 3, 3)], lstm, { outputs: 1 })

node('DFT', [floats(2, 6, 1)])
node('DFT', [floats(2, 6, 1)], { onesided: 1 })
node('DFT', [floats(2, 6, 2), scalar(4), scalar(1)])
node('DFT', [floats(2, 6, 3, 1), none, scalar(-3)], { onesided: 1 })
node('STFT', [floats(1, 20, 1), scalar(4), floats(8)])
node('STFT', [floats(1, 20, 1), scalar(3), none, scalar(7)], { onesided: 0 })
for (const op of ['HannWindow', 'HammingWindow', 'BlackmanWindow']) node(op, [scalar(8)])

node('QuantizeLinear', [floats(2, 3), scalar(0.1, 'f32')])
node('QuantizeLinear', [floats(2, 3), shaped([0.1, 0.2, 0.3], [3], 'f32'), bytes('i8', 3)])
node('DequantizeLinear', [bytes('u8', 2, 3), positives(2)], { axis: 0 })
node('DynamicQuantizeLinear', [floats(2, 3)])
node('MatMulInteger', [bytes('u8', 2, 3), bytes('u8', 3, 4)])
const unit = [scalar(0.1, 'f32'), scalar(1, 'u8')]
node('QLinearMatMul', [bytes('u8', 2, 3), ...unit, bytes('u8', 3, 4), ...unit, ...unit])
node('QLinearAdd', [bytes('u8', 2, 3), ...unit, bytes('u8', 3), ...unit, ...unit], {}, microsoft)
node('DynamicQuantizeMatMul', [floats(2, 3), bytes('u8', 3, 4), positives(1)], {}, microsoft)
node(
  'MatMulNBits',
  [floats(2, 32), { ...bytes('u8', 5, 2, 8), isConstant: true }, { ...positives(10), isConstant: true }],
  { K: 32, N: 5, bits: 4, block_size: 16 },
  microsoft,
)

node('Attention', [floats(1, 4, 3, 8), floats(1, 2, 5, 8), floats(1, 2, 5, 8)], {}, { outputs: 1 })
node(
  'Attention',
  [floats(1, 3, 16), floats(1, 5, 8), floats(1, 5, 8)],
  { q_num_heads: 4, kv_num_heads: 2, is_causal: 1 },
  { outputs: 1 },
)
node('Attention', [floats(1, 3, 8), floats(8, 24), floats(24)], { num_heads: 2 }, microsoft)
node('MultiHeadAttention', [floats(1, 3, 8), floats(1, 5, 8), floats(1, 5, 8), floats(24)], { num_heads: 2 }, microsoft)
const lengths = [shaped([2], [1], 'i32'), scalar(3, 'i32')]
node(
  'GroupQueryAttention',
  [floats(1, 3, 32), floats(1, 3, 16), floats(1, 3, 16), none, none, ...lengths],
  { num_heads: 4, kv_num_heads: 2 },
  microsoft,
)
node(
  'GroupQueryAttention',
  [floats(1, 3, 128), none, none, none, none, ...lengths, floats(3, 8), floats(3, 8)],
  { num_heads: 4, kv_num_heads: 2, do_rotary: 1 },
  microsoft,
)
node('RotaryEmbedding', [floats(1, 3, 16), shaped([0, 1, 2], [1, 3]), floats(5, 4), floats(5, 4)], {}, microsoft)
node('RotaryEmbedding', [floats(1, 2, 3, 8), floats(5, 4), floats(5, 4), shaped([0, 1, 2], [1, 3])])

node('Det', [floats(2, 3, 3)])
node('CenterCropPad', [floats(3, 5), ints(4, 2)])
node('CenterCropPad', [floats(3, 5), ints(4)], { axes: [-1] })
node('AffineGrid', [floats(2, 2, 3), ints(2, 3, 4, 5)])
node('NegativeLogLikelihoodLoss', [floats(2, 3, 4), shaped([0, 1, 2, 0, 1, 2, 0, 1], [2, 4])], { reduction: 'none' })
node('SoftmaxCrossEntropyLoss', [floats(4, 3), shaped([0, 1, 2, 0], [4])], {}, { outputs: 2 })
node('Unique', [shaped([3, 1, 3, 2], [4])], {}, { outputs: 4 })
node('Unique', [floats(3, 2)], { axis: 0 }, { outputs: 3 })
node('Multinomial', [floats(2, 4)], { sample_size: 3 })
node('Bernoulli', [positives(2, 3)], { dtype: 9 })
node('RandomNormal', [], { shape: [2, 3] })
node('RandomUniformLike', [floats(2, 3)])

const label = ({ op, inputs, attrs }: NodeCase): string =>
  `${op}(${inputs.map((given) => (given === undefined ? '-' : `${given.tensor.dtype}[${given.tensor.shape}]`)).join(', ')}) ${Object.entries(attrs).join(' ')}`

describe('types and shapes are those that onnxruntime gives', () => {
  it.each(CASES.map((own) => [label(own), own] as const))('%s', async (_, own) => {
    const values = build(own)
    const results = await run(values, own.inputs)
    for (const [i, { dtype, shape }] of results.entries()) {
      const value = values[i]
      expect(value?.dtype).toBe(dtype)
      expect(value?.shape.map((length, axis) => (length < 0 ? shape[axis] : length))).toEqual(shape)
    }
    // Only what depends on data may be left open.
    if (!['NonZero', 'Compress', 'Unique'].includes(own.op))
      expect(values.flatMap((value) => value.shape)).not.toContain(-1)
    const folded = opDef(own.op, own.options.domain)?.fold && foldNode(build(own, true)[0]?.node as never)
    if (folded === undefined) return
    for (const [i, result] of results.entries()) {
      expect(folded[i]?.shape).toEqual(result.shape)
      // Divisions and averages may be rounded in another order there.
      expect(Array.from(folded[i]?.data as ArrayLike<unknown>, Number)).toEqual(
        Array.from(result.data as ArrayLike<unknown>, (x) => expectNear(Number(x))),
      )
    }
  })
})

function expectNear(value: number): unknown {
  return Number.isInteger(value) ? (Object.is(value, -0) ? expect.closeTo(0, 6) : value) : expect.closeTo(value, 5)
}
