/** Which batch rule an operator has. */
import { wayOf } from '../autodiff/rule-of.ts'
import { RECURRENT_SCANS } from '../autodiff/rules/recurrent-scan.ts'
import type { Graph, Node, Value } from '../ir/graph.ts'
import type { BatchRule } from '../ir/registry.ts'
import { CONTROL } from './control.ts'
import { ELEMENTWISE } from './elementwise.ts'
import { INDEXING } from './indexing.ts'
import { LINEAR } from './linear.ts'
import { FROM_SHAPE, MOVEMENT } from './movement.ts'
import { OTHER } from './other.ts'
import { REDUCE } from './reduce.ts'
import { SEQUENCE } from './sequence.ts'
import type { NestedRule, Rule, Rules } from './table.ts'
import { WINDOW } from './window.ts'

/** All batch rules, by `domain:name`. */
export const BATCH_RULES: Rules = /* @__PURE__ */ Object.freeze({
  ...ELEMENTWISE,
  ...REDUCE,
  ...MOVEMENT,
  ...INDEXING,
  ...LINEAR,
  ...WINDOW,
  ...SEQUENCE,
  ...OTHER,
})

/** How a batch is made of a node: by rules, the next of which is asked where one leaves the form of the node to it. */
export interface BatchWay {
  readonly nested?: NestedRule
  /** One result for all examples. */
  readonly fromShape?: Rule
  readonly rule?: Rule | BatchRule
  readonly decompose?: (node: Node, graph: Graph) => readonly Value[]
  /** Why there is no way. */
  readonly reason?: string
}

/** The ways of an operator; none at all where nothing is known of it. */
export function batchWayOf({ domain, op, def }: Pick<Node, 'domain' | 'op' | 'def'>): BatchWay {
  const key = `${domain}:${op}`
  const nested = CONTROL[key]
  if (nested !== undefined) return { nested }
  const fromShape = FROM_SHAPE[key]
  if (typeof fromShape === 'function') return { fromShape }
  const own = BATCH_RULES[key] ?? def?.batch
  const way = wayOf({ domain, op, def })
  const decompose = RECURRENT_SCANS[key] ?? ('decompose' in way ? way.decompose : undefined)
  return {
    ...(typeof own === 'function' ? { rule: own } : {}),
    ...(decompose === undefined ? {} : { decompose }),
    ...(typeof own === 'string' ? { reason: own } : {}),
  }
}
