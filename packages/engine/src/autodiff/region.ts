/**
 * Parts of a program whose gradient is given by a function, not by their nodes. A region hangs on the Identity nodes that
 * give its outputs; the program that runs is the same with and without it.
 */
import type { Graph, Node, Value } from '../ir/graph.ts'

/** What the gradient of a region sees. */
export interface RegionContext {
  readonly graph: Graph
  readonly region: Region
  readonly cotangents: readonly (Value | undefined)[]
  needs(input: number): boolean
  /** Gradients of parameters that came up since this was last asked. */
  takeFresh(): Value[]
}

export interface Region {
  /** Values that cotangents are given for. */
  readonly inputs: readonly Value[]
  /** Further values that the gradient reads. */
  readonly residuals: readonly Value[]
  readonly outputs: readonly Value[]
  readonly gradient: (context: RegionContext) => readonly (Value | undefined)[]
}

const REGIONS: WeakMap<Node, Region> = /* @__PURE__ */ new WeakMap()

/** The region whose output a node gives. */
export function regionOf(node: Node): Region | undefined {
  return REGIONS.get(node)
}

/** Wrap the results of a region. */
export function markRegion(
  graph: Graph,
  results: readonly Value[],
  own: Pick<Region, 'inputs' | 'residuals' | 'gradient'>,
): Value[] {
  const outputs = results.map((result) => graph.emit('Identity', [result], {}, { unique: true })[0])
  const region: Region = { ...own, outputs }
  for (const { node } of outputs) REGIONS.set(node as Node, region)
  return outputs
}
