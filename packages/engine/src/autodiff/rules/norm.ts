/** Gradients of normalisations: LayerNormalization by its own rule, the others as simpler operators. */
import type { Graph, Node, Value } from '../../ir/graph.ts'
import type { VjpRule } from '../../ir/registry.ts'
import { axisAttr, numberAttr } from '../attrs.ts'
import { Build } from '../build.ts'
import { type Decompositions, type Rules, several } from './table.ts'

/** dx = inv * (d - mean(d) - xh * mean(d * xh)) with d = g * gamma; mean and inv are outputs of the forward node. */
const layerNormalization: VjpRule = several(({ b, graph, node, inputs: [x, gamma, beta], g }) => {
  const axis = axisAttr(node, -1)
  const axes = [...x.shape.keys()].slice(axis)
  const [, mean, inverse] =
    node.outputs.length === 3 ? node.outputs : graph.emit(node.op, node.inputs, node.attrs, { outputs: 3 })
  const xh = b.mul(b.sub(x, b.cast(mean, x.dtype)), b.cast(inverse, x.dtype))
  const d = b.mul(g, gamma)
  return {
    0: () => {
      const centred = b.sub(b.sub(d, b.mean(d, axes)), b.mul(xh, b.mean(b.mul(d, xh), axes)))
      return b.mul(centred, b.cast(inverse, x.dtype))
    },
    1: () => b.unbroadcast(b.mul(g, xh), gamma.shape),
    2: () => b.unbroadcast(g, beta.shape),
  }
})

/** (x - mean) / sqrt(var + eps) over some axes. */
function normalise(b: Build, x: Value, axes: readonly number[], epsilon: number): Value {
  const centred = b.sub(x, b.mean(x, axes))
  return b.div(centred, b.op('Sqrt', [b.add(b.mean(b.square(centred), axes), epsilon)]))
}

function rms(b: Build, x: Value, axes: readonly number[], epsilon: number): Value {
  return b.div(x, b.op('Sqrt', [b.add(b.mean(b.square(x), axes), epsilon)]))
}

/** A value for each channel, beside the axes of an image. */
function perChannel(b: Build, value: Value, x: Value): Value {
  return b.reshape(value, [x.shape[1], ...x.shape.slice(2).map(() => 1)])
}

function batchNormalization(node: Node, graph: Graph): Value[] {
  const b = new Build(graph)
  const [x, scale, bias, mean, variance] = node.inputs as readonly Value[]
  const epsilon = numberAttr(node, 'epsilon', 1e-5)
  if (numberAttr(node, 'training_mode', 0) === 0) {
    const inverse = b.op('Reciprocal', [b.op('Sqrt', [b.add(variance, epsilon)])])
    const factor = b.mul(scale, inverse)
    const shifted = b.mul(x, perChannel(b, factor, x))
    return [b.add(shifted, perChannel(b, b.sub(bias, b.mul(mean, factor)), x))]
  }
  const axes = [...x.shape.keys()].filter((axis) => axis !== 1)
  const own = b.mean(x, axes)
  const spread = b.mean(b.square(b.sub(x, own)), axes)
  const scaled = b.mul(b.div(b.sub(x, own), b.op('Sqrt', [b.add(spread, epsilon)])), perChannel(b, scale, x))
  const momentum = numberAttr(node, 'momentum', 0.9)
  const running = (old: Value, now: Value): Value =>
    b.add(b.mul(old, momentum), b.mul(b.reshape(now, old.shape), 1 - momentum))
  return [b.add(scaled, perChannel(b, bias, x)), running(mean, own), running(variance, spread)]
}

function instanceNormalization(node: Node, graph: Graph): Value[] {
  const b = new Build(graph)
  const [x, scale, bias] = node.inputs as readonly Value[]
  const normal = normalise(b, x, [...x.shape.keys()].slice(2), numberAttr(node, 'epsilon', 1e-5))
  return [b.add(b.mul(normal, perChannel(b, scale, x)), perChannel(b, bias, x))]
}

/** Scale and bias are for each channel, or for each group (the form of opset 18). */
function groupNormalization(node: Node, graph: Graph): Value[] {
  const b = new Build(graph)
  const [x, scale, bias] = node.inputs as readonly Value[]
  const [n, c] = x.shape
  const groups = numberAttr(node, 'num_groups', 1)
  const rest = x.shape.slice(2)
  const grouped = b.reshape(x, [n, groups, c / groups, ...rest])
  const normal = normalise(b, grouped, [...grouped.shape.keys()].slice(2), numberAttr(node, 'epsilon', 1e-5))
  const ones = rest.map(() => 1)
  const own = (value: Value): Value => b.reshape(value, [groups, value.size / groups, ...ones])
  return [b.reshape(b.add(b.mul(normal, own(scale)), own(bias)), x.shape)]
}

function rmsNormalization(node: Node, graph: Graph): Value[] {
  const b = new Build(graph)
  const [x, scale] = node.inputs as readonly Value[]
  const axes = [...x.shape.keys()].slice(axisAttr(node, -1))
  return [b.mul(rms(b, x, axes, numberAttr(node, 'epsilon', 1e-5)), scale)]
}

/** The sum of input, skip and bias, normalised. */
function skip(isCentred: boolean): (node: Node, graph: Graph) => Value[] {
  return (node, graph) => {
    const b = new Build(graph)
    const [x, other, gamma] = node.inputs as readonly Value[]
    const beta = isCentred ? node.inputs[3] : undefined
    const bias = node.inputs[isCentred ? 4 : 3]
    let sum = b.add(x, other)
    if (bias !== undefined) sum = b.add(sum, bias)
    const axes = [x.shape.length - 1]
    const epsilon = numberAttr(node, 'epsilon', 1e-12)
    const normal = b.mul(isCentred ? normalise(b, sum, axes, epsilon) : rms(b, sum, axes, epsilon), gamma)
    const y = beta === undefined ? normal : b.add(normal, beta)
    return [y, sum, sum, sum]
  }
}

function lpNormalization(node: Node, graph: Graph): Value[] {
  const b = new Build(graph)
  const x = node.inputs[0] as Value
  const name = numberAttr(node, 'p', 2) === 1 ? 'ReduceL1' : 'ReduceL2'
  return [b.div(x, b.reduce(name, x, [axisAttr(node, -1)], true))]
}

export const NORM: Rules = {
  ':LayerNormalization': layerNormalization,
}

export const NORM_DECOMPOSITIONS: Decompositions = {
  ':BatchNormalization': batchNormalization,
  ':InstanceNormalization': instanceNormalization,
  ':GroupNormalization': groupNormalization,
  ':RMSNormalization': rmsNormalization,
  ':SimplifiedLayerNormalization': rmsNormalization,
  ':LpNormalization': lpNormalization,
  'com.microsoft:SkipLayerNormalization': skip(true),
  'com.microsoft:SkipSimplifiedLayerNormalization': skip(false),
}
