/** Constants that plain JavaScript does not compute, from one run of what depends on constants only. */
import { bytesFor, type DType } from '../../dtype.ts'
import type { Tensor } from '../../tensor.ts'
import type { Node, Value } from '../graph.ts'
import { type Program, type Rebuilt, rebuild } from './rebuild.ts'

/** What {@link foldByRun} may make. */
export interface FoldByRunOptions {
  /** Most bytes of a constant that is made. Default 64 MiB. */
  limit?: number
}

/** Computes values that need no inputs, by the names that they are given under. */
export type Evaluate = (outputs: Readonly<Record<string, Value>>) => Promise<Readonly<Record<string, Tensor>>>

/** Small packed weights stay what they are: as floats they would be several times as large. */
const PACKED: ReadonlySet<string> = new Set(['DequantizeLinear', 'MatMulNBits'])

/** Types that a run gives as they are. */
const GIVEN: ReadonlySet<DType> = new Set<DType>(['f32', 'f64', 'i8', 'u8', 'i32', 'i64', 'bool'])

/**
 * Fold what depends on constants only and what {@link fold} leaves: products, normalisations, large tensors.
 *
 * @param evaluate runs the values once, such as by `compile`
 * @throws what `evaluate` throws
 */
export async function foldByRun(
  program: Program,
  evaluate: Evaluate,
  { limit = 64 * 2 ** 20 }: FoldByRunOptions = {},
): Promise<Rebuilt> {
  const fixed = new Set<Value>()
  const edge = new Set<Value>()
  const isFixed = (value: Value | undefined): boolean =>
    value === undefined || value.data !== undefined || fixed.has(value)
  const isFree = (node: Node): boolean =>
    node.bodies === undefined && node.isUnique !== true && !node.op.startsWith('Random') && !PACKED.has(node.op)
  const fits = (value: Value): boolean =>
    GIVEN.has(value.dtype) && value.shape.every((length) => length > 0) && bytesFor(value.dtype, value.size) <= limit
  for (const node of program.graph.live(program.outputs)) {
    if (node.def !== undefined && isFree(node) && node.inputs.every(isFixed) && node.outputs.every(fits)) {
      for (const value of node.outputs) fixed.add(value)
    } else for (const value of readsOf(node)) if (fixed.has(value)) edge.add(value)
  }
  for (const value of program.outputs) if (fixed.has(value)) edge.add(value)
  if (edge.size === 0) return rebuild(program)
  const wanted = [...edge]
  const { outputs } = rebuild({ graph: program.graph, outputs: wanted }, { dropInputs: true })
  const results = await evaluate(Object.fromEntries(outputs.map((value, i) => [`folded${i}`, value])))
  const constants = new Map(wanted.map((value, i) => [value, results[`folded${i}`]]))
  return rebuild(program, {
    value: (old, graph) => {
      const tensor = constants.get(old)
      return tensor && graph.constant(tensor)
    },
  })
}

/** Values that a node reads, in its bodies too. */
function readsOf(node: Node): Value[] {
  const inner = Object.values(node.bodies ?? {}).flatMap(({ graph, outputs }) => [
    ...outputs,
    ...graph.nodes.flatMap(readsOf),
  ])
  return [...node.inputs.filter((value) => value !== undefined), ...inner]
}
