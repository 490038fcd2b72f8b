/** Gradients of the losses that are operators: as simpler ones. */
import type { Graph, Node, Value } from '../../ir/graph.ts'
import { intAttr, textAttr } from '../../ir/ops/context.ts'
import { Build } from '../build.ts'
import type { Decompositions } from './table.ts'

/** Minus the log-probability of each label, weighted by its class; labels that are ignored weigh nothing. */
function likelihood(node: Node, b: Build, logs: Value): Value {
  const [, labels, weights] = node.inputs as readonly Value[]
  const hasIgnored = node.attrs['ignore_index'] !== undefined
  const ignored = b.op('Equal', [labels, b.number(intAttr(node, 'ignore_index', 0), labels.dtype)])
  const safe = hasIgnored ? b.where(ignored, b.number(0, labels.dtype), labels) : labels
  const places = b.reshape(safe, [safe.shape[0], 1, ...safe.shape.slice(1)])
  const losses = b.neg(b.reshape(b.op('GatherElements', [logs, places], { axis: 1 }), labels.shape))
  const ones = b.fill(1, labels.shape, logs.dtype)
  const own = weights === undefined ? ones : b.op('Gather', [weights, safe], { axis: 0 })
  const scale = hasIgnored ? b.mul(own, b.from(1, b.cast(ignored, logs.dtype))) : own
  const weighted = b.mul(losses, scale)
  const axes = [...labels.shape.keys()]
  const reduction = textAttr(node, 'reduction', 'mean')
  if (reduction === 'none') return weighted
  const sum = b.sum(weighted, axes, false)
  return reduction === 'sum' ? sum : b.div(sum, b.sum(scale, axes, false))
}

function negativeLogLikelihood(node: Node, graph: Graph): Value[] {
  return [likelihood(node, new Build(graph), node.inputs[0] as Value)]
}

function softmaxCrossEntropy(node: Node, graph: Graph): Value[] {
  const b = new Build(graph)
  const logs = b.op('LogSoftmax', [node.inputs[0]], { axis: 1 })
  return [likelihood(node, b, logs), logs]
}

export const LOSS_DECOMPOSITIONS: Decompositions = {
  ':NegativeLogLikelihoodLoss': negativeLogLikelihood,
  ':SoftmaxCrossEntropyLoss': softmaxCrossEntropy,
}
