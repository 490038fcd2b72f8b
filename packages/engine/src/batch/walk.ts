/** Programs for one example become programs for a batch: their nodes are emitted again, each by its batch rule. */
import { PithError } from '@pith/core'
import { Build } from '../autodiff/build.ts'
import { markRegion, type Region, type RegionContext, regionOf } from '../autodiff/region.ts'
import { Graph, inputsOf, isWithin, type Node, type Subgraph, type Value } from '../ir/graph.ts'
import { copyNode } from '../ir/passes/rebuild.ts'
import { batchWayOf } from './index.ts'
import { type Lane, Lanes, notBatched, repeat } from './table.ts'

/**
 * Emit what gives some values of one example for a whole batch.
 *
 * @param program  its graph is a child of `into`, whose values it may use: these are the same for all examples
 * @param given    what the inputs of the program become
 * @throws PithError `PITH_UNSUPPORTED` an operator has no batch rule; names it
 */
export function batched(program: Subgraph, into: Graph, given: ReadonlyMap<Value, Lane>, size: number): Lane[] {
  return new Walk(program.graph, into, size, new Map(given)).lanesOf(program.outputs)
}

class Walk {
  readonly #from: Graph
  readonly #into: Graph
  readonly #size: number
  readonly #lanes: Map<Value, Lane>
  readonly #outer: Walk | undefined
  readonly #regions: Set<Region> = new Set()

  constructor(from: Graph, into: Graph, size: number, lanes: Map<Value, Lane>, outer?: Walk) {
    this.#from = from
    this.#into = into
    this.#size = size
    this.#lanes = lanes
    this.#outer = outer
  }

  lanesOf(outputs: readonly Value[]): Lane[] {
    for (const node of this.#needed(outputs)) this.#visit(node)
    return outputs.map((output) => this.#laneOf(output))
  }

  /** Nodes that the values need, those that the gradients of regions read included. */
  #needed(outputs: readonly Value[]): Node[] {
    const needed = new Set<Node>()
    const stack = [...outputs]
    for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
      const { node } = value
      if (node === undefined || value.graph !== this.#from || needed.has(node) || this.#lanes.has(value)) continue
      needed.add(node)
      const region = regionOf(node)
      stack.push(...inputsOf(node), ...(region === undefined ? [] : [...region.inputs, ...region.residuals]))
      if (region !== undefined) stack.push(...region.outputs)
    }
    return this.#from.nodes.filter((node) => needed.has(node))
  }

  #find(value: Value): Lane | undefined {
    return this.#lanes.get(value) ?? (this.#outer === undefined ? undefined : this.#outer.#find(value))
  }

  #laneOf(value: Value): Lane {
    const known = this.#find(value)
    if (known !== undefined) return known
    if (isWithin(this.#into, value.graph)) return { value, isBatched: false }
    if (value.data !== undefined) return this.#keep(value, { value: this.#into.constant(value.data), isBatched: false })
    // What a gradient has copied from the graph that it was made in depends on nothing there.
    if (value.node !== undefined) {
      this.#visit(value.node)
      const made = this.#find(value)
      if (made !== undefined) return made
    }
    throw new PithError('PITH_ARG', 'vmap: a value is of another graph', {
      hint: 'Use values of the trace that vmap is called in, and the inputs of the function.',
    })
  }

  #keep(value: Value, lane: Lane): Lane {
    this.#lanes.set(value, lane)
    return lane
  }

  #visit(node: Node): void {
    if (node.outputs.every((output) => this.#lanes.has(output))) return
    const region = regionOf(node)
    const made = region === undefined ? this.#emit(node) : this.#mark(region)
    for (const [i, output] of (region?.outputs ?? node.outputs).entries())
      if (made[i] !== undefined) this.#keep(output, made[i])
  }

  #emit(node: Node): readonly Lane[] {
    const way = batchWayOf(node)
    const lanes = node.inputs.map((value) => value && this.#laneOf(value))
    const context = (): Lanes => new Lanes(this.#into, node, lanes, this.#size)
    if (way.nested !== undefined) {
      const captured = inputsOf(node)
        .slice(lanes.filter((lane) => lane !== undefined).length)
        .map((value) => this.#laneOf(value))
      return way.nested(context(), (body, into, inputs) => this.#body(body, into, inputs), captured)
    }
    if (lanes.every((lane) => lane?.isBatched !== true)) {
      const inputs = lanes.map((lane) => lane?.value)
      return copyNode(node, inputs, this.#into).map((value) => ({ value, isBatched: false }))
    }
    if (way.fromShape !== undefined) {
      return (way.fromShape(context()) ?? []).map((value) => ({ value, isBatched: false }))
    }
    const results = way.rule?.(context())
    if (results !== undefined) return results.map((value) => ({ value, isBatched: true }))
    if (way.decompose === undefined) throw notBatched(node, way.reason ?? 'no rule is known')
    const simpler = way.decompose(node, this.#from)
    if (simpler.some((value) => value.node === node)) throw notBatched(node, 'not in the form that it has here')
    return this.lanesOf(simpler)
  }

  #body({ graph, outputs }: Subgraph, into: Graph, inputs: readonly Lane[]): Lane[] {
    const lanes = new Map(graph.inputs.map((input, i) => [input, inputs[i]]))
    return new Walk(graph, into, this.#size, lanes, this).lanesOf(outputs)
  }

  /** The gradient of a region for a batch is its gradient for one example, for a batch. */
  #mark(region: Region): readonly Lane[] {
    if (this.#regions.has(region)) return []
    this.#regions.add(region)
    const size = this.#size
    const b = new Build(this.#into)
    const all = (values: readonly Value[]): Lane[] => values.map((value) => this.#laneOf(value))
    const [inputs, residuals] = [all(region.inputs), all(region.residuals)]
    const results = all(region.outputs.map((output) => output.node?.inputs[0] as Value))
    const isWhole = [...inputs, ...residuals, ...results].some(({ isBatched }) => isBatched)
    const own = {
      inputs: inputs.map(({ value }) => value),
      residuals: residuals.map(({ value }) => value),
    }
    if (!isWhole) {
      const values = results.map(({ value }) => value)
      return markRegion(this.#into, values, { ...own, gradient: region.gradient }).map((value) => ({
        value,
        isBatched: false,
      }))
    }
    const full = results.map(({ value, isBatched }) => (isBatched ? value : repeat(b, value, size)))
    const parts = [inputs, residuals, results.map(({ value }) => ({ value, isBatched: true }))]
    const outputs = markRegion(this.#into, full, {
      ...own,
      gradient: (context) => batchedGradient(context, region, parts, size),
    })
    return outputs.map((value) => ({ value, isBatched: true }))
  }
}

/** Cotangents of the inputs of a region from those of its outputs; those of what all examples share are added up. */
function batchedGradient(
  { graph, region: own, cotangents, needs }: RegionContext,
  region: Region,
  [inputs, residuals]: readonly (readonly Lane[])[],
  size: number,
): readonly (Value | undefined)[] {
  const inner = new Graph(graph)
  const given = new Map<Value, Lane>()
  let count = 0
  const stand = (value: Value, isBatched: boolean): Value => {
    const shape = isBatched ? value.shape.slice(1) : value.shape
    const made = inner.input(`x${count++}`, value.dtype, shape)
    given.set(made, { value, isBatched })
    return made
  }
  const one: Region = {
    inputs: own.inputs.map((value, i) => stand(value, inputs[i].isBatched)),
    residuals: own.residuals.map((value, i) => stand(value, residuals[i].isBatched)),
    outputs: own.outputs.map((value) => stand(value, true)),
    gradient: region.gradient,
  }
  const pulled = region.gradient({
    graph: inner,
    region: one,
    cotangents: cotangents.map((value) => value && stand(value, true)),
    needs,
    takeFresh: () => [],
  })
  const wanted = pulled.filter((value) => value !== undefined)
  const lanes = batched({ graph: inner, outputs: wanted }, graph, given, size)
  const b = new Build(graph)
  return pulled.map((value, i) => {
    if (value === undefined) return undefined
    const lane = lanes[wanted.indexOf(value)]
    if (inputs[i].isBatched) return lane.isBatched ? lane.value : repeat(b, lane.value, size)
    return lane.isBatched ? b.sum(lane.value, [0], false) : b.mul(lane.value, size)
  })
}
