/** Functions that change where elements stand. Shapes are static: all sizes and places are numbers. */
import { PithError } from '@pith/core'
import type { Value } from '../ir/graph.ts'
import { axisOf, sameShape, shapeText, sizeOf } from '../shape.ts'
import { Tensor } from '../tensor.ts'
import { emit1, filled, graphOf, lift, type Operand } from './operand.ts'

/** The same elements in another shape; one length may be -1, which is what is left. @throws PithError `PITH_SHAPE` */
export function reshape(x: Value, shape: readonly number[]): Value {
  const unknown = shape.indexOf(-1)
  const own = [...shape]
  if (unknown >= 0 && !x.shape.includes(-1)) {
    own[unknown] = 1
    own[unknown] = x.size / sizeOf(own)
  }
  if (sameShape(own, x.shape)) return x
  if (own.some((length) => !Number.isInteger(length)) || (!x.shape.includes(-1) && sizeOf(own) !== x.size)) {
    throw new PithError('PITH_SHAPE', `${shapeText(x.shape)} can not be reshaped to ${shapeText(shape)}`)
  }
  return emit1('Reshape', [x, x.graph.ints(own)])
}

/** Axes in another order, by default the reverse. */
export function transpose(x: Value, order?: readonly number[]): Value {
  const rank = x.shape.length
  const perm = order?.map((axis) => axisOf(axis, rank, 'transpose')) ?? x.shape.map((_, axis) => rank - 1 - axis)
  if (perm.length !== rank || new Set(perm).size !== rank) {
    throw new PithError('PITH_SHAPE', `transpose: ${shapeText(perm)} does not order ${rank} axes`)
  }
  return perm.every((from, to) => from === to) ? x : emit1('Transpose', [x], { perm })
}

/** Two axes exchanged. */
export function swapAxes(x: Value, a: number, b: number): Value {
  const rank = x.shape.length
  const perm = x.shape.map((_, axis) => axis)
  const [first, second] = [axisOf(a, rank, 'swapAxes'), axisOf(b, rank, 'swapAxes')]
  perm[first] = second
  perm[second] = first
  return transpose(x, perm)
}

/** Without axes of length 1, by default all of them. */
export function squeeze(x: Value, axes?: number | readonly number[]): Value {
  const rank = x.shape.length
  const own =
    axes === undefined
      ? x.shape.flatMap((length, axis) => (length === 1 ? [axis] : []))
      : listOf(axes).map((axis) => axisOf(axis, rank, 'squeeze'))
  for (const axis of own) {
    if (x.shape[axis] !== 1)
      throw new PithError('PITH_SHAPE', `squeeze: axis ${axis} of ${shapeText(x.shape)} is not 1`)
  }
  return own.length === 0 ? x : emit1('Squeeze', [x, x.graph.ints(own)])
}

/** With axes of length 1 at the given places of the result. */
export function unsqueeze(x: Value, axes: number | readonly number[]): Value {
  const own = listOf(axes)
  const rank = x.shape.length + own.length
  return own.length === 0
    ? x
    : emit1('Unsqueeze', [x, x.graph.ints(own.map((axis) => axisOf(axis, rank, 'unsqueeze')))])
}

/** Elements repeated along new axes and those of length 1. */
export function expand(x: Value, shape: readonly number[]): Value {
  return sameShape(x.shape, shape) ? x : emit1('Expand', [x, x.graph.ints(shape)])
}

/** The whole repeated, so many times along each axis. */
export function tile(x: Value, repeats: readonly number[]): Value {
  return repeats.every((times) => times === 1) ? x : emit1('Tile', [x, x.graph.ints(repeats)])
}

/** One after another along an axis. @throws PithError `PITH_ARG` none */
export function concat(xs: readonly Value[], axis: number): Value {
  const [first] = xs
  if (first === undefined) throw new PithError('PITH_ARG', 'concat needs one value at least')
  if (xs.length === 1) return first
  return graphOf(xs).emit('Concat', xs, { axis: axisOf(axis, first.shape.length, 'concat') })[0] as Value
}

/** One beside another along a new axis. */
export function stack(xs: readonly Value[], axis: number = 0): Value {
  return concat(
    xs.map((x) => unsqueeze(x, axis)),
    axis,
  )
}

/** Parts along an axis: their number, which must divide the length, or their lengths. @throws PithError `PITH_SHAPE` */
export function split(x: Value, parts: number | readonly number[], axis: number): Value[] {
  const own = axisOf(axis, x.shape.length, 'split')
  const length = x.shape[own] as number
  const sizes = typeof parts === 'number' ? new Array<number>(parts).fill(length / parts) : parts
  if (sizes.some((size) => !Number.isInteger(size)) || sizes.reduce((sum, size) => sum + size, 0) !== length) {
    throw new PithError('PITH_SHAPE', `split: a length of ${length} does not split into ${shapeText(sizes)}`)
  }
  if (sizes.length === 1) return [x]
  return [...x.graph.emit('Split', [x, x.graph.ints(sizes)], { axis: own }, { outputs: sizes.length })]
}

/** Elements from a start to an end (exclusive) in steps; negative places count from the end. */
export interface SliceRange {
  readonly axis: number
  /** Default: the first, or the last where the step is negative. */
  readonly start?: number
  /** Default: all. */
  readonly end?: number
  /** Default 1; negative goes backwards. */
  readonly step?: number
}

/** The part of a value within ranges of its axes. */
export function slice(x: Value, ranges: SliceRange | readonly SliceRange[]): Value {
  const own = Array.isArray(ranges) ? (ranges as readonly SliceRange[]) : [ranges as SliceRange]
  const { graph, shape } = x
  const axes = own.map(({ axis }) => axisOf(axis, shape.length, 'slice'))
  const steps = own.map(({ step = 1 }) => step)
  const starts = own.map(
    ({ start }, i) => start ?? ((steps[i] as number) < 0 ? (shape[axes[i] as number] as number) - 1 : 0),
  )
  // The end before the first element can not be said as -1, which is the last.
  const ends = own.map(
    ({ end }, i) =>
      end ??
      ((steps[i] as number) < 0 ? -(shape[axes[i] as number] as number) - 1 : (shape[axes[i] as number] as number)),
  )
  const isAll = own.every((_, i) => starts[i] === 0 && steps[i] === 1 && ends[i] === shape[axes[i] as number])
  if (isAll) return x
  return emit1('Slice', [x, graph.ints(starts), graph.ints(ends), graph.ints(axes), graph.ints(steps)])
}

/** One place of an axis, without the axis; -1 is the last. */
export function at(x: Value, axis: number, place: number): Value {
  const own = axisOf(axis, x.shape.length, 'at')
  const start = axisOf(place, x.shape[own] as number, 'at')
  return squeeze(slice(x, { axis: own, start, end: start + 1 }), own)
}

/** Elements in reverse along an axis. */
export function flip(x: Value, axis: number): Value {
  return slice(x, { axis, step: -1 })
}

/** What stands in the margin: a value, the reflected inside, or the border. */
export interface PadOptions {
  /** Default `constant`. */
  mode?: 'constant' | 'reflect' | 'edge'
  /** Default 0. */
  value?: number
}

/**
 * A margin around a value.
 *
 * @param margins elements before and after, for each axis; negative ones cut
 */
export function pad(
  x: Value,
  margins: readonly (readonly [before: number, after: number])[],
  { mode = 'constant', value = 0 }: PadOptions = {},
): Value {
  if (margins.length !== x.shape.length) {
    throw new PithError('PITH_SHAPE', `pad: ${margins.length} margins for ${x.shape.length} axes`)
  }
  if (margins.every(([before, after]) => before === 0 && after === 0)) return x
  const pads = x.graph.ints([...margins.map(([before]) => before), ...margins.map(([, after]) => after)])
  return emit1('Pad', mode === 'constant' ? [x, pads, lift(value, x)] : [x, pads], { mode })
}

/** The lower triangle of the last two axes, with the diagonal `k`; the rest is 0. */
export function tril(x: Value, k: number = 0): Value {
  return emit1('Trilu', [x, x.graph.scalar(k, 'i64')], { upper: 0 })
}

/** The upper triangle of the last two axes, from the diagonal `k` on; the rest is 0. */
export function triu(x: Value, k: number = 0): Value {
  return emit1('Trilu', [x, x.graph.scalar(k, 'i64')], { upper: 1 })
}

/** As many elements as `x` has, all the same, as a constant. */
export function fullLike(x: Value, value: number): Value {
  return x.graph.constant(filled(value, x.shape, x.dtype))
}

/** 0, 1, 2 ... below `n` as 64-bit integers. */
export function arange(like: Value, n: number): Value {
  return like.graph.constant(
    new Tensor(
      BigInt64Array.from({ length: n }, (_, i) => BigInt(i)),
      [n],
      'i64',
    ),
  )
}

/** An operand with the shape of another. */
export function broadcastLike(x: Operand, like: Value): Value {
  return expand(lift(x, like), like.shape)
}

/** One axis or several as a list. */
function listOf(axes: number | readonly number[]): readonly number[] {
  return typeof axes === 'number' ? [axes] : axes
}
