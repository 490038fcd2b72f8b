/** Reverse-mode differentiation of graphs: the nodes are walked backwards, and each emits the cotangents of its inputs. */
import { PithError } from '@pith/core'
import { isFloat } from '../dtype.ts'
import type { Graph, Node, Value } from '../ir/graph.ts'
import { sameShape } from '../shape.ts'
import { specText } from '../tensor.ts'
import { Build } from './build.ts'
import { graphOf } from './custom.ts'
import { dependents, gradientInputs, gradientNodes, waysOf } from './reach.ts'
import { type Region, regionOf } from './region.ts'
import type { Way } from './rule-of.ts'

/** Cotangents of rows of a table: `values[i]` adds to row `indices[i]`. */
export interface RowGradient {
  /** i32 or i64[n]. */
  readonly indices: Value
  /** float[n, ...row]. */
  readonly values: Value
}

/** What is known of the gradient of one value; nothing at all is zero. */
export interface SplitGradient {
  readonly dense: Value | undefined
  readonly rows: readonly RowGradient[]
}

/**
 * Pull cotangents of outputs back to other values of the graph; emits into the graph.
 *
 * @param cotangents of the types and shapes of the outputs
 * @param wrt float values, inputs of the graph or made by nodes; zeros for those that the outputs do not depend on
 * @throws PithError `PITH_GRADIENT` an operator on the way has no rule; names it, its node and the path through it ·
 * `PITH_SHAPE` cotangents that do not fit · `PITH_ARG` values of different graphs
 */
export function vjp(outputs: readonly Value[], cotangents: readonly Value[], wrt: readonly Value[]): Value[] {
  const walk = new Walk(graphOf([...outputs, ...cotangents, ...wrt]), outputs, wrt)
  walk.run(cotangents)
  return wrt.map((value) => walk.gradientOf(value) ?? walk.build.fill(0, value.shape, value.dtype))
}

/**
 * As `vjp` of a function whose independent arguments are `inputs`: what these depend on themselves, also on each other, is
 * not followed. Undefined is zero.
 */
export function vjpOf(
  outputs: readonly Value[],
  cotangents: readonly Value[],
  inputs: readonly Value[],
): (Value | undefined)[] {
  const walk = new Walk(graphOf([...outputs, ...cotangents, ...inputs]), outputs, inputs, { stops: new Set(inputs) })
  walk.run(cotangents)
  return inputs.map((value) => walk.gradientOf(value))
}

/** As `vjp`, but a table that rows are taken from by `Gather` along its first axis has the cotangents of these rows. */
export function splitVjp(
  outputs: readonly Value[],
  cotangents: readonly Value[],
  wrt: readonly Value[],
): SplitGradient[] {
  const walk = new Walk(graphOf([...outputs, ...cotangents, ...wrt]), outputs, wrt, { splitsRows: true })
  walk.run(cotangents)
  return wrt.map((value) => ({ dense: walk.gradientOf(value), rows: walk.rows.get(value) ?? [] }))
}

class Walk {
  readonly build: Build
  readonly rows: Map<Value, RowGradient[]> = new Map()
  readonly #graph: Graph
  readonly #outputs: readonly Value[]
  readonly #leaves: ReadonlySet<Value>
  readonly #splitsRows: boolean
  readonly #nodes: readonly Node[]
  readonly #needed: ReadonlySet<Value>
  readonly #ways: ReadonlyMap<Node, Way>
  /** The node of each region that comes last on the way back: by then all cotangents of its outputs are there. */
  readonly #firsts: Map<Region, Node> = new Map()
  readonly #cotangents: Map<Value, Value> = new Map()
  /** Gradients of leaves since a region last asked. */
  #fresh: Value[] = []

  constructor(
    graph: Graph,
    outputs: readonly Value[],
    wrt: readonly Value[],
    { stops = new Set(), splitsRows = false }: { stops?: ReadonlySet<Value>; splitsRows?: boolean } = {},
  ) {
    for (const value of [...outputs, ...wrt]) {
      if (isFloat(value.dtype)) continue
      throw new PithError('PITH_DTYPE', `${value.name ?? 'a value'} of type ${specText(value)} has no gradient`)
    }
    this.build = new Build(graph)
    this.#graph = graph
    this.#outputs = outputs
    this.#leaves = new Set(wrt)
    this.#splitsRows = splitsRows
    this.#nodes = gradientNodes(graph, outputs, stops)
    this.#needed = dependents(this.#nodes, wrt)
    this.#ways = waysOf(this.#nodes, this.#needed, wrt)
    for (const node of this.#nodes) {
      const region = regionOf(node)
      if (region !== undefined && !this.#firsts.has(region)) this.#firsts.set(region, node)
    }
  }

  gradientOf(value: Value): Value | undefined {
    return this.#cotangents.get(value)
  }

  run(cotangents: readonly Value[]): void {
    for (const [i, output] of this.#outputs.entries()) {
      if (this.#needed.has(output)) this.#give(output, cotangents[i], 'the caller')
    }
    for (let i = this.#nodes.length - 1; i >= 0; i--) this.#visit(this.#nodes[i])
  }

  #visit(node: Node): void {
    const region = regionOf(node)
    const outputs = region === undefined ? node.outputs : this.#firsts.get(region) === node ? region.outputs : []
    const cotangents = outputs.map((output) => this.#cotangents.get(output))
    if (cotangents.every((cotangent) => cotangent === undefined)) return
    if (region !== undefined) {
      const { inputs } = region
      const needs = (input: number): boolean => this.#isNeeded(inputs[input])
      if (!inputs.some((input) => this.#isNeeded(input))) return
      const takeFresh = (): Value[] => this.#fresh.splice(0)
      const given = region.gradient({ graph: this.#graph, region, cotangents, needs, takeFresh })
      this.#giveAll(inputs, given, 'the gradient that was given')
      return
    }
    const inputs = gradientInputs(node)
    if (!inputs.some((input) => this.#isNeeded(input)) || this.#keepRows(node, cotangents[0])) return
    const way = this.#ways.get(node)
    if (way === undefined) return
    const needs = (input: number): boolean => this.#isNeeded(inputs[input])
    const context = { graph: this.#graph, node, cotangents, needs }
    if ('rule' in way) this.#giveAll(inputs, way.rule(context), node.op)
    else if ('nested' in way) this.#giveAll(inputs, way.nested(context, vjpOf), node.op)
    else if ('decompose' in way) {
      const places = [...node.inputs.keys()].filter(needs)
      const given = this.#pullThrough(way.decompose(node, this.#graph), cotangents, node, places)
      this.#giveAll(
        places.map((place) => node.inputs[place]),
        given,
        node.op,
      )
    }
  }

  /** The gradient of what a node decomposes into. */
  #pullThrough(
    simpler: readonly Value[],
    cotangents: readonly (Value | undefined)[],
    node: Node,
    places: readonly number[],
  ): readonly (Value | undefined)[] {
    const outputs = simpler.filter((_, i) => cotangents[i] !== undefined)
    const own = cotangents.filter((cotangent) => cotangent !== undefined)
    if (outputs.length !== own.length || outputs.some((output) => output.node === node)) {
      throw new PithError('PITH_GRADIENT', `${node.op} has no gradient for all of the outputs that are used`)
    }
    return vjpOf(
      outputs,
      own,
      places.map((place) => node.inputs[place] as Value),
    )
  }

  #isNeeded(value: Value | undefined): boolean {
    return value !== undefined && this.#needed.has(value)
  }

  #giveAll(inputs: readonly (Value | undefined)[], given: readonly (Value | undefined)[], by: string): void {
    for (const [i, input] of inputs.entries()) {
      const cotangent = given[i]
      if (input !== undefined && cotangent !== undefined && this.#needed.has(input)) this.#give(input, cotangent, by)
    }
  }

  #give(to: Value, cotangent: Value, by: string): void {
    if (cotangent === undefined || cotangent.dtype !== to.dtype || !sameShape(cotangent.shape, to.shape)) {
      const got = cotangent === undefined ? 'nothing' : specText(cotangent)
      throw new PithError('PITH_SHAPE', `${by}: the cotangent of ${specText(to)} is ${got}`)
    }
    if (this.#leaves.has(to) && to.node === undefined) this.#fresh.push(cotangent)
    const before = this.#cotangents.get(to)
    this.#cotangents.set(to, before === undefined ? cotangent : this.build.add(before, cotangent))
  }

  /** Row cotangents of a table that is asked for are left as they are. */
  #keepRows(node: Node, cotangent: Value | undefined): boolean {
    const [table, indices] = node.inputs
    const axis = node.attrs['axis'] ?? 0
    if (!this.#splitsRows || node.op !== 'Gather' || node.domain !== '' || axis !== 0) return false
    if (table === undefined || indices === undefined || cotangent === undefined) return false
    if (table.node !== undefined || !this.#leaves.has(table)) return false
    const { build } = this
    const values = build.reshape(cotangent, [indices.size, ...table.shape.slice(1)])
    const list = this.rows.get(table) ?? []
    list.push({ indices: build.reshape(indices, [indices.size]), values })
    this.rows.set(table, list)
    this.#fresh.push(values)
    return true
  }
}
