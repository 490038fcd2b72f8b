/** Functions that sum up axes, or run along one. */
import type { Value } from '../ir/graph.ts'
import { axisOf } from '../shape.ts'
import { div, mul, sqrt, sub } from './elementwise.ts'
import { emit1 } from './operand.ts'

/** One axis, several, or (undefined) all. */
export type Axes = number | readonly number[] | undefined

/** How axes are reduced. */
export interface ReduceOptions {
  /** Keep reduced axes with length 1. Default false. */
  keepDims?: boolean
}

function reduce(op: string, x: Value, axes: Axes, { keepDims = false }: ReduceOptions): Value {
  const rank = x.shape.length
  const wanted = axes === undefined ? x.shape.map((_, axis) => axis) : typeof axes === 'number' ? [axes] : axes
  const own = wanted.map((axis) => axisOf(axis, rank, op)).sort((a, b) => a - b)
  if (own.length === 0) return x
  return emit1(op, [x, x.graph.ints(own)], { keepdims: keepDims ? 1 : 0 })
}

/** Sums over axes; all of them where none are named. */
export function sum(x: Value, axes?: Axes, options: ReduceOptions = {}): Value {
  return reduce('ReduceSum', x, axes, options)
}

/** Means over axes. */
export function mean(x: Value, axes?: Axes, options: ReduceOptions = {}): Value {
  return reduce('ReduceMean', x, axes, options)
}

/** Greatest elements over axes. */
export function max(x: Value, axes?: Axes, options: ReduceOptions = {}): Value {
  return reduce('ReduceMax', x, axes, options)
}

/** Least elements over axes. */
export function min(x: Value, axes?: Axes, options: ReduceOptions = {}): Value {
  return reduce('ReduceMin', x, axes, options)
}

/** Products over axes. */
export function prod(x: Value, axes?: Axes, options: ReduceOptions = {}): Value {
  return reduce('ReduceProd', x, axes, options)
}

/** Mean of the squared distances to the mean (not n - 1). */
export function variance(x: Value, axes?: Axes, options: ReduceOptions = {}): Value {
  const centred = sub(x, mean(x, axes, { keepDims: true }))
  return mean(mul(centred, centred), axes, options)
}

/** Euclidean length. */
export function norm(x: Value, axes?: Axes, options: ReduceOptions = {}): Value {
  return sqrt(sum(mul(x, x), axes, options))
}

/** log of the sum of exp, without overflow. */
export function logSumExp(x: Value, axes?: Axes, options: ReduceOptions = {}): Value {
  return reduce('ReduceLogSumExp', x, axes, options)
}

/** exp(x) over its sum along an axis. */
export function softmax(x: Value, axis: number = -1): Value {
  return emit1('Softmax', [x], { axis: axisOf(axis, x.shape.length, 'softmax') })
}

/** Logarithm of {@link softmax}, without overflow. */
export function logSoftmax(x: Value, axis: number = -1): Value {
  return emit1('LogSoftmax', [x], { axis: axisOf(axis, x.shape.length, 'logSoftmax') })
}

/** Places of the greatest elements as i64; the first where several are. */
export function argMax(x: Value, axis: number = -1, { keepDims = false }: ReduceOptions = {}): Value {
  return emit1('ArgMax', [x], { axis: axisOf(axis, x.shape.length, 'argMax'), keepdims: keepDims ? 1 : 0 })
}

/** Places of the least elements as i64; the first where several are. */
export function argMin(x: Value, axis: number = -1, { keepDims = false }: ReduceOptions = {}): Value {
  return emit1('ArgMin', [x], { axis: axisOf(axis, x.shape.length, 'argMin'), keepdims: keepDims ? 1 : 0 })
}

/** Which elements a running sum has. */
export interface CumSumOptions {
  /** Leave out the element itself. Default false. */
  exclusive?: boolean
  /** From the end. Default false. */
  reverse?: boolean
}

/** Running sums along an axis. */
export function cumsum(x: Value, axis: number, { exclusive = false, reverse = false }: CumSumOptions = {}): Value {
  const place = x.graph.scalar(axisOf(axis, x.shape.length, 'cumsum'), 'i64')
  return emit1('CumSum', [x, place], { exclusive: exclusive ? 1 : 0, reverse: reverse ? 1 : 0 })
}

/** Which elements are taken. */
export interface TopKOptions {
  /** Default -1. */
  axis?: number
  /** The greatest (default), or the least. */
  largest?: boolean
}

/** The `k` greatest elements along an axis in descending order, and their places (i64); equal ones by ascending place. */
export function topk(
  x: Value,
  k: number,
  { axis = -1, largest = true }: TopKOptions = {},
): { values: Value; indices: Value } {
  const attrs = { axis: axisOf(axis, x.shape.length, 'topk'), largest: largest ? 1 : 0, sorted: 1 }
  const [values, indices] = x.graph.emit('TopK', [x, x.graph.ints([k])], attrs)
  return { values: values as Value, indices: indices as Value }
}

/** Elements over their Euclidean length along axes, which is at least `epsilon`. */
export function normalize(x: Value, axes: Axes = -1, epsilon: number = 1e-12): Value {
  return div(x, emit1('Max', [norm(x, axes, { keepDims: true }), x.graph.scalar(epsilon, x.dtype as 'f32')]))
}
