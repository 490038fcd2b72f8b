/** What every pass does: emit the nodes that the outputs need once more, into a new graph. */
import { PithError } from '@pith/core'
import { Graph, type Node, type Subgraph, type Value } from '../graph.ts'

/** A program: a graph and what it returns. */
export type Program = Subgraph

/** A program made from another. */
export interface Rebuilt extends Program {
  /** The new value of an old one; values that nothing needs have none. */
  readonly values: ReadonlyMap<Value, Value>
}

/** What a pass does in another way than to copy. */
export interface Rewriting {
  /** What stands for a value instead of what makes it; undefined to go on as usual. */
  readonly value?: (old: Value, graph: Graph) => Value | undefined
  /** What stands for the outputs of a node whose new inputs are given; undefined to copy it. */
  readonly node?: (
    old: Node,
    inputs: readonly (Value | undefined)[],
    graph: Graph,
  ) => readonly (Value | undefined)[] | undefined
  /** Whether inputs that nothing needs are left out. Default: they stay, so that the signature does. */
  readonly dropInputs?: boolean
}

/**
 * Copy a program node by node, with what a pass changes. Equal nodes become one; nodes that nothing needs are left out.
 *
 * @throws PithError `PITH_SHAPE`, `PITH_DTYPE` a change that does not suit the nodes after it
 */
export function rebuild(program: Program, rewriting: Rewriting = {}): Rebuilt {
  const values = new Map<Value, Value>()
  const graph = new Graph()
  const outputs = copyInto(program, graph, values, rewriting)
  if (rewriting.node === undefined) return { graph, outputs, values }
  // What a rewriting has emitted and then not used goes.
  const clean = rebuild({ graph, outputs })
  const both = new Map<Value, Value>()
  for (const [old, made] of values) {
    const last = clean.values.get(made)
    if (last !== undefined) both.set(old, last)
  }
  return { ...clean, values: both }
}

/** Emit an old node with new inputs. */
export function copyNode(
  node: Node,
  inputs: readonly (Value | undefined)[],
  graph: Graph,
  bodies?: Readonly<Record<string, Subgraph>>,
): readonly Value[] {
  return graph.emit(node.op, inputs, node.attrs, {
    domain: node.domain,
    outputs: node.outputs.length,
    ...(bodies === undefined ? {} : { bodies }),
    ...(node.def === undefined ? { specs: node.outputs.map(({ dtype, shape }) => ({ dtype, shape })) } : {}),
    ...(node.isUnique === true ? { unique: true } : {}),
  })
}

function copyInto(
  { graph: from, outputs }: Program,
  graph: Graph,
  values: Map<Value, Value>,
  rewriting: Rewriting,
): Value[] {
  const needed = needs({ graph: from, outputs }, graph, values, rewriting)
  for (const old of from.inputs) {
    if (values.has(old) || (rewriting.dropInputs === true && !needed.inputs.has(old))) continue
    values.set(old, graph.input(old.name ?? `input${old.id}`, old.dtype, old.shape))
  }
  const madeOf = (old: Value): Value => {
    let value = values.get(old)
    if (value === undefined && old.data !== undefined) {
      value = graph.constant(old.data)
      value.name ??= old.name
      // What a body copies from around it is not seen there.
      if (old.graph === from) values.set(old, value)
    }
    if (value === undefined)
      throw new PithError('PITH_INTERNAL', `a value is used before it is made (${old.name ?? old.id})`)
    return value
  }
  for (const node of from.nodes) {
    if (!needed.nodes.has(node)) continue
    const inputs = node.inputs.map((value) => value && madeOf(value))
    const made =
      rewriting.node?.(node, inputs, graph) ?? copyNode(node, inputs, graph, copyBodies(node, graph, values, rewriting))
    for (const [i, old] of node.outputs.entries()) {
      const value = made[i]
      if (value === undefined || values.has(old)) continue
      if (value.node !== undefined) value.name ??= old.name
      values.set(old, value)
    }
  }
  return outputs.map(madeOf)
}

function copyBodies(
  node: Node,
  graph: Graph,
  values: Map<Value, Value>,
  rewriting: Rewriting,
): Record<string, Subgraph> | undefined {
  if (node.bodies === undefined) return undefined
  const bodies: Record<string, Subgraph> = {}
  for (const [name, body] of Object.entries(node.bodies)) {
    const inner = new Graph(graph)
    bodies[name] = { graph: inner, outputs: copyInto(body, inner, values, { ...rewriting, dropInputs: false }) }
  }
  return bodies
}

interface Needed {
  readonly nodes: ReadonlySet<Node>
  readonly inputs: ReadonlySet<Value>
}

/** Nodes and inputs that outputs need; what the pass replaces is put in place, and what made it is not followed. */
function needs(
  { graph: from, outputs }: Program,
  graph: Graph,
  values: Map<Value, Value>,
  rewriting: Rewriting,
): Needed {
  const nodes = new Set<Node>()
  const inputs = new Set<Value>()
  const seen = new Set<Value>()
  const stack: Value[] = [...outputs]
  for (let old = stack.pop(); old !== undefined; old = stack.pop()) {
    if (seen.has(old)) continue
    seen.add(old)
    const known = values.get(old) ?? rewriting.value?.(old, graph)
    if (known !== undefined) values.set(old, known)
    else if (old.node !== undefined) {
      if (old.graph !== from || nodes.has(old.node)) continue
      nodes.add(old.node)
      stack.push(...readsOf(old.node))
    } else if (old.graph === from && old.data === undefined) inputs.add(old)
  }
  return { nodes, inputs }
}

/** Values that a node reads, those that its bodies take from around them included. */
function readsOf(node: Node): Value[] {
  const reads = node.inputs.filter((value) => value !== undefined)
  for (const { graph, outputs } of Object.values(node.bodies ?? {})) {
    for (const value of [...outputs, ...graph.nodes.flatMap(readsOf)]) if (value.graph !== graph) reads.push(value)
  }
  return reads
}
