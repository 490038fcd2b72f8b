/** 64-bit integers as 32-bit ones, which WebGPU computes with. */
import { Build } from '../autodiff/build.ts'
import type { Node, Subgraph, Value } from '../ir/graph.ts'
import { rebuild } from '../ir/passes/rebuild.ts'
import { Tensor } from '../tensor.ts'
import { PLACES } from './webgpu-table.ts'

/** Inputs by operator whose integers only move or compare, so that fewer bits give the same: all of `all`. */
const MOVES: ReadonlyMap<string, readonly number[] | 'all'> = /* @__PURE__ */ new Map<
  string,
  readonly number[] | 'all'
>([
  ...['Concat', 'Max', 'Min', 'Clip', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'].map(
    (name): [string, 'all'] => [name, 'all'],
  ),
  ...['Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten', 'Expand', 'Split', 'Tile', 'Identity', 'Gather'].map(
    (name): [string, readonly number[]] => [name, [0]],
  ),
  ['GatherND', [0]],
  ['Trilu', [0]],
  ['ReduceMax', [0]],
  ['ReduceMin', [0]],
  ['Where', [1, 2]],
])

/** Operators whose places may be 32-bit integers. */
const NARROW_PLACES: ReadonlySet<string> = /* @__PURE__ */ new Set(['Gather', 'GatherElements', 'ScatterElements'])

/**
 * Make the 64-bit integer inputs of a program 32-bit ones, and what only moves or compares them. Outputs keep their types.
 *
 * @returns the program, and the names of its inputs that are narrower now
 */
export function narrowIntegers(program: Subgraph): { program: Subgraph; narrowed: ReadonlySet<string> } {
  const narrowed = new Set<string>()
  const rebuilt = rebuild(program, {
    value: (old, graph) => {
      if (old.dtype !== 'i64' || old.node !== undefined || old.data !== undefined) return undefined
      const name = old.name ?? `input${old.id}`
      narrowed.add(name)
      return graph.input(name, 'i32', old.shape)
    },
    node: (node, inputs, graph) => {
      const isNarrow = inputs.some((value, i) => value?.dtype === 'i32' && node.inputs[i]?.dtype === 'i64')
      if (!isNarrow) return undefined
      const b = new Build(graph)
      const own = narrowMoved(b, node, inputs) ?? inputs.map((value, i) => widen(b, node, value, i))
      return graph.emit(node.op, own, node.attrs, { domain: node.domain, outputs: node.outputs.length })
    },
  })
  const b = new Build(rebuilt.graph)
  const outputs = rebuilt.outputs.map((value, i) => b.cast(value, program.outputs[i]?.dtype ?? value.dtype))
  return { program: { graph: rebuilt.graph, outputs }, narrowed }
}

/** Inputs of which those that move or are compared have 32 bits; undefined where one can not. */
function narrowMoved(
  b: Build,
  node: Node,
  inputs: readonly (Value | undefined)[],
): readonly (Value | undefined)[] | undefined {
  const moved = node.domain === '' ? MOVES.get(node.op) : undefined
  if (moved === undefined) return undefined
  const own: (Value | undefined)[] = []
  for (const [i, value] of inputs.entries()) {
    const isMoved = moved === 'all' || moved.includes(i)
    const narrow = isMoved && value?.dtype === 'i64' ? narrowConstant(b, value) : value
    if (isMoved && value !== undefined && narrow === undefined) return undefined
    own.push(isMoved ? narrow : widen(b, node, value, i))
  }
  return own
}

function narrowConstant(b: Build, { data }: Value): Value | undefined {
  if (data === undefined) return undefined
  const numbers = narrowNumbers(data.data as BigInt64Array)
  return numbers && b.graph.constant(new Tensor(numbers, data.shape))
}

/** Integers of 64 bits in 32; undefined where one does not fit. */
export function narrowNumbers(data: BigInt64Array): Int32Array<ArrayBuffer> | undefined {
  const narrow = new Int32Array(data.length)
  for (let i = 0; i < data.length; i++) {
    narrow[i] = Number(data[i])
    if (BigInt(narrow[i] as number) !== data[i]) return undefined
  }
  return narrow
}

/** An input of a node as the node had it, but for places, which may have 32 bits. */
function widen(b: Build, node: Node, value: Value | undefined, i: number): Value | undefined {
  if (value === undefined || value.dtype !== 'i32' || node.inputs[i]?.dtype !== 'i64') return value
  if (node.domain === '' && (node.op === 'Cast' || (PLACES[node.op] === i && NARROW_PLACES.has(node.op)))) return value
  return b.cast(value, 'i64')
}
