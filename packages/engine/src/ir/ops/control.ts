/** Control flow: nodes that hold graphs. */
import { axisOf, shapeText } from '../../shape.ts'
import { type Spec, specText } from '../../tensor.ts'
import type { Node, Subgraph, Value } from '../graph.ts'
import type { InferContext, OpDef } from '../registry.ts'
import {
  agree,
  BOOL,
  constInts,
  constNumbers,
  type Infer,
  input,
  intsAttr,
  needInt,
  refuse,
  refuseForm,
} from './context.ts'

function bodyOf(c: InferContext, name: string): Subgraph {
  return c.bodies[name] ?? refuseForm(c, `the body ${name} is missing`)
}

/** What two values have in common; lengths that differ are not known before a run. */
function joined(c: InferContext, a: Spec, b: Spec, isOpen: boolean, what: string): Spec {
  const isSame = a.dtype === b.dtype && a.shape.length === b.shape.length
  if (!isSame) refuse(c, `${what} is ${specText(a)} and ${specText(b)}`)
  const shape = a.shape.map((length, axis) => {
    const other = b.shape[axis] as number
    return isOpen ? (length === other ? length : -1) : agree(c, length, other, what)
  })
  return { dtype: a.dtype, shape }
}

const inferIf: Infer = (c) => {
  const test = input(c, 0, BOOL)
  if (test.shape.length > 0 && test.size !== 1) refuse(c, 'the condition is not one element')
  const [yes, no] = [bodyOf(c, 'then_branch').outputs, bodyOf(c, 'else_branch').outputs]
  if (yes.length !== no.length) refuseForm(c, 'the branches differ in their number of outputs')
  return yes.map((value, i) => joined(c, value, no[i] as Value, true, `output ${i} of the branches`))
}

/** Whether a body always goes on: its condition is a constant, or the one it was given. */
function goesOn({ graph, outputs }: Subgraph): boolean {
  let condition: Value | undefined = outputs[0]
  while (condition?.node?.op === 'Identity' && condition.node.domain === '') condition = condition.node.inputs[0]
  return condition !== undefined && (condition === graph.inputs[1] || constNumbers(condition)?.[0] === 1)
}

/** How often a Loop runs, where that is known before it does; else -1. */
export function loopSteps(c: Pick<InferContext, 'op' | 'inputs' | 'bodies'>): number {
  const body = c.bodies['body']
  const most = c.inputs[0] === undefined ? undefined : constInts(c.inputs[0])?.[0]
  const starts = c.inputs[1] === undefined || constNumbers(c.inputs[1])?.[0] === 1
  return body !== undefined && most !== undefined && starts && goesOn(body) ? Math.max(0, most) : -1
}

const inferLoop: Infer = (c) => {
  const body = bodyOf(c, 'body')
  const carried = c.inputs.slice(2).map((_, i) => input(c, i + 2))
  if (body.graph.inputs.length !== carried.length + 2 || body.outputs.length < carried.length + 1) {
    refuseForm(c, `the body takes ${body.graph.inputs.length} values and gives ${body.outputs.length}`)
  }
  const steps = loopSteps(c)
  return body.outputs.slice(1).map((value, i) => {
    const from = carried[i]
    if (from === undefined) return { dtype: value.dtype, shape: [steps, ...value.shape] }
    return joined(c, from, value, true, `the carried value ${i}`)
  })
}

/** What a Scan goes over: the number of states, the axis of each scanned input, and the number of steps. */
export function scanOf(c: Pick<InferContext, 'op' | 'inputs' | 'attrs'>): {
  states: number
  axes: number[]
  steps: number
} {
  const count = needInt(c, 'num_scan_inputs')
  const states = c.inputs.length - count
  if (count < 1 || states < 0) refuseForm(c, `scans ${count} of ${c.inputs.length} inputs`)
  const given = intsAttr(c, 'scan_input_axes') ?? new Array<number>(count).fill(0)
  if (given.length !== count) refuseForm(c, 'there is not one axis for each scanned input')
  const axes = given.map((axis, i) => axisOf(axis, input(c, states + i).shape.length, c.op))
  let steps = -1
  for (const [i, axis] of axes.entries()) {
    steps = agree(c, input(c, states + i).shape[axis] as number, steps, 'the number of steps')
  }
  return { states, axes, steps }
}

const inferScan: Infer = (c) => {
  const body = bodyOf(c, 'body')
  const { states, axes, steps } = scanOf(c)
  if (body.graph.inputs.length !== c.inputs.length || body.outputs.length < states) {
    refuseForm(c, `the body takes ${body.graph.inputs.length} values and gives ${body.outputs.length}`)
  }
  for (const [i, axis] of axes.entries()) {
    const { dtype, shape } = input(c, states + i)
    joined(
      c,
      { dtype, shape: shape.toSpliced(axis, 1) },
      body.graph.inputs[states + i] as Value,
      false,
      `the scanned value ${i}`,
    )
  }
  const outAxes = intsAttr(c, 'scan_output_axes')
  return body.outputs.map((value, i) => {
    if (i < states) return joined(c, input(c, i), value, false, `the state ${i}`)
    const rank = value.shape.length + 1
    const axis = outAxes?.[i - states] ?? 0
    if (axis < -rank || axis >= rank) refuse(c, `there is no axis ${axis} in ${shapeText(value.shape)} with one more`)
    return { dtype: value.dtype, shape: value.shape.toSpliced(axis < 0 ? axis + rank : axis, 0, steps) }
  })
}

/** Operations of a body, once. */
function bodyFlops({ graph, outputs }: Subgraph): number {
  return graph.live(outputs).reduce((sum, node) => sum + (node.def?.flops?.(node) ?? 0), 0)
}

const largest = (node: Node): number => Math.max(0, ...Object.values(node.bodies ?? {}).map(bodyFlops))

function loopFlops(node: Node): number {
  const most = node.inputs[0] === undefined ? undefined : constInts(node.inputs[0])?.[0]
  return largest(node) * Math.max(1, most ?? 1)
}

export const CONTROL: readonly OpDef[] = [
  { name: 'If', infer: inferIf, flops: largest },
  { name: 'Loop', infer: inferLoop, flops: loopFlops },
  { name: 'Scan', infer: inferScan, flops: (node) => largest(node) * Math.max(1, scanOf(node).steps) },
]
