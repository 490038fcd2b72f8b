/** Gradients of branches, and of loops that run a number of times which is known: these are scans. */
import { Graph, inputsOf, type Node, type Subgraph, type Value } from '../../ir/graph.ts'
import { loopSteps } from '../../ir/ops/control.ts'
import { noGradient } from '../attrs.ts'
import { Build, isDifferentiable } from '../build.ts'
import { copyBody, type NestedRule, named } from './body.ts'

/** The branch that was taken is computed again, and its cotangents pulled back to what it captures. */
export const ifGradient: NestedRule = ({ graph, node, cotangents, needs }, pullBack) => {
  const all = inputsOf(node)
  const captured = [...new Set(all.slice(1))].filter((value) => isDifferentiable(value) && needs(all.indexOf(value, 1)))
  const given = [...cotangents.keys()].filter((i) => cotangents[i] !== undefined)
  const back = (body: Subgraph): Subgraph => {
    const inner = new Graph(graph)
    const own = captured.map((value) => named(inner, value))
    const again = copyBody(body, inner, [], new Map(captured.map((value, i) => [value, own[i]])))
    const pulled = pullBack(
      given.map((i) => named(inner, again[i])),
      given.map((i) => named(inner, cotangents[i] as Value)),
      own,
    )
    const b = new Build(inner)
    const zeros = (i: number): Value => b.fill(0, own[i].shape, own[i].dtype)
    return { graph: inner, outputs: pulled.map((value, i) => named(inner, value ?? zeros(i))) }
  }
  const [then_branch, else_branch] = ['then_branch', 'else_branch'].map((name) => back(node.bodies?.[name] as Subgraph))
  const made = graph.emit('If', [node.inputs[0]], {}, { bodies: { then_branch, else_branch } })
  const gradients: (Value | undefined)[] = all.map(() => undefined)
  for (const [k, value] of captured.entries()) gradients[all.indexOf(value, 1)] = made[k]
  return gradients
}

export const loopGradient: NestedRule = ({ graph, node, cotangents, needs }, pullBack) => {
  const all = inputsOf(node)
  const wanted = [...new Set(all)].filter((value) => isDifferentiable(value) && needs(all.indexOf(value)))
  const given = [...cotangents.keys()].filter((i) => cotangents[i] !== undefined)
  const results = loopAsScan(node, graph)
  const pulled = pullBack(
    given.map((i) => results[i]),
    given.map((i) => cotangents[i] as Value),
    wanted,
  )
  const gradients: (Value | undefined)[] = all.map(() => undefined)
  for (const [k, value] of wanted.entries()) gradients[all.indexOf(value)] = pulled[k]
  return gradients
}

/** A scan over the numbers of the steps. */
function loopAsScan(node: Node, graph: Graph): readonly Value[] {
  const body = node.bodies?.['body'] as Subgraph
  const steps = loopSteps({ op: node.op, inputs: node.inputs, bodies: node.bodies ?? {} })
  if (steps < 1) throw noGradient(node, 'how often it runs is not known before it does', 'Give the number of steps.')
  const inner = new Graph(graph)
  const [count, , ...carried] = body.graph.inputs
  const states = carried.map(({ dtype, shape }, i) => inner.input(`h${i}`, dtype, shape))
  const place = inner.input('step', 'i64', [])
  const step = new Build(inner).reshape(place, count.shape)
  const going = inner.emit('Cast', [inner.scalar(1, 'i64')], { to: 9 })[0]
  const outputs = copyBody(body, inner, [step, going, ...states])
    .slice(1)
    .map((value) => named(inner, value))
  const places = new Build(graph).indices([...Array(steps).keys()], [steps])
  const given = [...node.inputs.slice(2), places]
  return graph.emit('Scan', given, { num_scan_inputs: 1 }, { bodies: { body: { graph: inner, outputs } } })
}
