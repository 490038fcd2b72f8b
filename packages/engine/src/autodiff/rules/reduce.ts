/** Gradients of reductions along axes, of softmax, and of sums that run along an axis. */
import type { Node, Value } from '../../ir/graph.ts'
import { intAttr, intsAttr } from '../../ir/ops/context.ts'
import type { VjpRule } from '../../ir/registry.ts'
import { axisOf } from '../../shape.ts'
import { axisAttr, constantInput } from '../attrs.ts'
import type { Build } from '../build.ts'
import { ASIDE, type Rules, single, WHOLE } from './table.ts'

interface Reduction {
  readonly b: Build
  readonly x: Value
  /** Output and cotangent with the reduced axes kept, of length 1. */
  readonly y: Value
  readonly g: Value
  readonly axes: readonly number[]
  /** Elements that go into one. */
  readonly count: number
}

/** Axes that a node reduces. */
export function axesOf(node: Node): number[] {
  const x = node.inputs[0] as Value
  const given = constantInput(node, 1) ?? intsAttr(node, 'axes') ?? []
  if (given.length > 0) return given.map((axis) => axisOf(axis, x.shape.length, node.op))
  return intAttr(node, 'noop_with_empty_axes', 0) === 1 ? [] : [...x.shape.keys()]
}

function reduction(rule: (context: Reduction) => Value): VjpRule {
  return single(({ b, node, x, y, g }) => {
    const axes = axesOf(node)
    const kept = x.shape.map((length, axis) => (axes.includes(axis) ? 1 : length))
    const count = axes.reduce((product, axis) => product * x.shape[axis], 1)
    return b.expand(rule({ b, x, y: b.reshape(y, kept), g: b.reshape(g, kept), axes, count }), x.shape)
  })
}

/** The largest or smallest; elements that are equal share. */
const extreme: VjpRule = reduction(({ b, x, y, g, axes }) => {
  const mask = b.mask('Equal', x, y, g.dtype)
  return b.mul(mask, b.div(g, b.sum(mask, axes)))
})

/**
 * The product of the others: y / x, but where one element is zero only that one has a gradient, the product of the others,
 * and where two are, none.
 */
const product: VjpRule = reduction(({ b, x, g, axes }) => {
  const isZero = b.mask('Equal', x, 0, x.dtype)
  const zeros = b.sum(isZero, axes)
  const filled = b.add(x, isZero)
  const others = b.div(b.reduce('ReduceProd', filled, axes, true), filled)
  const none = b.mul(b.mask('Equal', zeros, 0, x.dtype), b.from(1, isZero))
  const one = b.mul(b.mask('Equal', zeros, 1, x.dtype), isZero)
  return b.mul(b.mul(g, others), b.add(none, one))
})

const softmax: VjpRule = single(({ b, node, y, g }) => {
  const axis = axisAttr(node, -1)
  const t = b.mul(g, y)
  return b.sub(t, b.mul(y, b.sum(t, [axis])))
})

const logSoftmax: VjpRule = single(({ b, node, y, g }) => {
  const axis = axisAttr(node, -1)
  return b.sub(g, b.mul(b.op('Exp', [y]), b.sum(g, [axis])))
})

const cumulative: VjpRule = single(({ b, node, g }) =>
  b.op('CumSum', [g, node.inputs[1]], {
    exclusive: intAttr(node, 'exclusive', 0),
    reverse: 1 - intAttr(node, 'reverse', 0),
  }),
)

export const REDUCE: Rules = {
  ':ReduceSum': reduction(({ g }) => g),
  ':ReduceMean': reduction(({ b, g, count }) => b.mul(g, 1 / count)),
  ':ReduceMax': extreme,
  ':ReduceMin': extreme,
  ':ReduceProd': product,
  ':ReduceL1': reduction(({ b, x, g }) => b.mul(g, b.op('Sign', [x]))),
  ':ReduceL2': reduction(({ b, x, y, g }) => b.mul(b.div(g, b.op('Max', [y, b.number(1e-30, y.dtype)])), x)),
  ':ReduceSumSquare': reduction(({ b, x, g }) => b.mul(b.mul(g, 2), x)),
  ':ReduceLogSum': reduction(({ b, y, g }) => b.div(g, b.op('Exp', [y]))),
  ':ReduceLogSumExp': reduction(({ b, x, y, g }) => b.mul(g, b.op('Exp', [b.sub(x, y)]))),
  ':Softmax': softmax,
  ':LogSoftmax': logSoftmax,
  ':Hardmax': ASIDE,
  ':CumSum': cumulative,
  ':ArgMax': WHOLE,
  ':ArgMin': WHOLE,
}
