/** What functions on values take: values of a graph, and numbers and tensors that become constants of it. */
import { PithError } from '@pith/core'
import { type DType, isFloat, makeData } from '../dtype.ts'
import type { Attrs, EmitOptions } from '../ir/graph.ts'
import { type Graph, isWithin, Value } from '../ir/graph.ts'
import { Tensor } from '../tensor.ts'

/** A value of a graph, or what becomes a constant of the graph of another operand. */
export type Operand = Value | Tensor | number

/** An operand as a value; numbers get the type of `like`. */
export function lift(x: Operand, like: Value): Value {
  if (x instanceof Value) {
    if (!isWithin(like.graph, x.graph) && !isWithin(x.graph, like.graph)) {
      throw new PithError('PITH_ARG', 'operands are of two graphs', { hint: 'Use values of one trace only.' })
    }
    return x
  }
  if (!(x instanceof Tensor) && typeof x !== 'number') throw noOperand(x)
  return like.graph.constant(x instanceof Tensor ? x : filled(x, [], like.dtype))
}

/** A name that no input has gives undefined, which would be no number and nothing else. */
function noOperand(x: unknown): PithError {
  return new PithError('PITH_ARG', `an operand is ${x === null ? 'null' : typeof x}, no value, tensor or number`, {
    hint: 'Compare its name with those of the inputs.',
  })
}

/** Two operands as values, at least one of which is. @throws PithError `PITH_ARG` neither is */
export function liftBoth(a: Operand, b: Operand, op: string): [Value, Value] {
  if (a instanceof Value) return [a, lift(b, a)]
  if (b instanceof Value) return [lift(a, b), b]
  throw new PithError('PITH_ARG', `${op} needs a value of a graph`, { hint: 'Compute constants in JavaScript.' })
}

/** A tensor whose elements are all the same. @throws PithError `PITH_DTYPE` a type without numbers of its own */
export function filled(x: number, shape: readonly number[], dtype: DType): Tensor {
  let size = 1
  for (const length of shape) size *= length
  if (dtype === 'string' || dtype === 'f16' || dtype === 'bf16' || dtype === 'i4' || dtype === 'u4') {
    throw new PithError('PITH_DTYPE', `the number ${x} can not become ${dtype}`, { hint: 'Cast an f32 value.' })
  }
  if (!isFloat(dtype) && !Number.isInteger(x)) {
    throw new PithError('PITH_DTYPE', `the number ${x} can not become ${dtype}`, {
      hint: 'Cast the other operand to f32.',
    })
  }
  const data = makeData(dtype, size)
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.fill(BigInt(x))
  else (data as Float32Array).fill(x)
  return new Tensor(data, shape, dtype)
}

/** A constant of the graph of `like`. */
export function constant(like: Value | Graph, data: Tensor): Value {
  return (like instanceof Value ? like.graph : like).constant(data)
}

/** The first output of a node. */
export function emit1(
  op: string,
  inputs: readonly (Value | undefined)[],
  attrs: Attrs = {},
  options: EmitOptions = {},
): Value {
  return graphOf(inputs).emit(op, inputs, attrs, options)[0] as Value
}

/** The graph that a node on `inputs` belongs to: the innermost where the values are of a graph and of those around it. */
export function graphOf(inputs: readonly (Value | undefined)[]): Graph {
  let graph: Graph | undefined
  for (const value of inputs) {
    if (value !== undefined && (graph === undefined || value.graph.depth > graph.depth)) graph = value.graph
  }
  if (graph === undefined) throw noOperand(inputs[0])
  return graph
}
