/** Batches of nodes that hold graphs: their bodies work on batches as well. */
import { Build } from '../autodiff/build.ts'
import { Graph, type Subgraph, type Value } from '../ir/graph.ts'
import { intsAttr } from '../ir/ops/context.ts'
import { scanOf } from '../ir/ops/control.ts'
import type { Spec } from '../tensor.ts'
import { type Lane, type NestedRule, notBatched, repeat } from './table.ts'

/** A result of a body, with the batch axis where it is asked for. Results have nodes of their own. */
function result(graph: Graph, { value, isBatched }: Lane, size: number | undefined): Value {
  const full = size === undefined || isBatched ? value : repeat(new Build(graph), value, size)
  return graph.emit('Identity', [full], {}, { unique: true })[0]
}

const input = (graph: Graph, { dtype, shape }: Spec, name: string, size: number | undefined): Lane => ({
  value: graph.input(name, dtype, size === undefined ? shape : [size, ...shape]),
  isBatched: size !== undefined,
})

/** All states and results have the batch, or none. */
export const scan: NestedRule = (c, walk, captured) => {
  const { node, graph } = c
  const body = node.bodies?.['body'] as Subgraph
  const { states, axes } = scanOf(node)
  const isWhole = c.isBatched.includes(true) || captured.some(({ isBatched }) => isBatched)
  const size = isWhole ? c.size : undefined
  const inner = new Graph(graph)
  const inputs = body.graph.inputs.map((own, i) =>
    input(inner, own, own.name ?? `x${i}`, i < states || c.isBatched[i] ? size : undefined),
  )
  const outputs = walk(body, inner, inputs).map((lane) => result(inner, lane, size))
  const given = c.inputs.map((value, i) => (i < states && isWhole ? c.full(i) : value))
  // Negative axes of stacked results stay what they are.
  const outAxes = (intsAttr(node, 'scan_output_axes') ?? body.outputs.slice(states).map(() => 0)).map((axis) =>
    isWhole && axis >= 0 ? axis + 1 : axis,
  )
  const attrs = {
    ...node.attrs,
    scan_input_axes: axes.map((axis, i) => (c.isBatched[states + i] ? axis + 1 : axis)),
    scan_output_axes: outAxes,
  }
  const made = graph.emit('Scan', given, attrs, { bodies: { body: { graph: inner, outputs } } })
  return made.map((value) => ({ value, isBatched: isWhole }))
}

/** Carried values and results have the batch, or none; how often it runs is the same for all. */
export const loop: NestedRule = (c, walk, captured) => {
  const { node, graph, b } = c
  const body = node.bodies?.['body'] as Subgraph
  if (c.isBatched[0] || c.isBatched[1]) throw notBatched(node, 'how often it runs differs between the examples')
  const isWhole = c.isBatched.includes(true) || captured.some(({ isBatched }) => isBatched)
  const size = isWhole ? c.size : undefined
  const inner = new Graph(graph)
  const inputs = body.graph.inputs.map((own, i) => input(inner, own, own.name ?? `x${i}`, i < 2 ? undefined : size))
  const lanes = walk(body, inner, inputs)
  if (lanes[0].isBatched) throw notBatched(node, 'whether it goes on differs between the examples')
  const outputs = lanes.map((lane, i) => result(inner, lane, i === 0 ? undefined : size))
  const given = c.inputs.map((value, i) => (i >= 2 && isWhole ? c.full(i) : value))
  const made = graph.emit('Loop', given, node.attrs, { bodies: { body: { graph: inner, outputs } } })
  const carried = given.length - 2
  return made.map((value, i) => {
    if (!isWhole || i < carried) return { value, isBatched: isWhole }
    // Stacked results have the steps in front of the batch.
    const order = [...value.shape.keys()].slice(2)
    return { value: b.transpose(value, [1, 0, ...order]), isBatched: true }
  })
}

/** One branch runs where the condition is the same for all; else both do, and each example takes its own. */
export const branch: NestedRule = (c, walk, captured) => {
  const { node, graph, b } = c
  const bodies = ['then_branch', 'else_branch'].map((name) => node.bodies?.[name] as Subgraph)
  if (c.isBatched[0]) {
    const [yes, no] = bodies.map((body) => walk(body, graph, []))
    return yes.map((lane, i) => {
      const [a, other] = [lane, no[i]].map(({ value, isBatched }) => (isBatched ? value : repeat(b, value, c.size)))
      const test = b.reshape(c.inputs[0] as Value, [c.size, ...node.outputs[i].shape.map(() => 1)])
      return { value: b.where(test, a, other), isBatched: true }
    })
  }
  const isWhole = captured.some(({ isBatched }) => isBatched)
  const size = isWhole ? c.size : undefined
  const [yes, no] = bodies.map((body): Subgraph => {
    const inner = new Graph(graph)
    return { graph: inner, outputs: walk(body, inner, []).map((lane) => result(inner, lane, size)) }
  })
  const made = graph.emit('If', c.inputs, node.attrs, { bodies: { then_branch: yes, else_branch: no } })
  return made.map((value) => ({ value, isBatched: isWhole }))
}

export const CONTROL: Readonly<Record<string, NestedRule>> = { ':Scan': scan, ':Loop': loop, ':If': branch }
