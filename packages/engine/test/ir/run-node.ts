/** One node, inferred here and run by onnxruntime. */
import { type Attrs, compile, type DType, Graph, Tensor, type Value } from '@pith/engine'
import type { EmitOptions } from '../../src/ir/graph.ts'

/** What a node is given: a tensor that it sees before the run, or only at the run. */
export interface Given {
  readonly tensor: Tensor
  readonly isConstant: boolean
}

export interface NodeCase {
  readonly op: string
  readonly inputs: readonly (Given | undefined)[]
  readonly attrs: Attrs
  readonly options: EmitOptions
}

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/** Numbers of a shape between -1.5 and 1.5, all different for small shapes. */
export function floats(...shape: number[]): Given {
  const data = Float32Array.from({ length: size(shape) }, (_, i) => ((i * 37) % 101) / 33 - 1.5)
  return { tensor: new Tensor(data, shape), isConstant: false }
}

/** Numbers of a shape between 0.1 and 1. */
export function positives(...shape: number[]): Given {
  const data = Float32Array.from({ length: size(shape) }, (_, i) => 0.1 + ((i * 37) % 101) / 112)
  return { tensor: new Tensor(data, shape), isConstant: false }
}

/** Bytes of a shape. */
export function bytes(dtype: 'u8' | 'i8', ...shape: number[]): Given {
  const values = Array.from({ length: size(shape) }, (_, i) => (i * 37) % 101)
  const data = dtype === 'u8' ? Uint8Array.from(values) : Int8Array.from(values)
  return { tensor: new Tensor(data, shape, dtype), isConstant: false }
}

export function bools(...shape: number[]): Given {
  return {
    tensor: new Tensor(
      Uint8Array.from({ length: size(shape) }, (_, i) => (i % 3) & 1),
      shape,
      'bool',
    ),
    isConstant: false,
  }
}

/** A vector of 64-bit integers that the node sees before the run. */
export function ints(...values: number[]): Given {
  return { tensor: new Tensor(BigInt64Array.from(values, BigInt)), isConstant: true }
}

/** The same with a shape. */
export function shaped(
  values: readonly number[],
  shape: readonly number[],
  dtype: 'i64' | 'i32' | 'f32' | 'u8' = 'i64',
): Given {
  const kinds = {
    i64: () => BigInt64Array.from(values, BigInt),
    i32: () => Int32Array.from(values),
    f32: () => Float32Array.from(values),
    u8: () => Uint8Array.from(values),
  }
  return { tensor: new Tensor(kinds[dtype](), shape, dtype as DType), isConstant: true }
}

export const scalar = (value: number, dtype: 'i64' | 'i32' | 'f32' | 'u8' = 'i64'): Given => shaped([value], [], dtype)

/** The node in a graph of its own. */
export function build({ op, inputs, attrs, options }: NodeCase, isFolded: boolean = false): readonly Value[] {
  const graph = new Graph()
  const values = inputs.map((given, i) => {
    if (given === undefined) return undefined
    const { tensor } = given
    return given.isConstant || isFolded ? graph.constant(tensor) : graph.input(`x${i}`, tensor.dtype, tensor.shape)
  })
  return graph.emit(op, values, attrs, options)
}

/** Run values of a graph with the tensors of a case. */
export async function run(values: readonly Value[], inputs: readonly (Given | undefined)[]): Promise<Tensor[]> {
  const outputs = Object.fromEntries(values.map((value, i) => [`y${i}`, value]))
  const session = await compile(outputs)
  const feeds: Record<string, Tensor> = {}
  for (const name of Object.keys(session.inputs)) feeds[name] = (inputs[Number(name.slice(1))] as Given).tensor
  const results = await session.run(feeds)
  await session.dispose()
  return values.map((_, i) => results[`y${i}`] as Tensor)
}
