/** Attributes of nodes, with their defaults, and inputs that must be constants. */
import { PithError } from '@pith/core'
import type { Node, Value } from '../ir/graph.ts'
import { axisOf } from '../shape.ts'

export function numberAttr({ attrs }: Node, name: string, otherwise: number): number {
  const value = attrs[name]
  return typeof value === 'number' ? value : otherwise
}

export function textAttr({ attrs }: Node, name: string, otherwise: string): string {
  const value = attrs[name]
  return typeof value === 'string' ? value : otherwise
}

export function listAttr({ attrs }: Node, name: string): number[] | undefined {
  const value = attrs[name]
  return Array.isArray(value) ? (value as number[]) : undefined
}

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
  return axisOf(numberAttr(node, 'axis', otherwise), input.shape.length, node.op)
}

/** An operator that is not differentiated in the form that it has here. */
export function noGradient(node: Node, why: string, hint?: string): PithError {
  const name = node.outputs[0]?.name
  return new PithError('PITH_GRADIENT', `${node.op} has no gradient here: ${why}`, {
    ...(hint === undefined ? {} : { hint }),
    ...(name === undefined ? {} : { at: { node: name } }),
  })
}
