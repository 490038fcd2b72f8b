/** Recurrent layers. */
import type { Node, Value } from '../graph.ts'
import type { OpDef } from '../registry.ts'
import {
  agree,
  asked,
  FLOATS,
  type Infer,
  input,
  intAttr,
  needInt,
  needRank,
  optional,
  refuse,
  refuseForm,
  textAttr,
} from './context.ts'

/** Number of gates of a cell. */
const GATES: Readonly<Record<string, number>> = { GRU: 3, LSTM: 4, RNN: 1 }

const inferRecurrent: Infer = (c) => {
  const gates = GATES[c.op] as number
  const x = input(c, 0, FLOATS)
  const weights = input(c, 1, [x.dtype])
  const recurrence = input(c, 2, [x.dtype])
  for (const value of [x, weights, recurrence]) needRank(c, value, 3, 3)
  const hidden = needInt(c, 'hidden_size')
  const direction = textAttr(c, 'direction', 'forward')
  if (!['forward', 'reverse', 'bidirectional'].includes(direction)) refuseForm(c, `there is no direction ${direction}`)
  const directions = direction === 'bidirectional' ? 2 : 1
  const isBatchFirst = intAttr(c, 'layout', 0) === 1
  const [first, second, width] = x.shape as [number, number, number]
  const [steps, batch] = isBatchFirst ? [second, first] : [first, second]
  const expect = (index: number, shape: readonly number[]): void => {
    const own = optional(c, index)
    if (own === undefined) return
    if (own.shape.length !== shape.length) refuse(c, `input ${index} is not [${shape.join(', ')}]`)
    for (const [axis, length] of shape.entries())
      agree(c, own.shape[axis] as number, length, `axis ${axis} of input ${index}`)
  }
  const state = isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
  expect(1, [directions, gates * hidden, width])
  expect(2, [directions, gates * hidden, hidden])
  expect(3, [directions, 2 * gates * hidden])
  expect(4, [batch])
  expect(5, state)
  if (c.op === 'LSTM') {
    expect(6, state)
    expect(7, [directions, 3 * hidden])
  }
  const y = isBatchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden]
  const outputs = [y, state, ...(c.op === 'LSTM' ? [state] : [])]
  return asked(
    c,
    outputs.length,
    outputs.map((shape) => ({ dtype: x.dtype, shape })),
  )
}

/** Two operations for each weight at each step of each sequence. */
function recurrentFlops(node: Node): number {
  const [x, weights, recurrence] = node.inputs as [Value, Value, Value]
  return 2 * (x.shape[0] as number) * (x.shape[1] as number) * (weights.size + recurrence.size)
}

export const RECURRENT: readonly OpDef[] = Object.keys(GATES).map((name) => ({
  name,
  infer: inferRecurrent,
  flops: recurrentFlops,
}))
