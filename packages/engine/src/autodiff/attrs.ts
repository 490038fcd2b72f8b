/** Inputs of nodes that must be constants, and how nodes refuse. */
import { PithError } from '@pith/core'
import type { Node, Value } from '../ir/graph.ts'
import { intAttr } from '../ir/ops/context.ts'
import { axisOf } from '../shape.ts'

/** The elements of an input that is a constant; undefined where it is left out. @throws PithError `PITH_GRADIENT` */
export function constantInput(node: Node, index: number): number[] | undefined {
  const value: Value | undefined = node.inputs[index]
  if (value === undefined) return undefined
  const data = value.data ?? (value.node?.op === 'Constant' ? value.node.attrs['value'] : undefined)
  if (typeof data !== 'object' || !('data' in data)) {
    throw noGradient(node, `its input ${index} is not a constant`, 'Fold the constants of the graph first.')
  }
  return Array.from(data.data as ArrayLike<number | bigint>, Number)
}

/** The axis attribute, counted from the front. */
export function axisAttr(node: Node, otherwise: number, input: Value = node.inputs[0] as Value): number {
  return axisOf(intAttr(node, 'axis', otherwise), input.shape.length, node.op)
}

/** An operator that is not differentiated in the form that it has here. */
export function noGradient(node: Node, why: string, hint?: string): PithError {
  const name = node.outputs[0]?.name
  return new PithError('PITH_GRADIENT', `${node.op} has no gradient here: ${why}`, {
    ...(hint === undefined ? {} : { hint }),
    ...(name === undefined ? {} : { at: { node: name } }),
  })
}
