/** The part of a program between some of its values. */
import { PithError } from '@pith/core'
import type { Value } from '../graph.ts'
import { type Program, type Rebuilt, rebuild } from './rebuild.ts'

/**
 * Take the nodes that lead from some values to others.
 *
 * @param from names of values that become inputs; inputs of the program that are still needed stay inputs
 * @param to names of values that become the outputs
 * @throws PithError `PITH_ARG` there is no value of a name
 */
export function extract(program: Program, from: readonly string[], to: readonly string[]): Rebuilt {
  const named = new Map<string, Value>()
  for (const value of valuesOf(program)) if (value.name !== undefined) named.set(value.name, value)
  const find = (name: string): Value => {
    const value = named.get(name)
    if (value === undefined) throw new PithError('PITH_ARG', `the program has no value ${JSON.stringify(name)}`)
    return value
  }
  const starts = new Set(from.map(find))
  return rebuild(
    { graph: program.graph, outputs: to.map(find) },
    {
      dropInputs: true,
      value: (old, graph) => (starts.has(old) ? graph.input(old.name as string, old.dtype, old.shape) : undefined),
    },
  )
}

function valuesOf({ graph }: Program): Value[] {
  const inner = graph.nodes.flatMap(({ inputs, outputs }) => [
    ...inputs.filter((value) => value !== undefined),
    ...outputs,
  ])
  return [...graph.inputs, ...inner]
}
