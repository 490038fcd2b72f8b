/** Batches of convolutions, pools and what else works on images: the batch joins that of the images, or the groups. */
import { constantInput } from '../autodiff/attrs.ts'
import type { Value } from '../ir/graph.ts'
import { intAttr, intsAttr } from '../ir/ops/context.ts'
import { axisOf } from '../shape.ts'
import { each } from './elementwise.ts'
import { merging } from './movement.ts'
import { first, type Lanes, notBatched, type Rule, type Rules } from './table.ts'

/**
 * With one set of weights for all, examples are more images. With weights of their own they are more groups of channels:
 * [batch, n, c, ...] becomes [n, batch * c, ...].
 */
const convolution: Rule = (c) => {
  const { b, node, size } = c
  if (c.only(0)) return c.split(c.again([c.merged(0), ...c.inputs.slice(1)]))
  const [n, channels, ...wide] = c.one(0).shape
  const [rows, ...kernel] = c.one(1).shape
  const group = intAttr(node, 'group', 1)
  const swap = [1, 0, ...[...Array(wide.length + 1).keys()].map((axis) => axis + 2)]
  const x = b.reshape(b.transpose(c.full(0), swap), [n, size * channels, ...wide])
  const w = b.reshape(c.full(1), [size * rows, ...kernel])
  const attrs = { ...node.attrs, group: size * group }
  const made = b.op(node.op, [x, w], attrs)
  const [, outputs, ...narrow] = node.outputs[0].shape
  const y = b.transpose(b.reshape(made, [n, size, outputs, ...narrow]), swap)
  if (node.inputs[2] === undefined) return [y]
  const lead = c.isBatched[2] ? [size, 1, outputs] : [1, 1, outputs]
  return [b.add(y, b.reshape(c.inputs[2] as Value, [...lead, ...narrow.map(() => 1)]))]
}

/** Indices count over the whole tensor, so those of an example begin anew. */
const maxPool: Rule = (c) => {
  const results = c.split(c.again([c.merged(0)]))
  const places = results[1]
  if (places === undefined) return results
  const offsets = c.places(places.shape.length - 1, c.one(0).size)
  return [results[0], c.b.op('Sub', [places, offsets])]
}

const resize: Rule = first((c) => {
  const { node } = c
  const rank = c.one(0).shape.length
  const axes = intsAttr(node, 'axes')?.map((axis) => axisOf(axis, rank, 'Resize'))
  const at = axes === undefined ? 0 : axes.indexOf(0)
  const sizes = c.one(3) === undefined ? undefined : constantInput(node, 3)
  const isSame = node.outputs[0].shape[0] === c.one(0).shape[0]
  if (!isSame) throw notBatched(node, 'its first axis changes')
  if (sizes === undefined || at < 0) return merging(c)
  const own = c.graph.ints(sizes.map((length, i) => (i === at ? length * c.size : length)))
  return c.split(c.again([c.merged(0), c.inputs[1], c.inputs[2], own]))
})

/** Places count over the whole tensor, so those of an example follow those before it. */
const maxUnpool: Rule = (c) => {
  const offsets = c.places(c.one(1).shape.length, c.node.outputs[0].size)
  const places = c.b.reshape(c.b.op('Add', [c.full(1), offsets]), c.merged(1).shape)
  const [, , given] = c.node.inputs
  if (given === undefined) return c.split(c.again([c.merged(0), places]))
  const [first, ...rest] = c.node.outputs[0].shape
  return c.split(c.again([c.merged(0), places, c.graph.ints([c.size * first, ...rest])]))
}

/** Regions name their image, which stands behind those of the examples before. */
const roiAlign: Rule = (c) => {
  const images = c.b.op('Add', [c.full(2), c.places(1, c.one(0).shape[0])])
  return c.split(c.again([c.merged(0), c.merged(1), c.b.reshape(images, [images.size])]))
}

const gridSample: Rule = (c) => c.split(c.again([c.merged(0), c.merged(1)]))

/** One normalisation for all, else as simpler operators. */
const perImage: Rule = (c) => (c.only(0) ? c.split(c.again([c.merged(0), ...c.inputs.slice(1)])) : undefined)

const batchNormalization: Rule = (c) =>
  intAttr(c.node, 'training_mode', 0) === 0 && c.one(0).shape.length > 1 ? perImage(c) : undefined

const layerNormalization: Rule = (c) => {
  const { b, node } = c
  const rank = c.one(0).shape.length
  const axis = axisOf(intAttr(node, 'axis', -1), rank, node.op)
  const attrs = { ...node.attrs, axis: axis + 1 }
  if (c.only(0)) return c.again(c.inputs, attrs)
  // Scales of their own: those of the operator are ones.
  const ones = b.fill(1, c.one(0).shape.slice(axis), c.one(1).dtype)
  const [unit, ...rest] = c.again([c.full(0), ones], attrs)
  const scaled = b.mul(unit, c.align(1, rank))
  return [node.inputs[2] === undefined ? scaled : b.add(scaled, c.align(2, rank)), ...rest]
}

const rmsNormalization: Rule = (c) => {
  if (!c.only(0)) return undefined
  const axis = axisOf(intAttr(c.node, 'axis', -1), c.one(0).shape.length, c.node.op)
  return c.again(c.inputs, { ...c.node.attrs, axis: axis + 1 })
}

/** Places of an element for each axis of the shape of a scale. */
function scaleShape(c: Lanes, place: number): number[] {
  const [{ shape }, scale] = [c.one(0), c.one(place)]
  const axis = scale.size === 1 ? 0 : axisOf(intAttr(c.node, 'axis', 1), shape.length, c.node.op)
  return shape.map((_, i) => (i === axis && scale.size > 1 ? scale.size : 1))
}

/** (x - zero) * scale, where the scale differs between the examples. */
const dequantize: Rule = (c) => {
  const { b, node } = c
  const scale = c.one(1)
  if (c.only(0)) {
    const axis = axisOf(intAttr(node, 'axis', 1), Math.max(2, c.one(0).shape.length), node.op)
    return c.again(c.inputs, { ...node.attrs, axis: axis + 1 })
  }
  if (scale.shape.length > 1 || intAttr(node, 'block_size', 0) > 0) throw notBatched(node, 'its scales are of blocks')
  const spread = (place: number): Value => {
    const own = b.cast(c.inputs[place] as Value, scale.dtype)
    const shape = scaleShape(c, place)
    return b.reshape(own, c.isBatched[place] ? [c.size, ...shape] : shape)
  }
  const x = b.cast(c.full(0), scale.dtype)
  return [b.mul(node.inputs[2] === undefined ? x : b.sub(x, spread(2)), spread(1))]
}

const quantize: Rule = first((c) => {
  const axis = axisOf(intAttr(c.node, 'axis', 1), Math.max(2, c.one(0).shape.length), c.node.op)
  return c.again(c.inputs, { ...c.node.attrs, axis: axis + 1 })
})

const dft: Rule = first((c) => {
  const axis = constantInput(c.node, 2)?.[0] ?? intAttr(c.node, 'axis', -2)
  const own = axisOf(axis, c.one(0).shape.length, 'DFT') + 1
  return c.again([c.full(0), c.inputs[1], c.graph.scalar(own, 'i64')])
})

export const WINDOW: Rules = Object.fromEntries([
  ...each('Conv ConvTranspose', convolution),
  ...each('MaxPool', maxPool),
  ...each('AveragePool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool LRN', merging),
  ...each('Resize', resize),
  ...each('GridSample', gridSample),
  ...each('MaxUnpool', maxUnpool),
  ...each('RoiAlign', roiAlign),
  ...each(
    'Det',
    first((c) => c.again(c.inputs)),
  ),
  ...each('BatchNormalization', batchNormalization),
  ...each('InstanceNormalization GroupNormalization', perImage),
  ...each('LayerNormalization', layerNormalization),
  ...each('RMSNormalization SimplifiedLayerNormalization', rmsNormalization),
  ...each('DequantizeLinear', dequantize),
  ...each('DequantizeLinear', dequantize, 'com.microsoft'),
  ...each('QuantizeLinear', quantize),
  ...each('QuantizeLinear', quantize, 'com.microsoft'),
  ...each('DFT', dft),
])
