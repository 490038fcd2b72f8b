/** Small plain loops that compute constants: by places that elements come from, and by functions of elements. */
import { type Data, type DType, makeData } from '../../dtype.ts'
import { broadcastShapes, type Shape, sizeOf, stridesOf } from '../../shape.ts'
import { Tensor } from '../../tensor.ts'

/** An element: bigint in 64-bit types, 0 or 1 for bools. */
export type Element = number | bigint

type Cells = { [index: number]: Element }

/** Elements of a tensor of the type, made one by one. */
export function fill(dtype: DType, shape: Shape, element: (index: number) => Element): Tensor {
  const data = makeData(dtype, sizeOf(shape))
  const cells = data as unknown as Cells
  for (let i = 0; i < data.length; i++) cells[i] = element(i)
  return new Tensor(data, shape, dtype)
}

/** Read an element; a text's number has no meaning, so texts are only ever moved. */
export function cell(data: Data, index: number): Element {
  return (data as unknown as Cells)[index] as Element
}

/** The tensor whose element `i` is element `from(i)` of another. */
export function pick(source: Tensor, shape: Shape, from: (index: number) => number): Tensor {
  return fill(source.dtype, shape, (i) => cell(source.data, from(i)))
}

/**
 * Places in a source for each place of a result, from a step per axis of the result.
 *
 * @param steps distance in the source between neighbours along each axis; 0 repeats
 */
export function places(shape: Shape, steps: readonly number[], start: number = 0): Int32Array {
  const from = new Int32Array(sizeOf(shape))
  const strides = stridesOf(shape)
  for (let i = 0; i < from.length; i++) {
    let place = start
    for (let axis = 0; axis < shape.length; axis++) {
      const length = shape[axis] as number
      place += (Math.floor(i / (strides[axis] as number)) % length) * (steps[axis] as number)
    }
    from[i] = place
  }
  return from
}

/** Places in a tensor of one shape for each place of the shape that it broadcasts to. */
export function broadcastPlaces(from: Shape, to: Shape): Int32Array {
  const own = stridesOf(from)
  const lead = to.length - from.length
  return places(
    to,
    to.map((_, axis) => (axis < lead || from[axis - lead] === 1 ? 0 : (own[axis - lead] as number))),
  )
}

/** A function of two elements, over tensors that broadcast; undefined where it has no value. */
export function foldBinary(
  op: string,
  a: Tensor,
  b: Tensor,
  dtype: DType,
  f: (x: Element, y: Element) => Element | undefined,
): Tensor | undefined {
  const shape = broadcastShapes(a.shape, b.shape, op)
  const left = broadcastPlaces(a.shape, shape)
  const right = broadcastPlaces(b.shape, shape)
  let isWhole = true
  const result = fill(dtype, shape, (i) => {
    const value = f(cell(a.data, left[i] as number), cell(b.data, right[i] as number))
    if (value === undefined) isWhole = false
    return value ?? cell(a.data, left[i] as number)
  })
  return isWhole ? result : undefined
}

/** A function of each element. */
export function foldUnary(a: Tensor, dtype: DType, f: (x: Element) => Element): Tensor {
  return fill(dtype, a.shape, (i) => f(cell(a.data, i)))
}
