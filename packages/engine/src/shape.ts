/** Shapes of tensors: lengths of axes, outermost first. A length of -1 is not known before a run. */
import { PithError } from '@pith/core'

/** Lengths of the axes of a tensor. */
export type Shape = readonly number[]

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let size = 1
  for (const length of shape) size *= length
  return size
}

/** Distance in elements between neighbours along each axis, row-major. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= shape[axis] as number
  }
  return strides
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis])
}

/** `[2, 3]` as text, for messages. */
export function shapeText(shape: Shape): string {
  return `[${shape.join(', ')}]`
}

/** An axis counted from the front; -1 is the last. @throws PithError `PITH_SHAPE` no such axis */
export function axisOf(axis: number, rank: number, op: string): number {
  const own = axis < 0 ? axis + rank : axis
  if (Number.isInteger(own) && own >= 0 && own < rank) return own
  throw new PithError('PITH_SHAPE', `${op}: there is no axis ${axis} in a tensor of rank ${rank}`)
}

/** The shape that two shapes broadcast to (ONNX, multidirectional). @throws PithError `PITH_SHAPE` they do not */
export function broadcastShapes(a: Shape, b: Shape, op: string): number[] {
  const rank = Math.max(a.length, b.length)
  const shape = new Array<number>(rank)
  for (let i = 1; i <= rank; i++) {
    const own = a[a.length - i] ?? 1
    const other = b[b.length - i] ?? 1
    if (own !== other && own !== 1 && other !== 1 && own !== -1 && other !== -1) {
      throw new PithError('PITH_SHAPE', `${op}: ${shapeText(a)} and ${shapeText(b)} do not broadcast`)
    }
    shape[rank - i] = own === 1 ? other : other === 1 ? own : own === -1 ? other : own
  }
  return shape
}
