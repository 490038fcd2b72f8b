/** Nodes whose inputs are constants become constants, computed in plain JavaScript. */
import type { Tensor } from '../../tensor.ts'
import type { Attrs, EmitOptions, Graph, Node, Value } from '../graph.ts'
import { copyNode, type Program, type Rebuilt, rebuild } from './rebuild.ts'

/** Most elements of an input or output of what is computed here; larger constants are left to a run. */
const FOLDED_ELEMENTS = 4096

/** Operators that need only the shape of their input. */
const OF_SHAPE: ReadonlySet<string> = new Set(['Shape', 'Size'])

/** Values of the outputs of a node; undefined where they depend on a run, or are left to one. */
export function foldNode(node: Node): readonly Tensor[] | undefined {
  const fold = node.def?.fold
  if (fold === undefined || node.bodies !== undefined) return undefined
  const isSmall = (value: Value): boolean => value.shape.every((length) => length >= 0) && value.size <= FOLDED_ELEMENTS
  if (!node.outputs.every(isSmall)) return undefined
  if (!OF_SHAPE.has(node.op)) {
    for (const value of node.inputs) {
      if (value === undefined) continue
      if (value.data === undefined || !isSmall(value) || value.dtype === 'i4' || value.dtype === 'u4') return undefined
    }
  }
  return fold(
    node.inputs.map((value) => value?.data),
    node,
  )
}

/** Constants for the outputs of a node that was just emitted, or the outputs themselves. */
export function foldValues(values: readonly Value[]): readonly Value[] {
  const node = values[0]?.node
  const folded = node && foldNode(node)
  if (node === undefined || folded === undefined) return values
  return folded.map((tensor, i) => (values[i] as Value).graph.constant(tensor))
}

/** Like `graph.emit`, with constants for outputs that can be computed at once: shapes of imported models end as constants. */
export function emitFolded(
  graph: Graph,
  op: string,
  inputs: readonly (Value | undefined)[],
  attrs: Attrs = {},
  options: EmitOptions = {},
): readonly Value[] {
  return foldValues(graph.emit(op, inputs, attrs, options))
}

/** Compute what depends on constants only. Large constants and unusual operators are left as they are. */
export function fold(program: Program): Rebuilt {
  return rebuild(program, {
    node: (node, inputs, graph) => (node.bodies === undefined ? foldValues(copyNode(node, inputs, graph)) : undefined),
  })
}
