/** Gradients of a loss. */
import { PithError } from '@pith/core'
import { isFloat } from '../dtype.ts'
import type { Value } from '../ir/graph.ts'
import { specText } from '../tensor.ts'
import { Build } from './build.ts'
import { type SplitGradient, splitVjp, vjp } from './vjp.ts'

/**
 * Gradients of a loss with respect to other values of its graph; emits into the graph.
 *
 * @param loss float with one element
 * @param wrt float values, inputs of the graph or made by nodes
 * @returns a value of the type and shape of each of `wrt`; zeros where the loss does not depend on it
 * @throws PithError `PITH_GRADIENT` an operator on the way has no rule; names it, its node and the path through it ·
 * `PITH_SHAPE` a loss of more than one element
 */
export function grad(loss: Value, wrt: readonly Value[]): Value[] {
  return vjp([loss], [one(loss)], wrt)
}

/**
 * As `grad`, but tables whose rows are taken by `Gather` along the first axis (embeddings) have the cotangents of these
 * rows, which are to be added up in their order. Never slower, and far smaller where few rows are used.
 */
export function splitGrad(loss: Value, wrt: readonly Value[]): SplitGradient[] {
  return splitVjp([loss], [one(loss)], wrt)
}

/**
 * A function to trace that gives a loss as `value`, and its gradients as `grad.` with the names of the inputs.
 *
 * @param f gives a float of one element
 * @param wrt names of inputs; default: all that are floats
 * @throws PithError `PITH_ARG` no input has the name · what `grad` throws
 * @example
 * const step = jit(valueAndGrad(({ x, w }) => mean(square(matmul(x, w))), ['w']))
 */
export function valueAndGrad(
  f: (inputs: Readonly<Record<string, Value>>) => Value,
  wrt?: readonly string[],
): (inputs: Readonly<Record<string, Value>>) => Record<string, Value> {
  return (inputs) => {
    const value = f(inputs)
    const names = wrt ?? Object.keys(inputs).filter((name) => isFloat((inputs[name] as Value).dtype))
    const values = names.map((name) => {
      const input = inputs[name]
      if (input === undefined) throw new PithError('PITH_ARG', `there is no input ${JSON.stringify(name)}`)
      return input
    })
    const gradients = grad(value, values)
    return { value, ...Object.fromEntries(names.map((name, i) => [`grad.${name}`, gradients[i] as Value])) }
  }
}

function one(loss: Value): Value {
  if (loss.size !== 1) {
    throw new PithError('PITH_SHAPE', `a loss has one element, this one is ${specText(loss)}`, {
      hint: 'Reduce it to its sum or mean, or use vjp.',
    })
  }
  return new Build(loss.graph).fill(1, loss.shape, loss.dtype)
}
