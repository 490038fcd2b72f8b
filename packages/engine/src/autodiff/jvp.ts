/** Derivatives along a direction, and products with the matrix of second derivatives. */
import { PithError } from '@pith/core'
import type { Value } from '../ir/graph.ts'
import { sameShape } from '../shape.ts'
import { specText } from '../tensor.ts'
import { Build } from './build.ts'
import { graphOf } from './custom.ts'
import { grad } from './grad.ts'
import { vjp } from './vjp.ts'

/**
 * How outputs change when other values move along tangents: the derivative, times these. It is the gradient of a gradient,
 * which is linear in its cotangents, so every operator with a gradient rule that has one itself will do.
 *
 * @param wrt      float values, inputs of the graph or made by nodes
 * @param tangents of their types and shapes
 * @returns a value of the type and shape of each output
 * @throws PithError `PITH_SHAPE` tangents that do not fit · `PITH_GRADIENT` an operator on the way has no rule
 */
export function jvp(outputs: readonly Value[], wrt: readonly Value[], tangents: readonly Value[]): Value[] {
  checkTangents(wrt, tangents)
  const graph = graphOf([...outputs, ...wrt, ...tangents])
  const b = new Build(graph)
  // They stand for any cotangents: what comes out does not depend on them.
  const cotangents = outputs.map(
    ({ dtype, shape }) => graph.emit('Identity', [b.fill(0, shape, dtype)], {}, { unique: true })[0],
  )
  return vjp(vjp(outputs, cotangents, wrt), tangents, cotangents)
}

/**
 * The second derivatives of a loss times vectors: how its gradients change when the values move along these.
 *
 * @param vectors of the types and shapes of `wrt`
 * @returns a value of the type and shape of each of `wrt`
 * @throws PithError `PITH_SHAPE` a loss of more than one element, vectors that do not fit · `PITH_GRADIENT` no rule
 */
export function hvp(loss: Value, wrt: readonly Value[], vectors: readonly Value[]): Value[] {
  checkTangents(wrt, vectors)
  return vjp(grad(loss, wrt), vectors, wrt)
}

function checkTangents(wrt: readonly Value[], tangents: readonly Value[]): void {
  if (wrt.length !== tangents.length) {
    throw new PithError('PITH_SHAPE', `${tangents.length} tangents for ${wrt.length} values`)
  }
  for (const [i, value] of wrt.entries()) {
    if (value.dtype === tangents[i].dtype && sameShape(value.shape, tangents[i].shape)) continue
    throw new PithError('PITH_SHAPE', `the tangent of ${specText(value)} is ${specText(tangents[i])}`)
  }
}
