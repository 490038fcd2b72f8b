/** Normalisations by means, products and square roots. Outputs that nobody can ask a gradient of keep their node. */
import { axisOf } from '../../shape.ts'
import { Tensor } from '../../tensor.ts'
import type { Graph, Node, Value } from '../graph.ts'
import { floatAttr, intAttr, isKnown, refuse } from './context.ts'

const one = (values: readonly Value[]): Value => values[0] as Value

/** The number as a constant that suits a value. */
function like(graph: Graph, value: Value, number: number): Value {
  if (value.dtype === 'f64') return graph.constant(Tensor.scalar(number, 'f64'))
  const scalar = graph.scalar(number)
  return value.dtype === 'f32' ? scalar : one(graph.emit('CastLike', [scalar, value]))
}

const op = (graph: Graph, name: string, ...inputs: Value[]): Value => one(graph.emit(name, inputs))

function mean(graph: Graph, x: Value, axes: readonly number[]): Value {
  return op(graph, 'ReduceMean', x, graph.ints(axes))
}

/** 1 / sqrt(variance + epsilon). */
function inverse(graph: Graph, variance: Value, epsilon: number): Value {
  return op(graph, 'Reciprocal', op(graph, 'Sqrt', op(graph, 'Add', variance, like(graph, variance, epsilon))))
}

/** A vector with one element for each channel, shaped to broadcast over [N, C, ...]. */
function perChannel(graph: Graph, vector: Value, rank: number): Value {
  return op(graph, 'Reshape', vector, graph.ints([-1, ...new Array<number>(rank - 2).fill(1)]))
}

/** (x - mean) / deviation over some axes. */
function standardised(graph: Graph, x: Value, axes: readonly number[], epsilon: number): Value {
  const centred = op(graph, 'Sub', x, mean(graph, x, axes))
  const variance = mean(graph, op(graph, 'Mul', centred, centred), axes)
  return op(graph, 'Mul', centred, inverse(graph, variance, epsilon))
}

export function decomposeBatchNorm(node: Node, graph: Graph): readonly Value[] {
  const [x, scale, bias, means, variances] = node.inputs as [Value, Value, Value, Value, Value]
  const rank = x.shape.length
  const epsilon = floatAttr(node, 'epsilon', 1e-5)
  const factor = (vector: Value): Value => perChannel(graph, vector, rank)
  if (intAttr(node, 'training_mode', 0) === 0) {
    const gain = op(graph, 'Mul', scale, inverse(graph, variances, epsilon))
    const shift = op(graph, 'Sub', bias, op(graph, 'Mul', means, gain))
    return [op(graph, 'Add', op(graph, 'Mul', x, factor(gain)), factor(shift))]
  }
  const axes = x.shape.map((_, axis) => axis).filter((axis) => axis !== 1)
  const own = mean(graph, x, axes)
  const centred = op(graph, 'Sub', x, own)
  const spread = mean(graph, op(graph, 'Mul', centred, centred), axes)
  const scaled = op(graph, 'Mul', centred, inverse(graph, spread, epsilon))
  const y = op(graph, 'Add', op(graph, 'Mul', scaled, factor(scale)), factor(bias))
  const momentum = floatAttr(node, 'momentum', 0.9)
  const running = (old: Value, now: Value): Value => {
    const kept = op(graph, 'Mul', old, like(graph, old, momentum))
    const added = op(graph, 'Mul', op(graph, 'Reshape', now, graph.ints([-1])), like(graph, old, 1 - momentum))
    return op(graph, 'Add', kept, added)
  }
  return [y, running(means, own), running(variances, spread)].slice(0, node.outputs.length)
}

export function decomposeInstanceNorm(node: Node, graph: Graph): readonly Value[] {
  const [x, scale, bias] = node.inputs as [Value, Value, Value]
  const rank = x.shape.length
  const axes = x.shape.map((_, axis) => axis).slice(2)
  const own = standardised(graph, x, axes, floatAttr(node, 'epsilon', 1e-5))
  return [op(graph, 'Add', op(graph, 'Mul', own, perChannel(graph, scale, rank)), perChannel(graph, bias, rank))]
}

export function decomposeGroupNorm(node: Node, graph: Graph): readonly Value[] {
  const [x, scale, bias] = node.inputs as [Value, Value, Value]
  const groups = intAttr(node, 'num_groups', 1)
  if (!isKnown(x.shape)) refuse(node, 'needs known lengths to be written by simpler operators')
  const [batch, channels] = x.shape as [number, number]
  const rows = op(graph, 'Reshape', x, graph.ints([batch, groups, -1]))
  const own = standardised(graph, rows, [2], floatAttr(node, 'epsilon', 1e-5))
  if (scale.shape[0] === groups && groups !== channels) {
    const [gain, shift] = [scale, bias].map((vector) => op(graph, 'Reshape', vector, graph.ints([groups, 1])))
    const y = op(graph, 'Add', op(graph, 'Mul', own, gain as Value), shift as Value)
    return [op(graph, 'Reshape', y, graph.ints(x.shape))]
  }
  const back = op(graph, 'Reshape', own, graph.ints(x.shape))
  const [gain, shift] = [scale, bias].map((vector) => perChannel(graph, vector, x.shape.length))
  return [op(graph, 'Add', op(graph, 'Mul', back, gain as Value), shift as Value)]
}

/** x / sqrt(mean(x²) + epsilon) over the last axes, and the inverse root. */
function rms(graph: Graph, x: Value, from: number, epsilon: number): [Value, Value] {
  const axes = x.shape.map((_, axis) => axis).slice(from)
  const inv = inverse(graph, mean(graph, op(graph, 'Mul', x, x), axes), epsilon)
  return [op(graph, 'Mul', x, inv), inv]
}

export function decomposeRmsNorm(node: Node, graph: Graph): readonly Value[] {
  const [x, scale] = node.inputs as [Value, Value]
  const from = axisOf(intAttr(node, 'axis', -1), x.shape.length, node.op)
  const [own, inv] = rms(graph, x, from, floatAttr(node, 'epsilon', 1e-5))
  return [op(graph, 'Mul', own, scale), inv].slice(0, node.outputs.length)
}

export function decomposeSkipNorm(node: Node, graph: Graph): readonly Value[] {
  const isSimple = node.op === 'SkipSimplifiedLayerNormalization'
  const [x, skip, gamma] = node.inputs as [Value, Value, Value]
  const bias = isSimple ? node.inputs[3] : node.inputs[4]
  const beta = isSimple ? undefined : node.inputs[3]
  const both = op(graph, 'Add', x, skip)
  const sum = bias === undefined ? both : op(graph, 'Add', both, bias)
  const epsilon = floatAttr(node, 'epsilon', 1e-12)
  if (isSimple) {
    const [own] = rms(graph, sum, sum.shape.length - 1, epsilon)
    return [op(graph, 'Mul', own, gamma), ...node.outputs.slice(1, 3), sum].slice(0, node.outputs.length)
  }
  const inputs = beta === undefined ? [sum, gamma] : [sum, gamma, beta]
  const made = graph.emit(
    'LayerNormalization',
    inputs,
    { axis: -1, epsilon },
    { outputs: Math.min(3, node.outputs.length) },
  )
  return [...made, sum].slice(0, node.outputs.length)
}
