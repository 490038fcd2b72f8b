/** From a function on values to a graph. */
import { PithError } from '@pith/core'
import { Graph, type Value } from '../ir/graph.ts'
import { type Spec, specText } from '../tensor.ts'

/** A function that is traced: it sees values of a graph by name, and returns others. */
export type Traceable = (inputs: Readonly<Record<string, Value>>) => Readonly<Record<string, Value>>

/** A graph with its named ends. */
export interface Program {
  readonly graph: Graph
  readonly inputs: Readonly<Record<string, Value>>
  readonly outputs: Readonly<Record<string, Value>>
}

/**
 * Call a function once with the inputs of a new graph, which records what it does.
 *
 * @param specs type and shape of each input; they are inputs of the graph in this order
 * @throws PithError `PITH_SHAPE` an input without elements · `PITH_ARG` no outputs, or values of another graph · what `f`
 * throws
 */
export function trace(f: Traceable, specs: Readonly<Record<string, Spec>>): Program {
  const graph = new Graph()
  const inputs: Record<string, Value> = {}
  for (const [name, spec] of Object.entries(specs)) {
    if (!spec.shape.every((length) => Number.isSafeInteger(length) && length > 0)) {
      throw new PithError('PITH_SHAPE', `the input ${name} is ${specText(spec)}: all lengths must be 1 or more`)
    }
    inputs[name] = graph.input(name, spec.dtype, spec.shape)
  }
  const outputs = f(inputs)
  const names = Object.keys(outputs)
  if (names.length === 0) throw new PithError('PITH_ARG', 'the traced function returns nothing')
  for (const name of names) {
    if (outputs[name]?.graph !== graph) {
      throw new PithError('PITH_ARG', `the output ${name} is not a value of this trace`, {
        hint: 'Make constants with the graph of an input: constant(x, tensor).',
      })
    }
  }
  return { graph, inputs, outputs }
}
