/** Functions of one example as functions of a batch. */
import { PithError } from '@pith/core'
import { Build } from '../autodiff/build.ts'
import type { Lane } from '../batch/table.ts'
import { moveAxis, repeat } from '../batch/table.ts'
import { batched } from '../batch/walk.ts'
import { Graph, isWithin, type Value } from '../ir/graph.ts'
import { axisOf } from '../shape.ts'
import { graphOf } from './operand.ts'

/** Where the batch is. */
export interface VmapOptions {
  /** The axis of each input that counts the examples, or one for all inputs; null for an input that all share. Default 0. */
  in?: number | null | readonly (number | null)[]
  /** The axis of each result, or one for all. Default 0. */
  out?: number | readonly number[]
}

/**
 * A function of one example as a function of a batch: the program is rewritten, so nothing loops. Values from around the
 * function are the same for all examples; those that it takes gradients of must be inputs.
 *
 * @param f sees values without their batch axis; gives one value or several
 * @throws PithError, when the new function is called: `PITH_UNSUPPORTED` an operator has no batch rule; names it ·
 * `PITH_SHAPE` inputs of different numbers of examples, no such axis · `PITH_ARG` no input has a batch, or not one axis for
 * each input
 * @example
 * const perExample = vmap((w, x) => grad(loss(w, x), [w])[0], { in: [null, 0] })
 */
export function vmap<R extends Value | readonly Value[]>(
  f: (...inputs: Value[]) => R,
  { in: from = 0, out = 0 }: VmapOptions = {},
): (...inputs: Value[]) => R {
  return (...inputs) => {
    const graph = graphAround(inputs)
    const b = new Build(graph)
    const axes = inputs.map((value, i) => axisOfInput(value, from, i, inputs.length))
    const size = sizeOfBatch(inputs, axes)
    const inner = new Graph(graph)
    const given = new Map<Value, Lane>()
    const own = inputs.map((value, i) => {
      const axis = axes[i]
      const shape = axis === undefined ? value.shape : value.shape.toSpliced(axis, 1)
      const input = inner.input(`x${i}`, value.dtype, shape)
      const isBatched = axis !== undefined
      given.set(input, { value: isBatched ? moveAxis(b, value, axis, 0) : value, isBatched })
      return input
    })
    const result = within(inner, () => f(...own))
    const outputs = Array.isArray(result) ? (result as readonly Value[]) : [result as Value]
    const places = typeof out === 'number' ? outputs.map(() => out) : out
    if (places.length !== outputs.length) {
      throw new PithError('PITH_ARG', `vmap: ${places.length} axes for ${outputs.length} results`)
    }
    const made = batched({ graph: inner, outputs }, graph, given, size).map(({ value, isBatched }, i) => {
      const full = isBatched ? value : repeat(b, value, size)
      return moveAxis(b, full, 0, axisOf(places[i], full.shape.length, 'vmap'))
    })
    return (Array.isArray(result) ? made : made[0]) as R
  }
}

/** Graphs of the functions that are being traced. */
const TRACED: Graph[] = []

function within<R>(graph: Graph, f: () => R): R {
  TRACED.push(graph)
  try {
    return f()
  } finally {
    TRACED.pop()
  }
}

/** The graph that a batch is made in: within another function, that of this function, whose values may be used as well. */
function graphAround(inputs: readonly Value[]): Graph {
  const own = graphOf(inputs)
  const traced = TRACED.at(-1)
  return traced !== undefined && isWithin(traced, own) ? traced : own
}

/** The axis of an input, counted from the front; undefined where it has none. */
function axisOfInput(value: Value, from: VmapOptions['in'], place: number, count: number): number | undefined {
  if (Array.isArray(from) && from.length !== count) {
    throw new PithError('PITH_ARG', `vmap: ${from.length} axes for ${count} inputs`)
  }
  const axis = Array.isArray(from) ? (from as readonly (number | null)[])[place] : (from as number | null)
  return axis === null ? undefined : axisOf(axis, value.shape.length, 'vmap')
}

function sizeOfBatch(inputs: readonly Value[], axes: readonly (number | undefined)[]): number {
  const sizes = inputs.flatMap((value, i) => (axes[i] === undefined ? [] : [value.shape[axes[i]]]))
  const [size] = sizes
  if (size === undefined) throw new PithError('PITH_ARG', 'vmap: no input has a batch')
  if (size >= 1 && sizes.every((own) => own === size)) return size
  throw new PithError('PITH_SHAPE', `vmap: inputs of ${sizes.join(' and ')} examples`)
}
