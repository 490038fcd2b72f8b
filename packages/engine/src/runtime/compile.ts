/** From a graph to a session. */
import { type Limits, PithError, type Run, throwIfAborted } from '@pith/core'
import type { Value } from '../ir/graph.ts'
import { toModel } from '../onnx/export.ts'
import { writeModel } from '../onnx/write.ts'
import type { Backend, Session } from './backend.ts'
import { loadRuntime } from './load.ts'
import { checkMemory, estimateMemory } from './memory.ts'

/** What runs a graph, and with how much of the machine. */
export interface CompileOptions extends Pick<Run, 'signal' | 'threads' | 'limits'> {
  /** What runs it. Default: that of `loadRuntime()`. */
  backend?: Backend
  /** Threads within one operator, 1 or more. Default 1. */
  threads?: number
  /** `memoryBytes`: most bytes that it may need, by an estimate. Default: no limit. */
  limits?: Partial<Limits>
}

/**
 * Make a session of the values of a graph.
 *
 * @param outputs values by the names that they get
 * @throws PithError `PITH_ARG` no outputs, or those of two graphs · `PITH_LIMIT` too much memory · `PITH_MODEL` an operator
 * that the backend does not have
 */
export async function compile(
  outputs: Readonly<Record<string, Value>>,
  { backend, threads = 1, limits, signal }: CompileOptions = {},
): Promise<Session> {
  throwIfAborted(signal)
  const values = Object.values(outputs)
  const graph = values[0]?.graph
  if (graph === undefined) throw new PithError('PITH_ARG', 'there is nothing to compute: no outputs')
  if (values.some((value) => value.graph !== graph)) throw new PithError('PITH_ARG', 'outputs are of two graphs')
  if (limits?.memoryBytes !== undefined) checkMemory(estimateMemory(values), limits.memoryBytes)
  return (backend ?? (await loadRuntime())).create(modelOf(outputs, threads), { threads, signal })
}

/** The model of some values of one graph, as bytes. */
export function modelOf(outputs: Readonly<Record<string, Value>>, threads: number): Uint8Array {
  const { graph } = Object.values(outputs)[0] as Value
  return writeModel(toModel(graph, outputs, { target: 'ort', threads }))
}
