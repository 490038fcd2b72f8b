/** Small programs on values, run with tensors. */
import { Graph, type Value } from '../../src/ir/graph.ts'
import { compile } from '../../src/runtime/compile.ts'
import { Tensor } from '../../src/tensor.ts'

/** A tensor whose elements are all different. */
export function draw(...shape: number[]): Tensor {
  const length = shape.reduce((a, b) => a * b, 1)
  const data = Float32Array.from({ length }, (_, i) => Math.sin(3 * i + length))
  return new Tensor(data, shape)
}

/** Run a program of some tensors. */
export async function run(
  f: (...inputs: Value[]) => Record<string, Value>,
  ...tensors: Tensor[]
): Promise<Record<string, Tensor>> {
  const graph = new Graph()
  const session = await compile(f(...tensors.map(({ dtype, shape }, i) => graph.input(`x${i}`, dtype, shape))))
  const given = Object.keys(session.inputs).map((name) => [name, tensors[Number(name.slice(1))]])
  const results = await session.run(Object.fromEntries(given))
  await session.dispose()
  return results
}
