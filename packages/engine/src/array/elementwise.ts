/** Functions that work element by element; operands broadcast as in ONNX and NumPy. */
import { type DType, onnxType } from '../dtype.ts'
import { Value } from '../ir/graph.ts'
import { emit1, filled, lift, liftBoth, type Operand } from './operand.ts'

/** Largest whole exponent that is computed by products. */
const PRODUCTS = 64

function binary(op: string, a: Operand, b: Operand): Value {
  return emit1(op, liftBoth(a, b, op))
}

/** a + b. */
export function add(a: Operand, b: Operand): Value {
  return binary('Add', a, b)
}

/** a - b. */
export function sub(a: Operand, b: Operand): Value {
  return binary('Sub', a, b)
}

/** a * b. */
export function mul(a: Operand, b: Operand): Value {
  return binary('Mul', a, b)
}

/** a / b; whole numbers are cut toward zero. */
export function div(a: Operand, b: Operand): Value {
  return binary('Div', a, b)
}

/** Remainder with the sign of the divisor for whole numbers, and with that of the dividend for others. */
export function mod(a: Operand, b: Operand): Value {
  const [own, other] = liftBoth(a, b, 'Mod')
  return emit1('Mod', [own, other], { fmod: own.dtype === 'f32' || own.dtype === 'f64' ? 1 : 0 })
}

/** x to the power of y. Small whole powers are products, and halves square roots: several times faster than the general. */
export function pow(x: Value, y: Operand): Value {
  if (typeof y !== 'number') return binary('Pow', x, y)
  if (y < 0) return reciprocal(pow(x, -y))
  if (y === 0.5) return sqrt(x)
  if (y === 1.5) return mul(x, sqrt(x))
  if (!Number.isInteger(y) || y > PRODUCTS) return binary('Pow', x, y)
  if (y === 0) return x.graph.constant(filled(1, x.shape, x.dtype))
  let result: Value | undefined
  let square = x
  for (let left = y; ; square = mul(square, square)) {
    if (left % 2 === 1) result = result === undefined ? square : mul(result, square)
    left = Math.floor(left / 2)
    if (left === 0) return result as Value
  }
}

/** The greater of two. */
export function maximum(a: Operand, b: Operand): Value {
  return binary('Max', a, b)
}

/** The lesser of two. */
export function minimum(a: Operand, b: Operand): Value {
  return binary('Min', a, b)
}

/** Elements cut to `low` .. `high`. */
export function clip(x: Value, low: number, high: number): Value {
  return emit1('Clip', [x, lift(low, x), lift(high, x)])
}

/** -x. */
export function neg(x: Value): Value {
  return emit1('Neg', [x])
}

/** |x|. */
export function abs(x: Value): Value {
  return emit1('Abs', [x])
}

/** -1, 0 or 1. */
export function sign(x: Value): Value {
  return emit1('Sign', [x])
}

/** e to the power of x. */
export function exp(x: Value): Value {
  return emit1('Exp', [x])
}

/** Natural logarithm. */
export function log(x: Value): Value {
  return emit1('Log', [x])
}

/** Square root. */
export function sqrt(x: Value): Value {
  return emit1('Sqrt', [x])
}

/** 1 / x. */
export function reciprocal(x: Value): Value {
  return emit1('Reciprocal', [x])
}

/** 1 / sqrt(x). */
export function rsqrt(x: Value): Value {
  return reciprocal(sqrt(x))
}

/** x * x. */
export function square(x: Value): Value {
  return mul(x, x)
}

/** The whole number at or below. */
export function floor(x: Value): Value {
  return emit1('Floor', [x])
}

/** The whole number at or above. */
export function ceil(x: Value): Value {
  return emit1('Ceil', [x])
}

/** To the nearest whole number, halves to the even one. */
export function round(x: Value): Value {
  return emit1('Round', [x])
}

/** Sine of radians. */
export function sin(x: Value): Value {
  return emit1('Sin', [x])
}

/** Cosine of radians. */
export function cos(x: Value): Value {
  return emit1('Cos', [x])
}

/** Hyperbolic tangent. */
export function tanh(x: Value): Value {
  return emit1('Tanh', [x])
}

/** 1 / (1 + exp(-x)). */
export function sigmoid(x: Value): Value {
  return emit1('Sigmoid', [x])
}

/** Error function. */
export function erf(x: Value): Value {
  return emit1('Erf', [x])
}

/** x where it is positive, else 0. */
export function relu(x: Value): Value {
  return emit1('Relu', [x])
}

/** x where it is positive, else `slope` * x. */
export function leakyRelu(x: Value, slope: number = 0.01): Value {
  return emit1('LeakyRelu', [x], { alpha: slope })
}

/** x where it is positive, else `alpha` * (exp(x) - 1). */
export function elu(x: Value, alpha: number = 1): Value {
  return emit1('Elu', [x], { alpha })
}

/** log(1 + exp(x)). */
export function softplus(x: Value): Value {
  return emit1('Softplus', [x])
}

/** x times the normal distribution function of x; `tanh` is the faster approximation by a tangent. */
export function gelu(x: Value, approximate: 'none' | 'tanh' = 'none'): Value {
  return emit1('Gelu', [x], { approximate })
}

/** x * sigmoid(x). */
export function silu(x: Value): Value {
  return mul(x, sigmoid(x))
}

/** a = b, as bool. */
export function equal(a: Operand, b: Operand): Value {
  return binary('Equal', a, b)
}

/** a ≠ b, as bool. */
export function notEqual(a: Operand, b: Operand): Value {
  return not(equal(a, b))
}

/** a < b, as bool. */
export function less(a: Operand, b: Operand): Value {
  return binary('Less', a, b)
}

/** a ≤ b, as bool. */
export function lessOrEqual(a: Operand, b: Operand): Value {
  return binary('LessOrEqual', a, b)
}

/** a > b, as bool. */
export function greater(a: Operand, b: Operand): Value {
  return binary('Greater', a, b)
}

/** a ≥ b, as bool. */
export function greaterOrEqual(a: Operand, b: Operand): Value {
  return binary('GreaterOrEqual', a, b)
}

/** The other truth value of a bool. */
export function not(x: Value): Value {
  return emit1('Not', [x])
}

/** Whether both of two bools hold. */
export function and(a: Value, b: Value): Value {
  return emit1('And', [a, b])
}

/** Whether one of two bools holds. */
export function or(a: Value, b: Value): Value {
  return emit1('Or', [a, b])
}

/** Whether elements are not a number, as bool. */
export function isNan(x: Value): Value {
  return emit1('IsNaN', [x])
}

/** `a` where the condition holds, else `b`; a product with a 0/1 mask is faster where it does as well. */
export function where(condition: Value, a: Operand, b: Operand): Value {
  const like = a instanceof Value ? a : b instanceof Value ? b : undefined
  if (like !== undefined) return emit1('Where', [condition, lift(a, like), lift(b, like)])
  // Two constants: numbers are single precision.
  const zero = condition.graph.scalar(0)
  return emit1('Where', [condition, lift(a, zero), lift(b, zero)])
}

/** The same numbers in another type; fractions are cut toward zero, `bool` is whether they are not 0. */
export function cast(x: Value, dtype: DType): Value {
  return x.dtype === dtype ? x : emit1('Cast', [x], { to: onnxType(dtype) })
}
