/** What a program needs of memory when it runs, from its graph alone. */
import { PithError } from '@pith/core'
import { bytesFor } from '../dtype.ts'
import { inputsOf, type Value } from '../ir/graph.ts'
import { sizeOf } from '../shape.ts'
import type { Spec } from '../tensor.ts'

/** Bytes of one run. */
export interface MemoryEstimate {
  /** Inputs of the graph. */
  readonly inputs: number
  /** Constants, twice: those of the model, and the copy that the session makes. */
  readonly weights: number
  /** The most that intermediate values and outputs take at one time. */
  readonly activations: number
  readonly total: number
  /** Whether some shapes are not known before a run, so that more may be needed. */
  readonly isLowerBound: boolean
}

/** Operators whose output is their first input under another shape. */
const VIEWS: ReadonlySet<string> = /* @__PURE__ */ new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity'])

/**
 * The memory of a run, by a scan over the nodes that the outputs need: a value lives from the node that makes it to the last
 * that reads it, outputs to the end.
 *
 * @complexity linear in the nodes
 */
export function estimateMemory(outputs: readonly Value[]): MemoryEstimate {
  const graph = outputs[0]?.graph
  if (graph === undefined) return { inputs: 0, weights: 0, activations: 0, total: 0, isLowerBound: false }
  const nodes = graph.live(outputs)
  const owner = new Map<Value, Value>()
  const root = (value: Value): Value => owner.get(value) ?? value
  const constants = new Set<Value>()
  const lastUse = new Map<Value, number>()
  let isLowerBound = false
  for (const [at, node] of nodes.entries()) {
    const first = node.inputs[0]
    if (node.domain === '' && VIEWS.has(node.op) && first !== undefined) {
      owner.set(node.outputs[0] as Value, root(first))
    }
    for (const value of inputsOf(node)) {
      if (value.data === undefined) lastUse.set(root(value), at)
      else constants.add(value)
    }
    for (const value of node.outputs) isLowerBound ||= value.shape.includes(-1)
  }
  for (const value of outputs) {
    if (value.data === undefined) lastUse.set(root(value), nodes.length)
    else constants.add(value)
  }
  const dying: Value[][] = nodes.map(() => [])
  for (const [value, at] of lastUse) if (value.node !== undefined) dying[at]?.push(value)
  let live = 0
  let activations = 0
  for (const [at, node] of nodes.entries()) {
    for (const value of node.outputs) if (!owner.has(value)) live += bytesOf(value)
    activations = Math.max(activations, live)
    for (const value of dying[at] as Value[]) live -= bytesOf(value)
    for (const value of node.outputs) if (!owner.has(value) && !lastUse.has(value)) live -= bytesOf(value)
  }
  let weights = 0
  for (const value of constants) weights += 2 * bytesOf(value)
  let inputs = 0
  for (const value of graph.inputs) {
    inputs += bytesOf(value)
    isLowerBound ||= value.shape.includes(-1)
  }
  return { inputs, weights, activations, total: inputs + weights + activations, isLowerBound }
}

/** Refuse what does not fit. @throws PithError `PITH_LIMIT` more than `limit` bytes */
export function checkMemory({ total }: MemoryEstimate, limit: number): void {
  if (total <= limit) return
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`
  throw new PithError('PITH_LIMIT', `the program needs about ${mib(total)}, the limit is ${mib(limit)}`, {
    hint: 'Run smaller batches, or raise the limit.',
  })
}

function bytesOf({ dtype, shape }: Spec): number {
  // Lengths that are not known count as 1.
  return bytesFor(dtype, sizeOf(shape.map((length) => Math.max(length, 1))))
}
