/** Gradients of normalisations: LayerNormalization by its own rule, others that the registry does not decompose as simpler operators. */
import type { Graph, Node, Value } from '../../ir/graph.ts'
import { floatAttr, intAttr, intsAttr } from '../../ir/ops/context.ts'
import type { VjpRule } from '../../ir/registry.ts'
import { axisAttr } from '../attrs.ts'
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
