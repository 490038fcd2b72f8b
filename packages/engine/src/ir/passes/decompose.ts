/** Fused operators become simpler ones. */
import type { Node } from '../graph.ts'
import { copyNode, type Program, type Rebuilt, rebuild } from './rebuild.ts'

/**
 * Write nodes by simpler operators where the registry knows how, as gradients and some targets need it.
 *
 * @param isMeant which nodes; default all that have such a form
 */
export function decompose(program: Program, isMeant: (node: Node) => boolean = () => true): Rebuilt {
  return rebuild(program, {
    node: (node, inputs, graph) => {
      if (node.def?.decompose === undefined || !isMeant(node)) return undefined
      const copy = copyNode(node, inputs, graph)[0]?.node
      return copy && node.def.decompose(copy, graph)
    },
  })
}
