/** Which names a graph of a file defines and reads, and an order of its nodes in which each comes after what it reads. */
import { PithError } from '@pith/core'
import type { GraphProto, NodeProto } from './proto.ts'

/** Graphs within the attributes of a node. */
export function bodiesOf(node: NodeProto): GraphProto[] {
  const bodies: GraphProto[] = []
  for (const { g, graphs } of node.attribute ?? []) {
    if (g !== undefined) bodies.push(g)
    for (const graph of graphs ?? []) bodies.push(graph)
  }
  return bodies
}

/** Names that a graph has before any node: its inputs and initialisers. */
export function givenNames(graph: GraphProto): string[] {
  return [
    ...(graph.input ?? []).map((value) => value.name ?? ''),
    ...(graph.initializer ?? []).map((tensor) => tensor.name ?? ''),
    ...(graph.sparseInitializer ?? []).map((tensor) => tensor.values?.name ?? ''),
  ]
}

/** Names that a node reads, those that its graphs take from around them included. */
function readNames(node: NodeProto): string[] {
  const names = (node.input ?? []).filter((name) => name !== '')
  for (const body of bodiesOf(node)) {
    const own = new Set(givenNames(body))
    for (const inner of body.node ?? []) for (const name of inner.output ?? []) own.add(name)
    for (const inner of body.node ?? []) for (const name of readNames(inner)) if (!own.has(name)) names.push(name)
    for (const { name = '' } of body.output ?? []) if (!own.has(name)) names.push(name)
  }
  return names
}

/**
 * Nodes in an order in which each comes after those whose outputs it reads; their own order where it is one already.
 *
 * @throws PithError `PITH_MODEL` two nodes with one output; nodes that need each other
 */
export function orderNodes(nodes: readonly NodeProto[]): readonly NodeProto[] {
  const makers = new Map<string, number>()
  for (const [place, node] of nodes.entries()) {
    for (const name of node.output ?? []) {
      if (name === '') continue
      if (makers.has(name)) throw twice(name, node)
      makers.set(name, place)
    }
  }
  if (isOrdered(nodes, makers)) return nodes
  const waiting = new Int32Array(nodes.length)
  const readers: number[][] = nodes.map(() => [])
  for (const [place, node] of nodes.entries()) {
    for (const name of readNames(node)) {
      const maker = makers.get(name)
      if (maker === undefined) continue
      readers[maker]?.push(place)
      waiting[place] = (waiting[place] as number) + 1
    }
  }
  const ready = [...nodes.keys()].filter((place) => waiting[place] === 0)
  for (const place of ready) {
    for (const reader of readers[place] as number[]) {
      waiting[reader] = (waiting[reader] as number) - 1
      if (waiting[reader] === 0) ready.push(reader)
    }
  }
  if (ready.length < nodes.length) {
    const stuck = nodes[waiting.findIndex((count) => count > 0)] as NodeProto
    throw new PithError('PITH_MODEL', `the graph has a circle through ${nodeText(stuck)}`, {
      at: { node: nodeText(stuck) },
    })
  }
  return ready.map((place) => nodes[place] as NodeProto)
}

function isOrdered(nodes: readonly NodeProto[], makers: ReadonlyMap<string, number>): boolean {
  for (const [place, node] of nodes.entries()) {
    for (const name of readNames(node)) if ((makers.get(name) ?? -1) >= place) return false
  }
  return true
}

/** The error of a name that is defined twice. */
export function twice(name: string, node: NodeProto): PithError {
  return new PithError('PITH_MODEL', `the value ${JSON.stringify(name.slice(0, 80))} is defined twice`, {
    at: { node: nodeText(node) },
  })
}

/** What messages call a node: its name, or its operator and first output. */
export function nodeText(node: NodeProto): string {
  const own = node.name ?? ''
  return (own !== '' ? own : `${node.opType ?? ''}(${node.output?.[0] ?? ''})`).slice(0, 80)
}
