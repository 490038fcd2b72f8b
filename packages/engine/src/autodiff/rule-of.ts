/** Which gradient rule an operator has. */
import type { Graph, Node, Value } from '../ir/graph.ts'
import type { VjpRule } from '../ir/registry.ts'
import type { NestedRule } from './rules/body.ts'
import { ifGradient, loopGradient } from './rules/control.ts'
import { DECOMPOSITIONS, RULES } from './rules/index.ts'
import { scanGradient } from './rules/scan.ts'

export type Decompose = (node: Node, graph: Graph) => readonly Value[]

/** How a node is differentiated: by its rule or as simpler operators. Where not at all, perhaps the reason. */
export type Way = { rule: VjpRule } | { nested: NestedRule } | { decompose: Decompose } | { reason: string | undefined }

/** Rules of nodes that hold graphs. */
const NESTED: Readonly<Record<string, NestedRule>> = { ':Scan': scanGradient, ':Loop': loopGradient, ':If': ifGradient }

export function wayOf({ domain, op, def }: Pick<Node, 'domain' | 'op' | 'def'>): Way {
  const key = `${domain}:${op}`
  const nested = NESTED[key]
  if (nested !== undefined) return { nested }
  const own = RULES[key] ?? def?.vjp
  if (typeof own === 'function') return { rule: own }
  const decompose = DECOMPOSITIONS[key] ?? def?.decompose
  return decompose === undefined ? { reason: own } : { decompose }
}
