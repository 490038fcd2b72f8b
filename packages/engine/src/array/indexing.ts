/** Functions that read and write at places that are computed. Places are i32 or i64. */
import { PithError } from '@pith/core'
import type { DType } from '../dtype.ts'
import type { Value } from '../ir/graph.ts'
import { axisOf, sameShape, shapeText, sizeOf } from '../shape.ts'
import { cast, equal } from './elementwise.ts'
import { matmul } from './linear.ts'
import { arange, expand, reshape, unsqueeze } from './movement.ts'
import { constant, emit1, filled } from './operand.ts'

/** Most rows for which sums by place are a product with a 0/1 matrix. */
const FEW_ROWS = 64

/** Parts of `x` at places of an axis, which the axes of `places` stand for in the result. */
export function gather(x: Value, places: Value, axis: number = 0): Value {
  return emit1('Gather', [x, places], { axis: axisOf(axis, x.shape.length, 'gather') })
}

/** Rows of a table: [rows, ...] at places [...p] gives [...p, ...]. */
export function gatherRows(table: Value, places: Value): Value {
  return gather(table, places, 0)
}

/** For each element of `places` the element of `x` at that place of the axis; both have the same rank. */
export function gatherElements(x: Value, places: Value, axis: number): Value {
  return emit1('GatherElements', [x, places], { axis: axisOf(axis, x.shape.length, 'gatherElements') })
}

/** `x` with `updates` written, or added, at the places of the axis. */
export function scatterElements(
  x: Value,
  places: Value,
  updates: Value,
  { axis, add = false }: { axis: number; add?: boolean },
): Value {
  const attrs = { axis: axisOf(axis, x.shape.length, 'scatterElements'), reduction: add ? 'add' : 'none' }
  return emit1('ScatterElements', [x, places, updates], attrs)
}

/** Which operator may be used. */
export interface ScatterRowsOptions {
  /**
   * The program runs on one thread: the fast operator may be used, which gives wrong sums on more where places come twice.
   * Default false.
   */
  oneThread?: boolean
}

/**
 * Sums of rows by their place: the adjoint of {@link gatherRows}.
 *
 * @param rows number of rows of the result
 * @param places [...p], each 0 .. rows - 1
 * @param updates [...p, ...row]
 * @returns [rows, ...row]
 */
export function scatterAddRows(
  rows: number,
  places: Value,
  updates: Value,
  { oneThread = false }: ScatterRowsOptions = {},
): Value {
  const count = places.shape.length
  if (!sameShape(updates.shape.slice(0, count), places.shape)) {
    throw new PithError(
      'PITH_SHAPE',
      `scatterAddRows: places ${shapeText(places.shape)}, rows ${shapeText(updates.shape)}`,
    )
  }
  const row = updates.shape.slice(count)
  const n = sizeOf(places.shape)
  const flat = reshape(updates, [n, sizeOf(row)])
  const own = cast(reshape(places, [n]), 'i64')
  if (rows <= FEW_ROWS && (flat.dtype === 'f32' || flat.dtype === 'f64')) {
    return reshape(matmul(oneHot(own, rows, flat.dtype), flat, { transA: true }), [rows, ...row])
  }
  const zeros = constant(flat, filled(0, [rows, sizeOf(row)], flat.dtype))
  const column = unsqueeze(own, 1)
  const sums = oneThread
    ? emit1('ScatterND', [zeros, column, flat], { reduction: 'add' })
    : scatterElements(zeros, expand(column, flat.shape), flat, { axis: 0, add: true })
  return reshape(sums, [rows, ...row])
}

/** 1 at each place of a new last axis of length `depth`, else 0. */
export function oneHot(places: Value, depth: number, dtype: DType = 'f32'): Value {
  const own = cast(places, 'i64')
  return cast(equal(unsqueeze(own, -1), arange(own, depth)), dtype)
}
