/** What a program needs of memory when it runs, from its graph alone. */
import { PithError } from '@pith/core'
import { bytesFor } from '../dtype.ts'
import { inputsOf, type Subgraph, type Value } from '../ir/graph.ts'
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
 * that reads it, outputs to the end. Inner graphs count while their node runs.
 *
 * @complexity linear in the nodes
 */
export function estimateMemory(outputs: readonly Value[]): MemoryEstimate {
  const graph = outputs[0]?.graph
  const constants = new Set<Value>()
  const activations = graph === undefined ? 0 : peakOf({ graph, outputs }, constants)
  const given = graph?.inputs ?? []
  let inputs = 0
  for (const value of given) inputs += bytesOf(value)
  let weights = 0
  for (const value of constants) weights += 2 * bytesOf(value)
  const made = graph?.live(outputs).flatMap((node) => node.outputs) ?? []
  const isLowerBound = [...given, ...made].some(({ shape }) => shape.includes(-1))
  return { inputs, weights, activations, total: inputs + weights + activations, isLowerBound }
}

/** The most bytes that values of a graph take at one time; the constants that it reads are added to a set. */
function peakOf({ graph, outputs }: Subgraph, constants: Set<Value>): number {
  const nodes = graph.live(outputs)
  const owner = new Map<Value, Value>()
  const lastUse = new Map<Value, number>()
  const use = (value: Value, at: number): void => {
    if (value.data === undefined) lastUse.set(owner.get(value) ?? value, at)
    else constants.add(value)
  }
  for (const [at, node] of nodes.entries()) {
    const first = node.inputs[0]
    if (node.domain === '' && VIEWS.has(node.op) && first !== undefined) {
      owner.set(node.outputs[0] as Value, owner.get(first) ?? first)
    }
    for (const value of inputsOf(node)) use(value, at)
  }
  for (const value of outputs) use(value, nodes.length)
  const dying: Value[][] = nodes.map(() => [])
  for (const [value, at] of lastUse) if (value.node !== undefined && value.graph === graph) dying[at]?.push(value)
  let live = 0
  let peak = 0
  for (const [at, node] of nodes.entries()) {
    for (const value of node.outputs) if (!owner.has(value)) live += bytesOf(value)
    let inner = 0
    for (const body of Object.values(node.bodies ?? {})) inner = Math.max(inner, peakOf(body, constants))
    peak = Math.max(peak, live + inner)
    for (const value of dying[at] as Value[]) live -= bytesOf(value)
    for (const value of node.outputs) if (!owner.has(value) && !lastUse.has(value)) live -= bytesOf(value)
  }
  return peak
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
