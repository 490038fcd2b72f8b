/** Batches of operators that work element by element: inputs are aligned so that they broadcast as those of one example. */
import { onnxType } from '../dtype.ts'
import type { Value } from '../ir/graph.ts'
import { first, type Lanes, type Rule, type Rules } from './table.ts'

const aligned: Rule = (c) => {
  const rank = rankOf(c)
  return c.again(c.inputs.map((value, i) => value && c.align(i, rank)))
}

/** The operand of the most axes must have the batch, since the other only broadcasts to it. */
const into: Rule = (c) => {
  const { rank } = { rank: c.one(0).shape.length }
  return c.again([c.full(0), c.align(1, rank)])
}

const same: Rule = first((c) => c.again(c.inputs))

const clip: Rule = (c) => {
  if (c.only(0)) return c.again(c.inputs)
  const { b } = c
  const rank = c.one(0).shape.length
  const bound = (place: number, op: string, x: Value): Value => {
    if (c.inputs[place] === undefined) return x
    const scalar = c.b.reshape(c.inputs[place], c.isBatched[place] ? [c.size, ...Array(rank).fill(1)] : [])
    return b.op(op, [x, scalar])
  }
  return [bound(2, 'Min', bound(1, 'Max', c.full(0)))]
}

const castLike: Rule = (c) => [c.b.op('Cast', [c.full(0)], { to: onnxType(c.one(1).dtype) })]

/** The bias of a fused activation; where it differs between the examples it is added before. */
function biased(activation: { op: string; domain: string }): Rule {
  return (c) => {
    if (c.only(0)) return c.again(c.inputs)
    const sum = c.b.add(c.full(0), c.align(1, c.one(0).shape.length))
    return [c.b.op(activation.op, [sum], {}, { domain: activation.domain })]
  }
}

function rankOf({ node }: Lanes): number {
  return Math.max(...node.inputs.map((input) => input?.shape.length ?? 0))
}

const ALIGNED =
  'Add Sub Mul Div Pow Mod Min Max Sum Mean And Or Xor BitwiseAnd BitwiseOr BitwiseXor BitShift Equal Less LessOrEqual Greater GreaterOrEqual Where'
const SAME =
  'Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Cos Cosh Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Tan Tanh ThresholdedRelu'

/** One rule for many operators of ONNX. */
export function each(names: string, rule: Rule, domain: string = ''): [string, Rule][] {
  return names.split(' ').map((name) => [`${domain}:${name}`, rule])
}

export const ELEMENTWISE: Rules = Object.fromEntries([
  ...each(ALIGNED, aligned),
  ...each(SAME, same),
  ...each('Gelu QuickGelu', same, 'com.microsoft'),
  ...each('PRelu', into),
  ...each('Clip', clip),
  ...each('CastLike', castLike),
  ...each('BiasGelu', biased({ op: 'Gelu', domain: 'com.microsoft' }), 'com.microsoft'),
  ...each('FastGelu', biased({ op: 'FastGelu', domain: 'com.microsoft' }), 'com.microsoft'),
])
