/** Batches of recurrent layers. */
import type { Value } from '../ir/graph.ts'
import { intAttr } from '../ir/ops/context.ts'
import { each } from './elementwise.ts'
import type { Rule, Rules } from './table.ts'

/** With one set of weights for all, examples are more sequences. */
const recurrent: Rule = (c) => {
  const { b, node, size } = c
  if (!c.only(0, 5, 6) || node.inputs[4] !== undefined || intAttr(node, 'layout', 0) === 1) return undefined
  /** [batch, first, n, ...] to [first, batch * n, ...]. */
  const join = (place: number): Value | undefined => {
    if (c.inputs[place] === undefined) return undefined
    const [lead, n, width] = c.one(place).shape
    return b.reshape(b.transpose(c.full(place), [1, 0, 2, 3]), [lead, size * n, width])
  }
  const results = c.again(c.inputs.map((value, i) => (i === 0 || i === 5 || i === 6 ? join(i) : value)))
  return results.map((result, i) => {
    const shape = node.outputs[i].shape
    const lead = shape.slice(0, -2)
    const k = lead.length
    const parted = b.reshape(result, [...lead, size, ...shape.slice(-2)])
    return b.transpose(parted, [k, ...lead.keys(), k + 1, k + 2])
  })
}

export const SEQUENCE: Rules = Object.fromEntries(each('LSTM GRU RNN', recurrent))
