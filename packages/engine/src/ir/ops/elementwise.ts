/** Operators that work on each element by itself, broadcasting their inputs. */
import type { DType } from '../../dtype.ts'
import { broadcastShapes, type Shape, shapeText } from '../../shape.ts'
import type { Spec, Tensor } from '../../tensor.ts'
import type { Node } from '../graph.ts'
import type { OpDef } from '../registry.ts'
import {
  alike,
  asked,
  BOOL,
  FLOATS,
  type Fold,
  INTS,
  type Infer,
  input,
  NUMBERS,
  optional,
  refuse,
  typeAttr,
} from './context.ts'
import { foldCast, foldWhere, isPlain } from './fold-elementwise.ts'
import { type Element, foldBinary, foldUnary } from './fold-kernels.ts'
import { BINARY_FOLDS, COMPARISONS, UNARY_FOLDS } from './fold-scalars.ts'

const outputSize = (node: Node): number => Math.max(0, node.outputs[0]?.size ?? 0)

/** Functions of one input whose output has its type and shape. */
const UNARY: Readonly<Record<string, readonly DType[]>> = {
  Abs: NUMBERS,
  Acos: FLOATS,
  Acosh: FLOATS,
  Asin: FLOATS,
  Asinh: FLOATS,
  Atan: FLOATS,
  Atanh: FLOATS,
  BitwiseNot: INTS,
  Ceil: FLOATS,
  Celu: FLOATS,
  Cos: FLOATS,
  Cosh: FLOATS,
  Elu: FLOATS,
  Erf: NUMBERS,
  Exp: FLOATS,
  Floor: FLOATS,
  Gelu: FLOATS,
  HardSigmoid: FLOATS,
  HardSwish: FLOATS,
  LeakyRelu: FLOATS,
  Log: FLOATS,
  Mish: FLOATS,
  Neg: NUMBERS,
  Not: BOOL,
  Reciprocal: FLOATS,
  Relu: NUMBERS,
  Round: FLOATS,
  Selu: FLOATS,
  Shrink: NUMBERS,
  Sigmoid: FLOATS,
  Sign: NUMBERS,
  Sin: FLOATS,
  Sinh: FLOATS,
  Softplus: FLOATS,
  Softsign: FLOATS,
  Sqrt: FLOATS,
  Tan: FLOATS,
  Tanh: FLOATS,
  ThresholdedRelu: FLOATS,
}

/** Functions of two inputs of one type. */
const BINARY: Readonly<Record<string, readonly DType[]>> = {
  Add: NUMBERS,
  And: BOOL,
  BitShift: INTS,
  BitwiseAnd: INTS,
  BitwiseOr: INTS,
  BitwiseXor: INTS,
  Div: NUMBERS,
  Mod: NUMBERS,
  Mul: NUMBERS,
  Or: BOOL,
  Sub: NUMBERS,
  Xor: BOOL,
}

/** Functions of one or more inputs of one type. */
const VARIADIC: readonly string[] = ['Max', 'Mean', 'Min', 'Sum']

const inferUnary =
  (types: readonly DType[]): Infer =>
  (c) => [spec(input(c, 0, types))]

const inferBinary =
  (types: readonly DType[], result?: DType): Infer =>
  (c) => {
    const [a, b] = alike(c, types)
    if (a === undefined || b === undefined || c.inputs.length !== 2) refuse(c, 'takes two inputs')
    return [{ dtype: result ?? a.dtype, shape: broadcastShapes(a.shape, b.shape, c.op) }]
  }

const inferVariadic: Infer = (c) => {
  const values = alike(c, NUMBERS)
  const shape = values.reduce<Shape>((own, value) => broadcastShapes(own, value.shape, c.op), [])
  return [{ dtype: (values[0] as Spec).dtype, shape }]
}

function spec({ dtype, shape }: Spec): Spec {
  return { dtype, shape }
}

/** Types whose elements are bits of something else; texts compare as they are. */
const isOpaque = (dtype: DType): boolean => !isPlain(dtype) && dtype !== 'string'

const unaryFold =
  (f: (x: Element, dtype: DType) => Element): Fold =>
  ([a]) =>
    a !== undefined && isPlain(a.dtype) ? [foldUnary(a, a.dtype, (x) => f(x, a.dtype))] : undefined

const binaryFold =
  (f: (x: Element, y: Element, node: Node, dtype: DType) => Element | undefined, result?: DType): Fold =>
  ([a, b], node) => {
    if (a === undefined || b === undefined || isOpaque(a.dtype)) return undefined
    const folded = foldBinary(node.op, a, b, result ?? a.dtype, (x, y) => f(x, y, node, a.dtype))
    return folded && [folded]
  }

const variadicFold =
  (f: (x: Element, y: Element, node: Node, dtype: DType) => Element | undefined): Fold =>
  (inputs, node) => {
    let own: Tensor | undefined
    for (const next of inputs) {
      if (next === undefined || isOpaque(next.dtype)) return undefined
      own = own === undefined ? next : foldBinary(node.op, own, next, next.dtype, (x, y) => f(x, y, node, next.dtype))
      if (own === undefined) return undefined
    }
    return own && [own]
  }

/** An input that broadcasts into another without changing its shape. */
function needsInto(c: Parameters<Infer>[0], from: Spec, into: Spec): void {
  const shape = broadcastShapes(from.shape, into.shape, c.op)
  const isSame =
    shape.length === into.shape.length && shape.every((length, i) => into.shape[i] === length || length < 0)
  if (!isSame) refuse(c, `${shapeText(from.shape)} does not broadcast into ${shapeText(into.shape)}`)
}

const inferClip: Infer = (c) => {
  const x = input(c, 0, NUMBERS)
  for (const index of [1, 2]) {
    const bound = optional(c, index, [x.dtype])
    if (bound !== undefined && bound.shape.length > 0 && bound.size !== 1) refuse(c, 'the bounds are not scalars')
  }
  return [spec(x)]
}

const foldClip: Fold = ([x, low, high]) => {
  if (x === undefined || !isPlain(x.dtype)) return undefined
  const least = low?.data[0] as Element | undefined
  const most = high?.data[0] as Element | undefined
  return [
    foldUnary(x, x.dtype, (own) => {
      const raised = least !== undefined && own < least ? least : own
      return most !== undefined && raised > most ? most : raised
    }),
  ]
}

const inferWhere: Infer = (c) => {
  const test = input(c, 0, BOOL)
  const [a, b] = alike(c, undefined, 1)
  if (a === undefined || b === undefined) refuse(c, 'takes three inputs')
  const shape = broadcastShapes(broadcastShapes(test.shape, a.shape, c.op), b.shape, c.op)
  return [{ dtype: a.dtype, shape }]
}

const inferDropout: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  return asked(c, 1, [spec(x), { dtype: 'bool', shape: x.shape }])
}

const inferPRelu: Infer = (c) => {
  const x = input(c, 0, NUMBERS)
  needsInto(c, input(c, 1, [x.dtype]), x)
  return [spec(x)]
}

/** A bias of the last axis, for fused activations. */
const inferBiased: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  const bias = optional(c, 1, [x.dtype])
  if (bias !== undefined) needsInto(c, bias, x)
  return [spec(x)]
}

const own = (name: string, infer: Infer, fold?: Fold): OpDef => ({
  name,
  infer,
  flops: outputSize,
  ...(fold === undefined ? {} : { fold }),
})

const microsoft = (name: string, infer: Infer): OpDef => ({ name, domain: 'com.microsoft', infer, flops: outputSize })

const toBool = (x: boolean): number => (x ? 1 : 0)

export const ELEMENTWISE: readonly OpDef[] = [
  ...Object.entries(UNARY).map(([name, types]) =>
    own(name, inferUnary(types), UNARY_FOLDS[name] && unaryFold(UNARY_FOLDS[name])),
  ),
  ...Object.entries(BINARY).map(([name, types]) =>
    own(name, inferBinary(types), BINARY_FOLDS[name] && binaryFold(BINARY_FOLDS[name])),
  ),
  ...Object.entries(COMPARISONS).map(([name, f]) =>
    own(
      name,
      inferBinary(name === 'Equal' ? [...NUMBERS, 'bool', 'string'] : NUMBERS, 'bool'),
      binaryFold((x, y) => toBool(f(x, y)), 'bool'),
    ),
  ),
  ...VARIADIC.map((name) => own(name, inferVariadic, BINARY_FOLDS[name] && variadicFold(BINARY_FOLDS[name]))),
  own('Pow', (c) => {
    const a = input(c, 0, NUMBERS)
    return [{ dtype: a.dtype, shape: broadcastShapes(a.shape, input(c, 1, NUMBERS).shape, c.op) }]
  }),
  own('PRelu', inferPRelu),
  own('Clip', inferClip, foldClip),
  own('Where', inferWhere, foldWhere),
  own('Cast', (c) => [{ dtype: typeAttr(c, 'to', input(c, 0).dtype), shape: input(c, 0).shape }], foldCast),
  own('CastLike', (c) => [{ dtype: input(c, 1).dtype, shape: input(c, 0).shape }]),
  own(
    'Identity',
    (c) => [spec(input(c, 0))],
    ([a]) => a && [a],
  ),
  own('Dropout', inferDropout),
  own('IsNaN', (c) => [{ dtype: 'bool', shape: input(c, 0, FLOATS).shape }]),
  own('IsInf', (c) => [{ dtype: 'bool', shape: input(c, 0, FLOATS).shape }]),
  microsoft('Gelu', inferUnary(FLOATS)),
  microsoft('QuickGelu', inferUnary(FLOATS)),
  microsoft('BiasGelu', inferBiased),
  microsoft('FastGelu', inferBiased),
]
