/** Steps and branches within a program, whose bodies may use values from around them. */
import { PithError } from '@pith/core'
import { Graph, isWithin, type Subgraph, type Value } from '../ir/graph.ts'
import { sameShape } from '../shape.ts'
import { specText } from '../tensor.ts'
import { graphOf } from './operand.ts'

/** What one step gives. */
export interface ScanStep {
  /** As many as went in, of the same types and shapes. */
  readonly states: readonly Value[]
  /** What is stacked over the steps. Default nothing. */
  readonly outputs?: readonly Value[]
}

/** Which way the steps go. */
export interface ScanOptions {
  /** From the last to the first; outputs stand where their inputs did. Default false. */
  reverse?: boolean
}

/** The states after the last step, and the outputs of all steps along a new first axis. */
export interface ScanResult {
  readonly states: Value[]
  readonly outputs: Value[]
}

/**
 * One step after the other along the first axis of some values: a program as long as one step, whatever their number.
 *
 * @param step   sees the states, and one element of each value of `xs` along its first axis
 * @param states what the first step begins with
 * @param xs     of one length along the first axis, one or more
 * @throws PithError `PITH_ARG` no values to go along, or another number of states · `PITH_SHAPE` states that change
 * @example
 * const { outputs } = scan(([sum], [x]) => ({ states: [add(sum, x)], outputs: [sum] }), [zero], [xs])
 */
export function scan(
  step: (states: Value[], xs: Value[]) => ScanStep,
  states: readonly Value[],
  xs: readonly Value[],
  { reverse = false }: ScanOptions = {},
): ScanResult {
  const length = xs[0]?.shape[0]
  if (length === undefined || xs.some(({ shape }) => shape[0] !== length)) {
    throw new PithError('PITH_ARG', 'scan needs values of one length along their first axis')
  }
  const graph = graphOf([...states, ...xs])
  const inner = new Graph(graph)
  const inputs = states.map(({ dtype, shape }, i) => inner.input(`state${i}`, dtype, shape))
  const parts = xs.map(({ dtype, shape }, i) => inner.input(`x${i}`, dtype, shape.slice(1)))
  const { states: next, outputs = [] } = step(inputs, parts)
  if (next.length !== states.length) {
    throw new PithError('PITH_ARG', `scan: a step gives ${next.length} states of ${states.length}`)
  }
  for (const [i, state] of next.entries()) {
    const before = states[i] as Value
    if (state.dtype === before.dtype && sameShape(state.shape, before.shape)) continue
    throw new PithError('PITH_SHAPE', `scan: state ${i} is ${specText(before)} and then ${specText(state)}`)
  }
  const direction = reverse ? 1 : 0
  const attrs = {
    num_scan_inputs: xs.length,
    scan_input_directions: xs.map(() => direction),
    scan_output_directions: outputs.map(() => direction),
  }
  const body = bodyOf(inner, [...next, ...outputs])
  const made = graph.emit('Scan', [...states, ...xs], attrs, { bodies: { body } })
  return { states: made.slice(0, states.length), outputs: made.slice(states.length) }
}

/**
 * One of two branches, of which only that one runs; what it computes from other values than these may run in any case.
 *
 * @param test bool of one element, known when the program runs
 * @param yes, no give values of the same types and shapes
 * @throws PithError `PITH_SHAPE`, `PITH_MODEL` branches that differ
 */
export function cond(
  test: Value,
  inputs: readonly Value[],
  yes: (...inputs: Value[]) => readonly Value[],
  no: (...inputs: Value[]) => readonly Value[],
): Value[] {
  const graph = graphOf([test, ...inputs])
  const [then_branch, else_branch] = [yes, no].map((branch) => {
    const inner = new Graph(graph)
    const own = inputs.map((value) => inner.emit('Identity', [value], {}, { unique: true })[0] as Value)
    return bodyOf(inner, branch(...own))
  }) as [Subgraph, Subgraph]
  return [...graph.emit('If', [test], {}, { bodies: { then_branch, else_branch } })]
}

/** Results of a body, each with a node of its own. */
function bodyOf(graph: Graph, values: readonly Value[]): Subgraph {
  for (const value of values) {
    if (!isWithin(graph, value.graph)) {
      throw new PithError('PITH_ARG', 'a body gives a value of another graph', {
        hint: 'Use its inputs and values around it.',
      })
    }
  }
  return { graph, outputs: values.map((value) => graph.emit('Identity', [value], {}, { unique: true })[0] as Value) }
}
