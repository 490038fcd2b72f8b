/** Normalisations, and softmax. */
import { axisOf } from '../../shape.ts'
import type { Spec } from '../../tensor.ts'
import type { Node, Value } from '../graph.ts'
import type { InferContext, OpDef } from '../registry.ts'
import {
  agree,
  asked,
  FLOATS,
  INDEXES,
  type Infer,
  input,
  intAttr,
  needRank,
  optional,
  refuse,
  textAttr,
  typeAttr,
} from './context.ts'
import {
  decomposeBatchNorm,
  decomposeGroupNorm,
  decomposeInstanceNorm,
  decomposeRmsNorm,
  decomposeSkipNorm,
} from './decompose-norm.ts'

const same = ({ dtype, shape }: Spec): Spec => ({ dtype, shape })

/** Refuse a vector that has not one element for each channel. */
function needChannels(c: InferContext, value: Value | undefined, channels: number): void {
  if (value === undefined) return
  needRank(c, value, 1, 1)
  agree(c, value.shape[0] as number, channels, 'the number of channels')
}

/** Refuse a scale or bias that does not end as the normalised axes do. */
function needTrailing(c: InferContext, value: Value | undefined, x: Value, axis: number): void {
  if (value === undefined) return
  const own = x.shape.slice(axis)
  const lead = own.length - value.shape.length
  if (lead < 0 && value.size !== 1) return
  for (const [i, length] of value.shape.entries()) {
    if (length !== 1) agree(c, length, own[i + lead] ?? 1, 'the length of a normalised axis')
  }
}

const inferLayerNorm: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  const axis = axisOf(intAttr(c, 'axis', -1), x.shape.length, c.op)
  const stash = typeAttr(c, 'stash_type', 'f32')
  needTrailing(c, input(c, 1, FLOATS), x, axis)
  needTrailing(c, optional(c, 2, FLOATS), x, axis)
  const statistics: Spec = { dtype: stash, shape: x.shape.map((length, i) => (i < axis ? length : 1)) }
  const isCentred = c.op === 'LayerNormalization'
  return asked(c, 1, isCentred ? [same(x), statistics, statistics] : [same(x), statistics])
}

const inferRmsNorm: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  const axis = axisOf(intAttr(c, 'axis', -1), x.shape.length, c.op)
  const scale = input(c, 1, FLOATS)
  needTrailing(c, scale, x, axis)
  return [{ dtype: scale.dtype, shape: x.shape }]
}

const inferSkipNorm: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  const width = x.shape.at(-1) ?? refuse(c, 'there is no axis')
  input(c, 1, [x.dtype])
  const vectors = c.op === 'SkipLayerNormalization' ? [2, 3, 4] : [2, 3]
  for (const index of vectors) needChannels(c, optional(c, index, [x.dtype]), width)
  const statistics: Spec = { dtype: 'f32', shape: x.shape.map((length, i) => (i < x.shape.length - 1 ? length : 1)) }
  return asked(c, 1, [same(x), statistics, statistics, same(x)])
}

const inferBatchNorm: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  needRank(c, x, 2)
  const channels = x.shape[1] as number
  for (const index of [1, 2, 3, 4]) needChannels(c, input(c, index, FLOATS), channels)
  if (intAttr(c, 'training_mode', 0) === 0) return [same(x)]
  const running = same(input(c, 3))
  return asked(c, 3, [same(x), running, running])
}

const inferInstanceNorm: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  needRank(c, x, 3)
  for (const index of [1, 2]) needChannels(c, input(c, index, [x.dtype]), x.shape[1] as number)
  return [same(x)]
}

const inferGroupNorm: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  needRank(c, x, 3)
  const groups = intAttr(c, 'num_groups', 0)
  const channels = x.shape[1] as number
  if (groups < 1 || (channels >= 0 && channels % groups !== 0)) refuse(c, `${channels} channels in ${groups} groups`)
  // One scale for each channel, or for each group as opset 18 has it.
  for (const index of [1, 2]) {
    const vector = input(c, index, [x.dtype])
    if (vector.shape[0] !== groups) needChannels(c, vector, channels)
  }
  return [same(x)]
}

const inferAlongAxis =
  (otherwise: number): Infer =>
  (c) => {
    const x = input(c, 0, FLOATS)
    axisOf(intAttr(c, 'axis', otherwise), Math.max(1, x.shape.length), c.op)
    return [same(x)]
  }

const inferSame: Infer = (c) => [same(input(c, 0, FLOATS))]

/** Scores [N, C, ...] and targets [N, ...] to a loss for each target, or to one. */
const inferLoss: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  const target = input(c, 1, INDEXES)
  needRank(c, x, 2)
  needRank(c, target, x.shape.length - 1, x.shape.length - 1)
  const wanted = x.shape.toSpliced(1, 1)
  for (const [axis, length] of wanted.entries())
    agree(c, length, target.shape[axis] as number, `axis ${axis} of the targets`)
  needChannels(c, optional(c, 2, [x.dtype]), x.shape[1] as number)
  const loss: Spec = { dtype: x.dtype, shape: textAttr(c, 'reduction', 'mean') === 'none' ? target.shape : [] }
  return c.op === 'SoftmaxCrossEntropyLoss' ? asked(c, 1, [loss, same(x)]) : [loss]
}

/** About as many operations for each element: mean, square, scale and shift. */
const normFlops = (node: Node): number => 8 * Math.max(0, (node.inputs[0] as Value).size)
const softmaxFlops = (node: Node): number => 5 * Math.max(0, (node.inputs[0] as Value).size)

const microsoft = { domain: 'com.microsoft', flops: normFlops } as const

export const NORM: readonly OpDef[] = [
  { name: 'BatchNormalization', infer: inferBatchNorm, flops: normFlops, decompose: decomposeBatchNorm },
  { name: 'GroupNormalization', infer: inferGroupNorm, flops: normFlops, decompose: decomposeGroupNorm },
  { name: 'Hardmax', infer: inferAlongAxis(-1) },
  { name: 'InstanceNormalization', infer: inferInstanceNorm, flops: normFlops, decompose: decomposeInstanceNorm },
  { name: 'LayerNormalization', infer: inferLayerNorm, flops: normFlops },
  { name: 'LogSoftmax', infer: inferAlongAxis(-1), flops: softmaxFlops },
  { name: 'LpNormalization', infer: inferAlongAxis(-1), flops: normFlops },
  { name: 'LRN', infer: inferSame, flops: normFlops },
  { name: 'MeanVarianceNormalization', infer: inferSame, flops: normFlops },
  { name: 'NegativeLogLikelihoodLoss', infer: inferLoss, flops: softmaxFlops },
  { name: 'RMSNormalization', infer: inferRmsNorm, flops: normFlops, decompose: decomposeRmsNorm },
  { name: 'SimplifiedLayerNormalization', infer: inferLayerNorm, flops: normFlops, decompose: decomposeRmsNorm },
  { name: 'SkipLayerNormalization', ...microsoft, infer: inferSkipNorm, decompose: decomposeSkipNorm },
  { name: 'SkipSimplifiedLayerNormalization', ...microsoft, infer: inferSkipNorm, decompose: decomposeSkipNorm },
  { name: 'Softmax', infer: inferAlongAxis(-1), flops: softmaxFlops },
  { name: 'SoftmaxCrossEntropyLoss', infer: inferLoss, flops: softmaxFlops },
]
