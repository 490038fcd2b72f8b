/** Operators that fold axes into one element: sums, extremes, places of extremes; and running sums. */
import { isFloat } from '../../dtype.ts'
import { axisOf, type Shape, sizeOf } from '../../shape.ts'
import type { Spec, Tensor } from '../../tensor.ts'
import type { Node, Value } from '../graph.ts'
import type { OpDef } from '../registry.ts'
import {
  type Applied,
  axesOf,
  BOOL,
  constInts,
  type Fold,
  INDEXES,
  type Infer,
  input,
  intAttr,
  NUMBERS,
  needRank,
  openShape,
  optional,
  refuse,
  withLength,
} from './context.ts'
import { isPlain } from './fold-elementwise.ts'
import { cell, type Element, fill, places } from './fold-kernels.ts'

const REDUCTIONS: readonly string[] = [
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSum',
  'ReduceSumSquare',
]

const inputSize = (node: Node): number => Math.max(0, node.inputs[0]?.size ?? 0)

/**
 * Axes that a reduction goes over, ascending; undefined where they are not known before a run.
 *
 * @throws PithError `PITH_SHAPE` no such axis
 */
function reducedAxes(c: Applied): number[] | undefined {
  const x = input(c, 0)
  const given = c.inputs[1]
  const axes = given === undefined ? [] : constInts(given)
  if (axes === undefined) return undefined
  if (axes.length > 0) return axesOf(c, axes, x.shape.length)
  return intAttr(c, 'noop_with_empty_axes', 0) === 1 ? [] : x.shape.map((_, axis) => axis)
}

/** A shape without some axes, or with length 1 in them. */
function shapeWithout(shape: Shape, axes: readonly number[], isKept: boolean): number[] {
  if (isKept) return shape.map((length, axis) => (axes.includes(axis) ? 1 : length))
  return shape.filter((_, axis) => !axes.includes(axis))
}

const inferReduce: Infer = (c) => {
  const isExtreme = c.op === 'ReduceMax' || c.op === 'ReduceMin'
  const x = input(c, 0, isExtreme ? [...NUMBERS, ...BOOL] : NUMBERS)
  const axes = reducedAxes(c)
  const isKept = intAttr(c, 'keepdims', 1) === 1
  if (axes !== undefined) return [{ dtype: x.dtype, shape: shapeWithout(x.shape, axes, isKept) }]
  const count = (optional(c, 1, INDEXES) as Value).shape[0] ?? 1
  if (!isKept && count < 0) refuse(c, 'neither the axes nor their number is known')
  return [{ dtype: x.dtype, shape: openShape(c, x.shape.length - (isKept ? 0 : count)) }]
}

const inferPlace: Infer = (c) => {
  const x = input(c, 0, NUMBERS)
  const axis = axisOf(intAttr(c, 'axis', 0), x.shape.length, c.op)
  return [{ dtype: 'i64', shape: shapeWithout(x.shape, [axis], intAttr(c, 'keepdims', 1) === 1) }]
}

const inferCumSum: Infer = (c) => {
  const x = input(c, 0, NUMBERS)
  const axis = constInts(input(c, 1, INDEXES))?.[0]
  if (axis !== undefined) axisOf(axis, x.shape.length, c.op)
  return [{ dtype: x.dtype, shape: x.shape }]
}

const inferTopK: Infer = (c) => {
  const x = input(c, 0, NUMBERS)
  needRank(c, x, 1)
  const axis = axisOf(intAttr(c, 'axis', -1), x.shape.length, c.op)
  const k = constInts(input(c, 1, ['i64']))?.[0] ?? -1
  const length = x.shape[axis] as number
  if (k < -1 || (length >= 0 && k > length)) refuse(c, `k = ${k} of an axis of length ${length}`)
  const shape = withLength(x.shape, axis, k)
  return [
    { dtype: x.dtype, shape },
    { dtype: 'i64', shape },
  ]
}

type Step = (own: Element, next: Element) => Element

const STEPS: Readonly<Record<string, Step>> = {
  ReduceMax: (own, next) => (next > own ? next : own),
  ReduceMin: (own, next) => (next < own ? next : own),
  ReduceProd: (own, next) => (typeof own === 'bigint' ? own * (next as bigint) : own * (next as number)),
  ReduceSum: (own, next) => (typeof own === 'bigint' ? own + (next as bigint) : own + (next as number)),
}

const foldReduce: Fold = ([x], node) => {
  const axes = reducedAxes(node)
  const step = STEPS[node.op]
  if (x === undefined || axes === undefined || step === undefined || !isPlain(x.dtype)) return undefined
  // Products of 32-bit integers may leave what a number holds exactly.
  if (node.op === 'ReduceProd' && x.dtype !== 'i64' && !isFloat(x.dtype)) return undefined
  const result = foldAxes(x, axes, step, node.outputs[0] as Spec)
  return result && [result]
}

/** Reduce some axes in order; undefined where there is nothing to start from. */
function foldAxes(x: Tensor, axes: readonly number[], step: Step, to: Spec): Tensor | undefined {
  const steps = x.shape.map((_, axis) => sizeOf(x.shape.slice(axis + 1)))
  const inner = axes.map((axis) => x.shape[axis] as number)
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
  const starts = places(
    kept.map((axis) => x.shape[axis] as number),
    kept.map((axis) => steps[axis] as number),
  )
  const within = places(
    inner,
    axes.map((axis) => steps[axis] as number),
  )
  if (within.length === 0) return undefined
  return fill(to.dtype, to.shape, (i) => {
    const start = starts[i] as number
    let own = cell(x.data, start + (within[0] as number))
    for (let k = 1; k < within.length; k++) own = step(own, cell(x.data, start + (within[k] as number)))
    return own
  })
}

export const REDUCE: readonly OpDef[] = [
  ...REDUCTIONS.map((name) => ({
    name,
    infer: inferReduce,
    flops: inputSize,
    ...(STEPS[name] === undefined ? {} : { fold: foldReduce }),
  })),
  { name: 'ArgMax', infer: inferPlace, flops: inputSize },
  { name: 'ArgMin', infer: inferPlace, flops: inputSize },
  { name: 'CumSum', infer: inferCumSum, flops: inputSize },
  { name: 'TopK', infer: inferTopK, flops: inputSize },
]
