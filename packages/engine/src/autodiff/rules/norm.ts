/** Gradients of normalisations: LayerNormalization by its own rule, others that the registry does not decompose as simpler operators. */
import type { Graph, Node, Value } from '../../ir/graph.ts'
import { floatAttr, intAttr, intsAttr } from '../../ir/ops/context.ts'
import type { VjpRule } from '../../ir/registry.ts'
import { axisAttr } from '../attrs.ts'
import { Build } from '../build.ts'
import type { Decompositions, Rules } from './table.ts'

/**
 * dx = inv * (d - mean(d) - xh * mean(d * xh)) with d = g * gamma; mean and inv are outputs of the forward node. They have
 * cotangents of their own where this gradient is differentiated again: theirs of x are 1 / n and -inv^2 * xh / n.
 */
const layerNormalization: VjpRule = ({ graph, node, cotangents: [g, ofMean, ofInverse], needs }) => {
  const b = new Build(graph)
  const [x, gamma, beta] = node.inputs as readonly Value[]
  const axes = [...x.shape.keys()].slice(axisAttr(node, -1))
  const count = axes.reduce((product, axis) => product * x.shape[axis], 1)
  const [, mean, deviation] = graph.widen(node, 3)
  const inverse = b.cast(deviation, x.dtype)
  const xh = b.mul(b.sub(x, b.cast(mean, x.dtype)), inverse)
  const parts: Value[] = []
  if (needs(0)) {
    if (g !== undefined) {
      const d = b.mul(g, gamma)
      const centred = b.sub(b.sub(d, b.mean(d, axes)), b.mul(xh, b.mean(b.mul(d, xh), axes)))
      parts.push(b.mul(centred, inverse))
    }
    if (ofInverse !== undefined) {
      const own = b.mul(b.mul(b.cast(ofInverse, x.dtype), b.square(inverse)), -1 / count)
      parts.push(b.mul(xh, own))
    }
    if (ofMean !== undefined) parts.push(b.expand(b.mul(b.cast(ofMean, x.dtype), 1 / count), x.shape))
  }
  return [
    parts.length === 0 ? undefined : parts.reduce((sum, part) => b.add(sum, part)),
    g !== undefined && needs(1) ? b.unbroadcast(b.mul(g, xh), gamma.shape) : undefined,
    g !== undefined && needs(2) ? b.unbroadcast(g, beta.shape) : undefined,
  ]
}

function lpNormalization(node: Node, graph: Graph): Value[] {
  const b = new Build(graph)
  const x = node.inputs[0] as Value
  const name = intAttr(node, 'p', 2) === 1 ? 'ReduceL1' : 'ReduceL2'
  return [b.div(x, b.reduce(name, x, [axisAttr(node, -1)], true))]
}

export const NORM: Rules = {
  ':LayerNormalization': layerNormalization,
}

function meanVariance(node: Node, graph: Graph): Value[] {
  const b = new Build(graph)
  const x = node.inputs[0] as Value
  const axes = intsAttr(node, 'axes') ?? [0, 2, 3]
  const centred = b.sub(x, b.mean(x, axes))
  return [b.div(centred, b.add(b.op('Sqrt', [b.mean(b.square(centred), axes)]), 1e-9))]
}

/** x / (bias + alpha / size * the sum of squares over `size` channels) ^ beta. */
function localResponse(node: Node, graph: Graph): Value[] {
  const b = new Build(graph)
  const x = node.inputs[0] as Value
  const size = intAttr(node, 'size', 1)
  const channels = x.shape[1]
  const before = Math.floor((size - 1) / 2)
  const squares = b.padAxis(b.square(x), 1, before, size - 1 - before)
  const near = Array.from({ length: size }, (_, i) => b.slice(squares, [i], [i + channels], [1]))
  const sum = near.reduce((total, own) => b.add(total, own))
  const base = b.add(b.mul(sum, floatAttr(node, 'alpha', 1e-4) / size), floatAttr(node, 'bias', 1))
  return [b.div(x, b.op('Pow', [base, b.number(floatAttr(node, 'beta', 0.75), x.dtype)]))]
}

export const NORM_DECOMPOSITIONS: Decompositions = {
  ':LpNormalization': lpNormalization,
  ':MeanVarianceNormalization': meanVariance,
  ':LRN': localResponse,
}
