/** What tables of rules hold. */
import type { Graph, Node, Value } from '../../ir/graph.ts'
import type { VjpContext, VjpRule } from '../../ir/registry.ts'
import { noGradient } from '../attrs.ts'
import { Build } from '../build.ts'

/** By `domain:name`; a text says why there is no gradient. */
export type Rules = Readonly<Record<string, VjpRule | string>>

/** Operators as simpler ones, by `domain:name`. */
export type Decompositions = Readonly<Record<string, (node: Node, graph: Graph) => readonly Value[]>>

export const WHOLE = 'its results are whole numbers'
export const ASIDE = 'its gradient is zero almost everywhere; use straightThrough'

/** What the rule of an operator with one input and one output sees. */
export interface Single {
  readonly b: Build
  readonly node: Node
  readonly x: Value
  readonly y: Value
  readonly g: Value
}

/** A rule for the first input alone, from the cotangent of the first output. */
export function single(rule: (context: Single) => Value | undefined): VjpRule {
  return ({ graph, node, cotangents, needs }) => {
    const g = cotangents[0]
    checkOthers(node, cotangents)
    if (g === undefined || !needs(0)) return []
    return [rule({ b: new Build(graph), node, x: node.inputs[0] as Value, y: node.outputs[0], g })]
  }
}

/** What the rule of an operator with several inputs and one output sees. */
export interface Several extends VjpContext {
  readonly b: Build
  readonly inputs: readonly Value[]
  readonly y: Value
  readonly g: Value
}

/** A rule that gives the cotangent of each input that is asked for, by its place. */
export function several(rule: (context: Several) => Readonly<Record<number, () => Value | undefined>>): VjpRule {
  return (context) => {
    const { graph, node, cotangents, needs } = context
    const g = cotangents[0]
    checkOthers(node, cotangents)
    if (g === undefined) return []
    const inputs = node.inputs as readonly Value[]
    const given = rule({ ...context, b: new Build(graph), inputs, y: node.outputs[0], g })
    return inputs.map((_, i) => (needs(i) ? given[i]?.() : undefined))
  }
}

/** A cotangent that a rule does not look at must not get lost without a word. */
function checkOthers(node: Node, cotangents: readonly (Value | undefined)[]): void {
  const place = cotangents.findIndex((cotangent, i) => i > 0 && cotangent !== undefined)
  if (place > 0) throw noGradient(node, `its output ${place} is not differentiated`)
}
