/**
 * The gradient of Scan is a Scan back over the steps, whose body computes the step again and pulls its cotangents back.
 * Cotangents of values from around the body add up as states. The forward Scan is repeated for the states before each step.
 */
import { Graph, inputsOf, type Node, type Subgraph, type Value } from '../../ir/graph.ts'
import { intsAttr } from '../../ir/ops/context.ts'
import { scanOf } from '../../ir/ops/control.ts'
import { Build, isDifferentiable } from '../build.ts'
import { copyBody, type NestedRule, named } from './body.ts'

export const scanGradient: NestedRule = (context, pullBack) => {
  const { graph, node, cotangents, needs } = context
  const b = new Build(graph)
  const body = node.bodies?.['body'] as Subgraph
  const { states, axes } = scanOf(node)
  const scans = axes.length
  const directions = intsAttr(node, 'scan_input_directions') ?? axes.map(() => 0)
  const outAxes = intsAttr(node, 'scan_output_axes') ?? body.outputs.slice(states).map(() => 0)
  const outDirections = intsAttr(node, 'scan_output_directions') ?? outAxes.map(() => 0)
  const inputs = node.inputs as readonly Value[]
  const all = inputsOf(node)
  const captured = [...new Set(all.slice(inputs.length))].filter(
    (value) => isDifferentiable(value) && needs(all.indexOf(value, inputs.length)),
  )
  const carried = [...Array(states).keys()].filter((i) => isDifferentiable(inputs[i]))
  const wanted = [...Array(scans).keys()].filter((i) => needs(states + i))
  const given = outAxes.flatMap((_, j) => (cotangents[states + j] === undefined ? [] : [j]))

  const before = statesBefore(b, node, body, states)
  const inner = new Graph(body.graph.parent ?? graph)
  const input = ({ dtype, shape }: Value, name: string): Value => inner.input(name, dtype, shape)
  const carriedIn = carried.map((i) => input(body.outputs[i], `d${i}`))
  const sums = captured.map((value, i) => input(value, `sum${i}`))
  const statesIn = body.graph.inputs.slice(0, states).map((value, i) => input(value, `state${i}`))
  const scansIn = body.graph.inputs.slice(states).map((value, i) => input(value, `scan${i}`))
  const givenIn = given.map((j) => input(body.outputs[states + j], `g${j}`))
  const own = captured.map((value) => named(inner, value))
  const again = copyBody(body, inner, [...statesIn, ...scansIn], new Map(captured.map((value, i) => [value, own[i]])))
  const arguments_ = [...carried.map((i) => statesIn[i]), ...wanted.map((i) => scansIn[i]), ...own]
  const pulled = pullBack(
    [...carried.map((i) => again[i]), ...given.map((j) => again[states + j])],
    [...carriedIn, ...givenIn],
    arguments_,
  ).map((value, i) => value ?? new Build(inner).fill(0, arguments_[i].shape, arguments_[i].dtype))
  const made = new Build(inner)
  const total = captured.map((_, i) => made.add(sums[i], pulled[carried.length + wanted.length + i]))
  const outputs = [
    ...pulled.slice(0, carried.length).map((value) => named(inner, value)),
    ...total.map((value) => named(inner, value)),
    ...pulled.slice(carried.length, carried.length + wanted.length).map((value) => named(inner, value)),
  ]
  const starts = [
    ...carried.map((i) => cotangents[i] ?? b.fill(0, inputs[i].shape, inputs[i].dtype)),
    ...captured.map(({ shape, dtype }) => b.fill(0, shape, dtype)),
  ]
  const results = graph.emit(
    'Scan',
    [...starts, ...before, ...inputs.slice(states), ...given.map((j) => cotangents[states + j])],
    {
      num_scan_inputs: states + scans + given.length,
      scan_input_axes: [...before.map(() => 0), ...axes, ...given.map((j) => outAxes[j])],
      scan_input_directions: [
        ...before.map(() => 1),
        ...directions.map((direction) => 1 - direction),
        ...given.map((j) => 1 - outDirections[j]),
      ],
      scan_output_axes: wanted.map((i) => axes[i]),
      scan_output_directions: wanted.map((i) => 1 - directions[i]),
    },
    { bodies: { body: { graph: inner, outputs } } },
  )
  const gradients: (Value | undefined)[] = all.map(() => undefined)
  for (const [k, i] of carried.entries()) gradients[i] = results[k]
  for (const [k, value] of captured.entries())
    gradients[all.indexOf(value, inputs.length)] = results[carried.length + k]
  for (const [k, i] of wanted.entries()) gradients[states + i] = results[starts.length + k]
  return gradients
}

/** The states before each step, stacked in the order of the steps. */
function statesBefore(b: Build, node: Node, body: Subgraph, states: number): readonly Value[] {
  const inner = new Graph(body.graph.parent ?? b.graph)
  const inputs = body.graph.inputs.map(({ dtype, shape }, i) => inner.input(`x${i}`, dtype, shape))
  const outputs = copyBody(body, inner, inputs).slice(0, states)
  const kept = inputs.slice(0, states).map((input) => named(inner, input))
  const attrs = Object.fromEntries(Object.entries(node.attrs).filter(([name]) => !name.startsWith('scan_output')))
  const made = b.graph.emit('Scan', node.inputs, attrs, {
    bodies: { body: { graph: inner, outputs: [...outputs, ...kept] } },
  })
  return made.slice(states)
}
