/** What the gradients of nodes with bodies share. */
import { Graph, type Node, type Subgraph, type Value } from '../../ir/graph.ts'
import type { VjpContext } from '../../ir/registry.ts'

/** Cotangents of the inputs of a part of a graph from those of its outputs. */
export type PullBack = (
  outputs: readonly Value[],
  cotangents: readonly Value[],
  inputs: readonly Value[],
) => (Value | undefined)[]

/** A rule for a node with bodies: cotangents of its inputs, then of the values that its bodies capture. */
export type NestedRule = (context: VjpContext, pullBack: PullBack) => (Value | undefined)[]

/** A value with a node of its own, as the results of bodies need it. */
export function named(graph: Graph, value: Value): Value {
  return graph.emit('Identity', [value], {}, { unique: true })[0]
}

/** The nodes of a body in another graph, from other inputs; `current` says what captured values become. */
export function copyBody(
  { graph, outputs }: Subgraph,
  into: Graph,
  inputs: readonly Value[],
  current: Map<Value, Value> = new Map(),
): Value[] {
  for (const [i, input] of graph.inputs.entries()) current.set(input, inputs[i])
  const now = (value: Value): Value => {
    if (value.graph === graph && value.data !== undefined) return into.constant(value.data)
    return current.get(value) ?? value
  }
  for (const node of graph.live(outputs)) {
    const made = into.emit(
      node.op,
      node.inputs.map((input) => (input === undefined ? undefined : now(input))),
      node.attrs,
      {
        domain: node.domain,
        outputs: node.outputs.length,
        ...(node.def === undefined ? { specs: node.outputs } : {}),
        ...(node.bodies === undefined ? {} : { bodies: copyBodies(node.bodies, into, current) }),
      },
    )
    for (const [i, output] of node.outputs.entries()) current.set(output, made[i])
  }
  return outputs.map(now)
}

function copyBodies(
  bodies: NonNullable<Node['bodies']>,
  into: Graph,
  current: ReadonlyMap<Value, Value>,
): Record<string, Subgraph> {
  const copies = Object.entries(bodies).map(([name, body]): [string, Subgraph] => {
    const graph = new Graph(into)
    const inputs = body.graph.inputs.map(({ dtype, shape }, i) => graph.input(`x${i}`, dtype, shape))
    return [name, { graph, outputs: copyBody(body, graph, inputs, new Map(current)) }]
  })
  return Object.fromEntries(copies)
}
