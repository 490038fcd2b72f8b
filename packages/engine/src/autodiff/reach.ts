/** Which values a gradient passes through, and the check that it can. */
import { PithError } from '@pith/core'
import { type Graph, inputsOf, type Node, type Value } from '../ir/graph.ts'
import { specText } from '../tensor.ts'
import { isDifferentiable } from './build.ts'
import { regionOf } from './region.ts'
import { type Way, wayOf } from './rule-of.ts'

/** Values that the cotangents of a node go to. */
export function gradientInputs(node: Node): readonly (Value | undefined)[] {
  return regionOf(node)?.inputs ?? (node.bodies === undefined ? node.inputs : inputsOf(node))
}

/** Nodes through which gradients may pass on the way to some outputs, in topological order; none before `stops`. */
export function gradientNodes(graph: Graph, outputs: readonly Value[], stops: ReadonlySet<Value>): Node[] {
  const seen = new Set<Node>()
  const stack: (Value | undefined)[] = [...outputs]
  while (stack.length > 0) {
    const value = stack.pop()
    const node = value?.node
    if (value === undefined || node === undefined || stops.has(value) || seen.has(node)) continue
    seen.add(node)
    stack.push(...gradientInputs(node))
  }
  return graph.nodes.filter((node) => seen.has(node))
}

/** Floating-point values that depend on one of `wrt`, these included. */
export function dependents(nodes: readonly Node[], wrt: readonly Value[]): Set<Value> {
  const needed = new Set<Value>(wrt)
  for (const node of nodes) {
    if (!gradientInputs(node).some((input) => input !== undefined && needed.has(input))) continue
    for (const output of node.outputs) if (isDifferentiable(output)) needed.add(output)
  }
  return needed
}

/** How each node on the way is differentiated. @throws PithError `PITH_GRADIENT` one cannot be; names it and its path */
export function waysOf(nodes: readonly Node[], needed: ReadonlySet<Value>, wrt: readonly Value[]): Map<Node, Way> {
  const ways = new Map<Node, Way>()
  for (const node of nodes) {
    const isOnPath =
      regionOf(node) === undefined &&
      gradientInputs(node).some((input) => input !== undefined && needed.has(input)) &&
      node.outputs.some(isDifferentiable)
    if (!isOnPath) continue
    const open = [...node.inputs, ...node.outputs].find((value) => value?.shape.some((length) => length < 0))
    if (open !== undefined) {
      throw new PithError(
        'PITH_SHAPE',
        `${node.op} can't be differentiated: ${specText(open)} has lengths that are not known`,
        {
          hint: 'Give the lengths of the axes when the model is imported.',
        },
      )
    }
    const way = wayOf(node)
    if ('reason' in way) throw missing(node, way.reason, nodes, needed, wrt)
    ways.set(node, way)
  }
  return ways
}

function missing(
  node: Node,
  why: string | undefined,
  nodes: readonly Node[],
  needed: ReadonlySet<Value>,
  wrt: readonly Value[],
): PithError {
  const path = [nameOf(node)]
  for (let at: Node | undefined = node; at !== undefined; ) {
    const from: Value | undefined = gradientInputs(at).find((input) => input !== undefined && needed.has(input))
    if (from === undefined) break
    path.unshift(from.node === undefined || wrt.includes(from) ? (from.name ?? `value ${from.id}`) : nameOf(from.node))
    at = wrt.includes(from) ? undefined : from.node
  }
  for (let at: Node | undefined = node; at !== undefined; ) {
    const { outputs }: Node = at
    at = nodes.find((user) => gradientInputs(user).some((input) => input !== undefined && outputs.includes(input)))
    path.push(at === undefined ? 'loss' : nameOf(at))
  }
  const shown = path.length > 12 ? [...path.slice(0, 6), '...', ...path.slice(-5)] : path
  const reason = why === undefined ? 'no rule is known' : why
  const name = node.outputs[0]?.name
  return new PithError(
    'PITH_GRADIENT',
    `${node.domain === '' ? '' : `${node.domain}.`}${node.op} has no gradient: ${reason}; on the path ${shown.join(' -> ')}`,
    {
      hint: 'Register a rule with registerOp, use stopGradient or customVjp, or leave the parameter out.',
      at: { node: name ?? node.op },
    },
  )
}

function nameOf(node: Node): string {
  const name = node.outputs[0]?.name
  return name === undefined ? node.op : `${node.op} (${name})`
}
