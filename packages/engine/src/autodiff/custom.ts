/** Gradients that the user gives. */
import { PithError } from '@pith/core'
import type { Graph, Value } from '../ir/graph.ts'
import { sameShape } from '../shape.ts'
import { specText } from '../tensor.ts'
import { Build } from './build.ts'
import { markRegion } from './region.ts'

/**
 * A function whose gradient is another function.
 *
 * @param forward gives the results, and residuals that the gradient needs
 * @param backward cotangents of the inputs from the residuals and the cotangents of the outputs (zeros where the loss does
 * not depend on one); undefined is zero
 * @example
 * const clipGradient = customVjp((x) => ({ outputs: [x], residuals: [] }), (_, [g]) => [clip(g, -1, 1)])
 */
export function customVjp(
  forward: (...inputs: Value[]) => { outputs: readonly Value[]; residuals: readonly Value[] },
  backward: (residuals: readonly Value[], cotangents: readonly Value[]) => readonly (Value | undefined)[],
): (...inputs: Value[]) => Value[] {
  return (...inputs) => {
    const { outputs, residuals } = forward(...inputs)
    return markRegion(graphOf(inputs), outputs, {
      inputs,
      residuals,
      gradient: ({ graph, region, cotangents }) =>
        backward(
          region.residuals,
          region.outputs.map((output, i) => cotangents[i] ?? zerosLike(graph, output)),
        ),
    })
  }
}

/** The same value, which passes no gradient. */
export function stopGradient(x: Value): Value {
  return markRegion(x.graph, [x], { inputs: [], residuals: [], gradient: () => [] })[0]
}

/**
 * The value of `hard` with the gradient of `soft`: for rounding and other steps that have none of their own.
 *
 * @throws PithError `PITH_SHAPE` they differ in type or shape
 */
export function straightThrough(hard: Value, soft: Value): Value {
  if (hard.dtype !== soft.dtype || !sameShape(hard.shape, soft.shape)) {
    throw new PithError('PITH_SHAPE', `straightThrough of ${specText(hard)} and ${specText(soft)}`)
  }
  return markRegion(hard.graph, [hard], {
    inputs: [soft],
    residuals: [],
    gradient: ({ cotangents }) => cotangents,
  })[0]
}

/** The graph that all of some values are of. @throws PithError `PITH_ARG` none, or more than one */
export function graphOf(values: readonly Value[]): Graph {
  const graph = values[0]?.graph
  if (graph === undefined || values.some((value) => value.graph !== graph)) {
    throw new PithError('PITH_ARG', 'expected values of one graph', {
      hint: 'Within vmap, scan and cond, gradients are taken of their inputs; vmap takes shared ones with in: null.',
    })
  }
  return graph
}

/** Zeros of the type and shape of a value. */
function zerosLike(graph: Graph, { dtype, shape }: Value): Value {
  return new Build(graph).fill(0, shape, dtype)
}
