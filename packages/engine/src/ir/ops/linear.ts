/** Products of matrices. */
import { broadcastShapes, type Shape, sizeOf } from '../../shape.ts'
import type { Node, Value } from '../graph.ts'
import type { OpDef } from '../registry.ts'
import {
  type Applied,
  agree,
  alike,
  FLOATS,
  type Infer,
  input,
  intAttr,
  NUMBERS,
  needRank,
  optional,
  refuse,
  textAttr,
} from './context.ts'
import { einsumShape, parseEquation } from './einsum.ts'

/** Shape of a product, with vectors as numpy takes them. @throws PithError `PITH_SHAPE` */
export function matMulShape(c: Applied, a: Shape, b: Shape): number[] {
  if (a.length === 0 || b.length === 0) refuse(c, 'a scalar is no matrix')
  const left = a.length === 1 ? [1, ...a] : a
  const right = b.length === 1 ? [...b, 1] : b
  agree(c, left.at(-1) as number, right.at(-2) as number, 'the length that is summed over')
  const shape = broadcastShapes(left.slice(0, -2), right.slice(0, -2), c.op)
  if (a.length > 1) shape.push(left.at(-2) as number)
  if (b.length > 1) shape.push(right.at(-1) as number)
  return shape
}

const inferMatMul: Infer = (c) => {
  const [a, b] = alike(c, NUMBERS)
  if (a === undefined || b === undefined) refuse(c, 'takes two inputs')
  return [{ dtype: a.dtype, shape: matMulShape(c, a.shape, b.shape) }]
}

/** The shape with its last two axes exchanged where `isTransposed`. */
function turned(shape: Shape, isTransposed: boolean): Shape {
  if (!isTransposed || shape.length < 2) return shape
  return [...shape.slice(0, -2), shape.at(-1) as number, shape.at(-2) as number]
}

const inferFusedMatMul: Infer = (c) => {
  const [a, b] = alike(c, FLOATS)
  if (a === undefined || b === undefined) refuse(c, 'takes two inputs')
  if (intAttr(c, 'transBatchA', 0) !== 0 || intAttr(c, 'transBatchB', 0) !== 0)
    refuse(c, 'transBatch is not known here')
  const [left, right] = [turned(a.shape, intAttr(c, 'transA', 0) !== 0), turned(b.shape, intAttr(c, 'transB', 0) !== 0)]
  return [{ dtype: a.dtype, shape: matMulShape(c, left, right) }]
}

const inferGemm: Infer = (c) => {
  const a = input(c, 0, NUMBERS)
  const b = input(c, 1, [a.dtype])
  const bias = optional(c, 2, [a.dtype])
  needRank(c, a, 2, 2)
  needRank(c, b, 2, 2)
  const [m, k] = turned(a.shape, intAttr(c, 'transA', 0) !== 0) as [number, number]
  const [depth, n] = turned(b.shape, intAttr(c, 'transB', 0) !== 0) as [number, number]
  agree(c, k, depth, 'the length that is summed over')
  if (bias !== undefined) {
    const own = broadcastShapes(bias.shape, [m, n], c.op)
    if (own.length !== 2 || (m >= 0 && own[0] !== m) || (n >= 0 && own[1] !== n))
      refuse(c, 'the bias does not broadcast')
  }
  return [{ dtype: a.dtype, shape: [m, n] }]
}

const inferEinsum: Infer = (c) => {
  const values = alike(c, NUMBERS)
  const equation = parseEquation(
    textAttr(c, 'equation', ''),
    values.map((value) => value.shape.length),
  )
  return [
    {
      dtype: (values[0] as Value).dtype,
      shape: einsumShape(
        equation,
        values.map((value) => value.shape),
      ),
    },
  ]
}

const inferDet: Infer = (c) => {
  const x = input(c, 0, FLOATS)
  needRank(c, x, 2)
  agree(c, x.shape.at(-1) as number, x.shape.at(-2) as number, 'the side of the matrix')
  return [{ dtype: x.dtype, shape: x.shape.slice(0, -2) }]
}

/** Two operations for each product: elements of the result times the length that is summed over. */
function matMulFlops(node: Node): number {
  const a = node.inputs[0] as Value
  const isTurned = a.shape.length > 1 && node.attrs['transA'] === 1
  return 2 * (node.outputs[0] as Value).size * (a.shape.at(isTurned ? -2 : -1) ?? 1)
}

/** One multiplication per operand but the first and one addition for each combination of all letters. */
function einsumFlops(node: Node): number {
  const shapes = node.inputs.map((value) => (value as Value).shape)
  const { operands } = parseEquation(
    String(node.attrs['equation']),
    shapes.map((shape) => shape.length),
  )
  const lengths = new Map<string, number>()
  for (const [i, letters] of operands.entries()) {
    for (const [axis, letter] of letters.entries()) {
      lengths.set(letter, Math.max(lengths.get(letter) ?? 1, shapes[i]?.[axis] ?? 1))
    }
  }
  return Math.max(1, shapes.length) * sizeOf([...lengths.values()])
}

export const LINEAR: readonly OpDef[] = [
  { name: 'Det', infer: inferDet },
  { name: 'Einsum', infer: inferEinsum, flops: einsumFlops },
  { name: 'FusedMatMul', domain: 'com.microsoft', infer: inferFusedMatMul, flops: matMulFlops },
  { name: 'Gemm', infer: inferGemm, flops: matMulFlops },
  { name: 'MatMul', infer: inferMatMul, flops: matMulFlops },
]
