/** Operators that make tensors from shapes and numbers. */
import { axisOf, sizeOf } from '../../shape.ts'
import { Tensor } from '../../tensor.ts'
import type { Value } from '../graph.ts'
import type { OpDef } from '../registry.ts'
import {
  type Applied,
  BOOL,
  constInts,
  constNumbers,
  type Fold,
  type Infer,
  input,
  intAttr,
  isKnown,
  NUMBERS,
  needRank,
  openShape,
  optional,
  refuse,
  refuseForm,
  typeAttr,
} from './context.ts'
import { cell, fill } from './fold-kernels.ts'

const ints = (values: readonly number[]): Tensor =>
  new Tensor(BigInt64Array.from(values, BigInt), [values.length], 'i64')

/** The lengths that a Shape node gives. */
function shapeRange(c: Applied): readonly number[] {
  const { shape } = input(c, 0)
  const rank = shape.length
  const clamp = (x: number): number => Math.max(0, Math.min(rank, x < 0 ? x + rank : x))
  return shape.slice(clamp(intAttr(c, 'start', 0)), clamp(intAttr(c, 'end', rank)))
}

const foldShape: Fold = (_, node) => {
  const lengths = shapeRange(node)
  return isKnown(lengths) ? [ints(lengths)] : undefined
}

const foldSize: Fold = (_, node) => {
  const { shape } = node.inputs[0] as Value
  return isKnown(shape) ? [new Tensor(BigInt64Array.of(BigInt(sizeOf(shape))), [], 'i64')] : undefined
}

/** What a ConstantOfShape node repeats. */
function repeated(c: Applied): Tensor {
  const value = c.attrs['value'] ?? Tensor.scalar(0)
  if (!(value instanceof Tensor) || value.data.length !== 1) refuseForm(c, 'value is not one element')
  return value
}

const inferFilled: Infer = (c) => {
  const to = input(c, 0, ['i64'])
  needRank(c, to, 1, 1)
  const shape = constInts(to) ?? openShape(c, to.shape[0] as number)
  if (constInts(to)?.some((length) => length < 0)) refuse(c, `the shape [${shape.join(', ')}] has a length below 0`)
  return [{ dtype: repeated(c).dtype, shape }]
}

const foldFilled: Fold = (_, node) => {
  const value = repeated(node)
  return [fill(value.dtype, (node.outputs[0] as Value).shape, () => cell(value.data, 0))]
}

/** The constant that a Constant node holds. @throws PithError `PITH_MODEL` it holds none */
export function constantOf(c: Applied): Tensor {
  const { value, value_float, value_floats, value_int, value_ints, value_string, value_strings } = c.attrs
  if (value instanceof Tensor) return value
  if (typeof value_float === 'number') return Tensor.scalar(value_float)
  if (typeof value_int === 'number') return Tensor.scalar(value_int, 'i64')
  if (typeof value_string === 'string') return new Tensor([value_string], [], 'string')
  if (Array.isArray(value_floats)) return new Tensor(Float32Array.from(value_floats as readonly number[]))
  if (Array.isArray(value_ints)) return ints(value_ints as readonly number[])
  if (Array.isArray(value_strings)) return new Tensor(value_strings as readonly string[])
  return refuseForm(c, 'holds no value')
}

const inferConstant: Infer = (c) => [constantOf(c)]

const inferEyeLike: Infer = (c) => {
  const x = input(c, 0)
  needRank(c, x, 2, 2)
  return [{ dtype: typeAttr(c, 'dtype', x.dtype), shape: x.shape }]
}

/** Number of steps of a range. */
function rangeLength(start: number, limit: number, delta: number): number {
  return Math.max(0, Math.ceil((limit - start) / delta))
}

const inferRange: Infer = (c) => {
  const [start, limit, delta] = [0, 1, 2].map((i) => input(c, i, NUMBERS)) as [Value, Value, Value]
  if ([start, limit, delta].some((value) => isKnown(value.shape) && value.size !== 1)) refuse(c, 'takes three scalars')
  if (limit.dtype !== start.dtype || delta.dtype !== start.dtype) refuse(c, 'start, limit and delta differ in type')
  const [first, end, step] = [start, limit, delta].map((value) => constNumbers(value)?.[0])
  if (first === undefined || end === undefined || step === undefined) return [{ dtype: start.dtype, shape: [-1] }]
  if (step === 0) refuse(c, 'the step is 0')
  return [{ dtype: start.dtype, shape: [rangeLength(first, end, step)] }]
}

const foldRange: Fold = ([start, , delta], node) => {
  if (start === undefined || delta === undefined) return undefined
  const { shape } = node.outputs[0] as Value
  const [first, step] = [cell(start.data, 0), cell(delta.data, 0)]
  return [
    fill(start.dtype, shape, (i) =>
      typeof first === 'bigint' ? first + BigInt(i) * (step as bigint) : first + i * (step as number),
    ),
  ]
}

const inferOneHot: Infer = (c) => {
  const places = input(c, 0, NUMBERS)
  const depth = constNumbers(input(c, 1, NUMBERS))?.[0] ?? -1
  const values = input(c, 2)
  if (values.shape.length !== 1 || values.shape[0] !== 2) refuse(c, 'the values are not [off, on]')
  const axis = axisOf(intAttr(c, 'axis', -1), places.shape.length + 1, c.op)
  return [{ dtype: values.dtype, shape: places.shape.toSpliced(axis, 0, Math.trunc(depth)) }]
}

const inferNonZero: Infer = (c) => [{ dtype: 'i64', shape: [input(c, 0, [...NUMBERS, ...BOOL]).shape.length, -1] }]

/** Numbers by a seed of the machine: they run, and no gradient goes through them. */
const inferRandom: Infer = (c) => {
  const shape = c.attrs['shape']
  const like = optional(c, 0)
  if (like === undefined && !Array.isArray(shape)) refuseForm(c, 'there is no shape')
  return [{ dtype: typeAttr(c, 'dtype', like?.dtype ?? 'f32'), shape: like?.shape ?? (shape as readonly number[]) }]
}

const inferSize: Infer = (c) => {
  input(c, 0)
  return [{ dtype: 'i64', shape: [] }]
}

const inferMultinomial: Infer = (c) => {
  const x = input(c, 0, NUMBERS)
  needRank(c, x, 2, 2)
  return [{ dtype: typeAttr(c, 'dtype', 'i32'), shape: [x.shape[0] as number, intAttr(c, 'sample_size', 1)] }]
}

const inferAffineGrid: Infer = (c) => {
  const theta = input(c, 0, NUMBERS)
  needRank(c, theta, 3, 3)
  const size = constInts(input(c, 1, ['i64']))
  const rank = (size?.length ?? (input(c, 1).shape[0] as number)) - 2
  if (rank !== 2 && rank !== 3) refuse(c, 'the size is not that of a batch of images or volumes')
  const [batch, , ...spatial] = size ?? openShape(c, rank + 2)
  return [{ dtype: theta.dtype, shape: [batch as number, ...spatial, rank] }]
}

export const GENERATE: readonly OpDef[] = [
  { name: 'AffineGrid', infer: inferAffineGrid },
  { name: 'Bernoulli', infer: inferRandom },
  { name: 'Constant', infer: inferConstant, fold: (_, node) => [constantOf(node)] },
  { name: 'ConstantOfShape', infer: inferFilled, fold: foldFilled },
  { name: 'EyeLike', infer: inferEyeLike },
  { name: 'Multinomial', infer: inferMultinomial },
  { name: 'NonZero', infer: inferNonZero },
  { name: 'OneHot', infer: inferOneHot },
  { name: 'RandomNormal', infer: inferRandom },
  { name: 'RandomNormalLike', infer: inferRandom },
  { name: 'RandomUniform', infer: inferRandom },
  { name: 'RandomUniformLike', infer: inferRandom },
  { name: 'Range', infer: inferRange, fold: foldRange },
  { name: 'Shape', infer: (c) => [{ dtype: 'i64', shape: [shapeRange(c).length] }], fold: foldShape },
  { name: 'Size', infer: inferSize, fold: foldSize },
]
