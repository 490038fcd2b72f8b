/** Programs as WebGPU runs them. */
import { PithError } from '@pith/core'
import type { Graph, Subgraph, Value } from '../ir/graph.ts'
import { lowerForWebgpu } from './webgpu-lower.ts'
import { narrowIntegers } from './webgpu-narrow.ts'
import { supportOf, type WebgpuSupport } from './webgpu-table.ts'

export type { WebgpuSupport } from './webgpu-table.ts'

/** A program, and what still keeps it from running. */
export interface WebgpuProgram extends WebgpuSupport {
  readonly program: Subgraph
  /** Inputs that were 64-bit integers and have 32 bits now. */
  readonly narrowed: ReadonlySet<string>
}

/**
 * Whether all operators that some values need run on WebGPU, some of them as simpler ones, and 64-bit integer inputs as
 * 32-bit ones.
 *
 * @param outputs values of one graph, 1 or more
 * @throws PithError `PITH_ARG` no values
 */
export function webgpuSupported(outputs: readonly Value[]): WebgpuSupport {
  const { isSupported, missing } = forWebgpu(outputs)
  return { isSupported, missing }
}

/** Operators that it lacks by others, and integers of 32 bits. @throws PithError `PITH_ARG` no values */
export function forWebgpu(outputs: readonly Value[]): WebgpuProgram {
  const graph: Graph | undefined = outputs[0]?.graph
  if (graph === undefined) throw new PithError('PITH_ARG', 'there is nothing to compute: no outputs')
  const { program, narrowed } = narrowIntegers(lowerForWebgpu({ graph, outputs }))
  return { ...supportOf(program.outputs), program, narrowed }
}
