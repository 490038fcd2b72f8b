/** Gradients of operators that work element by element. From the output where that is known there: it saves memory. */
import type { Value } from '../../ir/graph.ts'
import { floatAttr } from '../../ir/ops/context.ts'
import type { VjpRule } from '../../ir/registry.ts'
import { constantInput, noGradient } from '../attrs.ts'
import { type Build, isDifferentiable } from '../build.ts'
import { type Rules, type Several, type Single, several, single, WHOLE } from './table.ts'

/** A rule g * d, with d from the input and the output. */
function factor(derivative: (context: Single) => Value): VjpRule {
  return single((context) => context.b.mul(context.g, derivative(context)))
}

/** Two operands that broadcast. */
function binary(left: (context: Several) => Value, right: (context: Several) => Value): VjpRule {
  return several((context) => {
    const { b, inputs } = context
    return {
      0: () => b.unbroadcast(left(context), inputs[0].shape),
      1: () => b.unbroadcast(right(context), inputs[1].shape),
    }
  })
}

/** Min and Max of any number of operands; those that are equal share. */
const extreme: VjpRule = several(({ b, inputs, y, g }) => {
  const masks = inputs.map((x) => b.mask('Equal', x, y, g.dtype))
  const wide = masks.map((mask) => b.expand(mask, y.shape))
  const count = wide.reduce((sum, mask) => b.add(sum, mask))
  const share = inputs.length === 1 ? g : b.div(g, count)
  return Object.fromEntries(inputs.map((x, i) => [i, () => b.unbroadcast(b.mul(share, masks[i]), x.shape)]))
})

const power: VjpRule = several(({ b, node, inputs: [x, e], y, g }) => ({
  0: () => {
    const fixed = e.data !== undefined && e.size === 1 ? constantInput(node, 1)?.[0] : undefined
    if (fixed === 1) return b.unbroadcast(g, x.shape)
    if (fixed === 2) return b.unbroadcast(b.mul(b.mul(g, x), 2), x.shape)
    if (fixed === 3) return b.unbroadcast(b.mul(b.mul(g, b.square(x)), 3), x.shape)
    if (fixed === 0.5) return b.unbroadcast(b.div(b.mul(g, 0.5), y), x.shape)
    const exponent = b.cast(e, x.dtype)
    return b.unbroadcast(b.mul(g, b.mul(exponent, b.op('Pow', [x, b.sub(exponent, 1)]))), x.shape)
  },
  1: () => {
    // Only where the base is positive: elsewhere the logarithm would poison the sum.
    const positive = b.op('Greater', [x, b.number(0, x.dtype)])
    const log = b.op('Log', [b.where(positive, x, b.number(1, x.dtype))])
    return b.unbroadcast(b.cast(b.mul(b.mul(g, y), log), e.dtype), e.shape)
  },
}))

/** Sum and Mean of any number of operands. */
function total(scale: (count: number) => number): VjpRule {
  return several(({ b, inputs, g }) => {
    const share = b.mul(g, scale(inputs.length))
    return Object.fromEntries(inputs.map((x, i) => [i, () => b.unbroadcast(share, x.shape)]))
  })
}

function sigmoid(b: Build, x: Value): Value {
  return b.op('Sigmoid', [x])
}

/** Inside its bounds, these included; bounds have no gradient. */
const clip: VjpRule = single(({ b, node, x, g }) => {
  let masked = g
  const bound = (place: number, name: string): Value | undefined => {
    const given = node.inputs[place]
    if (given !== undefined) return given
    return typeof node.attrs[name] === 'number' ? b.number(node.attrs[name], x.dtype) : undefined
  }
  const low = bound(1, 'min')
  const high = bound(2, 'max')
  if (low !== undefined) masked = b.mul(masked, b.mask('GreaterOrEqual', x, low, g.dtype))
  if (high !== undefined) masked = b.mul(masked, b.mask('LessOrEqual', x, high, g.dtype))
  return masked
})

/** Gelu' = Phi(x) + x phi(x). */
const gelu: VjpRule = factor(({ b, node, x }) =>
  node.attrs['approximate'] === 'tanh' ? tanhGelu(b, x) : erfGelu(b, x),
)

function erfGelu(b: Build, x: Value): Value {
  const cdf = b.mul(b.add(b.op('Erf', [b.mul(x, Math.SQRT1_2)]), 1), 0.5)
  const pdf = b.mul(b.op('Exp', [b.mul(b.square(x), -0.5)]), 1 / Math.sqrt(2 * Math.PI))
  return b.add(cdf, b.mul(x, pdf))
}

function tanhGelu(b: Build, x: Value): Value {
  const scale = Math.sqrt(2 / Math.PI)
  const squared = b.square(x)
  const inner = b.mul(b.mul(x, b.add(b.mul(squared, 0.044715), 1)), scale)
  const t = b.op('Tanh', [inner])
  const slope = b.mul(b.add(b.mul(squared, 3 * 0.044715), 1), scale)
  const bend = b.mul(b.mul(b.mul(x, 0.5), b.from(1, b.square(t))), slope)
  return b.add(b.mul(b.add(t, 1), 0.5), bend)
}

/** x * sigmoid(alpha x). */
function swish(otherwise: number): VjpRule {
  return factor(({ b, node, x, y }) => {
    const alpha = floatAttr(node, 'alpha', otherwise)
    const s = sigmoid(b, b.mul(x, alpha))
    return b.add(s, b.mul(b.mul(y, b.from(1, s)), alpha))
  })
}

/** scale * alpha * (exp(x / beta) - 1) below zero, whose slope is (y + scale * alpha) / beta, else scale * x. */
function exponentialLinear(b: Build, { x, y }: Single, scale: number, alpha: number, beta: number): Value {
  const positive = b.mask('Greater', x, 0, x.dtype)
  const below = b.mul(b.add(y, scale * alpha), 1 / beta)
  return b.add(b.mul(positive, scale), b.mul(b.from(1, positive), below))
}

const dropout: VjpRule = ({ node, cotangents }) => {
  const training = node.inputs[2]
  if (training === undefined || constantInput(node, 2)?.[0] === 0) return [cotangents[0]]
  throw noGradient(node, 'it draws its own random numbers', 'Multiply by a mask that is an input.')
}

export const ELEMENTWISE: Rules = {
  ':Add': binary(
    ({ g }) => g,
    ({ g }) => g,
  ),
  ':Sub': binary(
    ({ g }) => g,
    ({ b, g }) => b.neg(g),
  ),
  ':Mul': binary(
    ({ b, g, inputs }) => b.mul(g, inputs[1]),
    ({ b, g, inputs }) => b.mul(g, inputs[0]),
  ),
  ':Div': binary(
    ({ b, g, inputs }) => b.div(g, inputs[1]),
    ({ b, g, y, inputs }) => b.neg(b.div(b.mul(g, y), inputs[1])),
  ),
  ':Mod': binary(
    ({ g }) => g,
    ({ b, g, y, inputs: [x, m] }) => b.neg(b.mul(g, b.op('Round', [b.div(b.sub(x, y), m)]))),
  ),
  ':Pow': power,
  ':Min': extreme,
  ':Max': extreme,
  ':Sum': total(() => 1),
  ':Mean': total((count) => 1 / count),
  ':Neg': single(({ b, g }) => b.neg(g)),
  ':Abs': factor(({ b, x }) => b.op('Sign', [x])),
  ':Identity': single(({ g }) => g),
  ':Exp': factor(({ y }) => y),
  ':Log': single(({ b, x, g }) => b.div(g, x)),
  ':Sqrt': single(({ b, y, g }) => b.div(b.mul(g, 0.5), y)),
  ':Reciprocal': factor(({ b, y }) => b.neg(b.square(y))),
  ':Sin': factor(({ b, x }) => b.op('Cos', [x])),
  ':Cos': factor(({ b, x }) => b.neg(b.op('Sin', [x]))),
  ':Tan': factor(({ b, y }) => b.add(b.square(y), 1)),
  ':Asin': single(({ b, x, g }) => b.div(g, b.op('Sqrt', [b.from(1, b.square(x))]))),
  ':Acos': single(({ b, x, g }) => b.neg(b.div(g, b.op('Sqrt', [b.from(1, b.square(x))])))),
  ':Atan': single(({ b, x, g }) => b.div(g, b.add(b.square(x), 1))),
  ':Sinh': factor(({ b, x }) => b.op('Cosh', [x])),
  ':Cosh': factor(({ b, x }) => b.op('Sinh', [x])),
  ':Tanh': factor(({ b, y }) => b.from(1, b.square(y))),
  ':Asinh': single(({ b, x, g }) => b.div(g, b.op('Sqrt', [b.add(b.square(x), 1)]))),
  ':Acosh': single(({ b, x, g }) => b.div(g, b.op('Sqrt', [b.sub(b.square(x), 1)]))),
  ':Atanh': single(({ b, x, g }) => b.div(g, b.from(1, b.square(x)))),
  ':Erf': factor(({ b, x }) => b.mul(b.op('Exp', [b.neg(b.square(x))]), 2 / Math.sqrt(Math.PI))),
  ':Sigmoid': factor(({ b, y }) => b.mul(y, b.from(1, y))),
  ':Relu': factor(({ b, y }) => b.mask('Greater', y, 0, y.dtype)),
  ':LeakyRelu': factor(({ b, node, x }) => {
    const alpha = floatAttr(node, 'alpha', 0.01)
    return b.add(b.mul(b.mask('Greater', x, 0, x.dtype), 1 - alpha), alpha)
  }),
  ':PRelu': several(({ b, inputs: [x, slope], g }) => {
    const positive = b.mask('Greater', x, 0, x.dtype)
    const negative = b.from(1, positive)
    return {
      0: () => b.mul(g, b.add(positive, b.mul(negative, slope))),
      1: () => b.unbroadcast(b.mul(b.mul(g, negative), x), slope.shape),
    }
  }),
  ':ThresholdedRelu': factor(({ b, node, x }) => b.mask('Greater', x, floatAttr(node, 'alpha', 1), x.dtype)),
  ':Elu': factor((context) => exponentialLinear(context.b, context, 1, floatAttr(context.node, 'alpha', 1), 1)),
  ':Selu': factor((context) => {
    const { b, node } = context
    const gamma = floatAttr(node, 'gamma', 1.0507009873554805)
    return exponentialLinear(b, context, gamma, floatAttr(node, 'alpha', 1.6732632423543772), 1)
  }),
  ':Celu': factor((context) => {
    const alpha = floatAttr(context.node, 'alpha', 1)
    return exponentialLinear(context.b, context, 1, alpha, alpha)
  }),
  ':Softplus': factor(({ b, x }) => sigmoid(b, x)),
  ':Softsign': factor(({ b, y }) => b.square(b.from(1, b.op('Abs', [y])))),
  ':HardSigmoid': factor(({ b, node, y }) => {
    const inside = b.mul(b.mask('Greater', y, 0, y.dtype), b.mask('Less', y, 1, y.dtype))
    return b.mul(inside, floatAttr(node, 'alpha', 0.2))
  }),
  ':HardSwish': factor(({ b, x }) => {
    const inside = b.mul(b.mask('Greater', x, -3, x.dtype), b.mask('Less', x, 3, x.dtype))
    const middle = b.mul(inside, b.add(b.mul(x, 1 / 3), 0.5))
    return b.add(middle, b.mask('GreaterOrEqual', x, 3, x.dtype))
  }),
  ':Mish': factor(({ b, x }) => {
    const t = b.op('Tanh', [b.op('Softplus', [x])])
    return b.add(t, b.mul(b.mul(x, sigmoid(b, x)), b.from(1, b.square(t))))
  }),
  ':Gelu': gelu,
  'com.microsoft:Gelu': gelu,
  'com.microsoft:QuickGelu': swish(1.702),
  'com.microsoft:BiasGelu': several(({ b, inputs: [x, bias], g }) => {
    const d = b.mul(g, erfGelu(b, b.add(x, bias)))
    return { 0: () => d, 1: () => b.unbroadcast(d, bias.shape) }
  }),
  'com.microsoft:FastGelu': several(({ b, inputs: [x, bias], g }) => {
    const d = b.mul(g, tanhGelu(b, bias === undefined ? x : b.add(x, bias)))
    return { 0: () => d, 1: () => b.unbroadcast(d, bias.shape) }
  }),
  ':Clip': clip,
  ':Cast': single(({ b, x, g }) => (isDifferentiable(x) ? b.cast(g, x.dtype) : undefined)),
  ':CastLike': single(({ b, x, g }) => (isDifferentiable(x) ? b.cast(g, x.dtype) : undefined)),
  ':Dropout': dropout,
  ':Where': several(({ b, inputs: [condition, x, y], g }) => {
    const chosen = b.mul(g, b.cast(condition, g.dtype))
    return { 1: () => b.unbroadcast(chosen, x.shape), 2: () => b.unbroadcast(b.sub(g, chosen), y.shape) }
  }),
  // Steps: the gradient is zero wherever it exists.
  ':Sign': () => [],
  ':Round': () => [],
  ':Floor': () => [],
  ':Ceil': () => [],
  ':Shrink': factor(({ b, node, x }) => b.mask('Greater', b.op('Abs', [x]), floatAttr(node, 'lambd', 0.5), x.dtype)),
  ':Not': WHOLE,
  ':And': WHOLE,
  ':Or': WHOLE,
  ':Xor': WHOLE,
  ':BitwiseAnd': WHOLE,
  ':BitwiseOr': WHOLE,
  ':BitwiseXor': WHOLE,
  ':BitwiseNot': WHOLE,
  ':BitShift': WHOLE,
  ':Equal': WHOLE,
  ':Less': WHOLE,
  ':LessOrEqual': WHOLE,
  ':Greater': WHOLE,
  ':GreaterOrEqual': WHOLE,
  ':IsNaN': WHOLE,
  ':IsInf': WHOLE,
}
