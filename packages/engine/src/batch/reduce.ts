/** Batches of reductions, and of what runs along one axis. */
import { constantInput } from '../autodiff/attrs.ts'
import { intAttr } from '../ir/ops/context.ts'
import { axisOf } from '../shape.ts'
import { each } from './elementwise.ts'
import { first, notBatched, type Rule, type Rules, shifted } from './table.ts'

const reduction: Rule = first((c) => {
  const { node, b, graph } = c
  const rank = c.one(0).shape.length
  const axes = axesOf(c.node)
  if (axes === undefined || axes.length === 0) {
    if (intAttr(node, 'noop_with_empty_axes', 0) === 1) return c.again([c.full(0)])
  }
  // Without axes there is nothing to sum over, and all axes would mean those of the batch.
  if (rank === 0) return c.split(c.again([b.reshape(c.full(0), [c.size, 1]), graph.ints([1])]))
  const own = axes === undefined || axes.length === 0 ? [...Array(rank).keys()] : axes
  return c.again([c.full(0), graph.ints(own.map((axis) => axisOf(axis, rank, node.op) + 1))])
})

function axesOf(node: Parameters<typeof constantInput>[0]): number[] | undefined {
  return node.inputs[1] === undefined ? undefined : constantInput(node, 1)
}

/** The attribute `axis` counts the batch as well. */
export function along(otherwise: number): Rule {
  return first((c) => c.again(c.inputs, { ...c.node.attrs, axis: shifted(intAttr(c.node, 'axis', otherwise)) }))
}

const cumSum: Rule = first((c) => {
  const axis = constantInput(c.node, 1)?.[0]
  if (axis === undefined) throw notBatched(c.node, 'its axis is not given')
  return c.again([c.full(0), c.graph.scalar(shifted(axis), 'i64')])
})

const REDUCTIONS =
  'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare'

export const REDUCE: Rules = Object.fromEntries([
  ...each(REDUCTIONS, reduction),
  ...each('ArgMax ArgMin', along(0)),
  ...each('Softmax LogSoftmax Hardmax LpNormalization TopK', along(-1)),
  ...each('CumSum', cumSum),
])
