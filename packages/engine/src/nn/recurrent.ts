/** Recurrent layers. */
import { PithError } from '@pith/core'
import { reshape, transpose } from '../array/movement.ts'
import type { Value } from '../ir/graph.ts'
import { shapeText } from '../shape.ts'
import { type Initializer, uniform, zeros } from './init.ts'
import type { Scope } from './scope.ts'

/** Settings of {@link lstm} and {@link gru}. */
export interface RecurrentOptions {
  /** Width of the state. */
  hidden: number
  /** From the first step to the last (default), back, or both, side by side. */
  direction?: 'forward' | 'reverse' | 'bidirectional'
  /** Default true. */
  bias?: boolean
  /** Inputs and results are [steps, batch, width], which saves two transpositions. Default false. */
  stepsFirst?: boolean
  /** Initial states, [directions, batch, hidden] each: the output, and the cell of an LSTM. Default zeros. */
  states?: readonly Value[]
  /** Default uniform within the root of 1 / hidden. */
  init?: Initializer
}

/** What a recurrent layer gives. */
export interface RecurrentResult {
  /** Of all steps: [batch, steps, directions * hidden]. */
  readonly outputs: Value
  /** After the last step, [directions, batch, hidden] each: the output, and the cell of an LSTM. */
  readonly states: readonly Value[]
}

/**
 * Long short-term memory over x[batch, steps, width] (Hochreiter and Schmidhuber, 1997). Parameters have the layout of
 * ONNX, gates in the order input, output, forget, cell: `w`[directions, 4 hidden, width], `r`[directions, 4 hidden, hidden],
 * and `b`[directions, 8 hidden], which is added to the products of both.
 *
 * @throws PithError `PITH_SHAPE` not three axes
 */
export function lstm(scope: Scope, x: Value, options: RecurrentOptions): RecurrentResult {
  return recurrent('LSTM', 4, 2, {}, scope, x, options)
}

/**
 * Gated recurrent unit over x[batch, steps, width] (Cho et al., 2014), its reset gate after the product as in PyTorch.
 * Parameters as those of {@link lstm}, gates in the order update, reset, candidate.
 *
 * @throws PithError `PITH_SHAPE` not three axes
 */
export function gru(scope: Scope, x: Value, options: RecurrentOptions): RecurrentResult {
  return recurrent('GRU', 3, 1, { linear_before_reset: 1 }, scope, x, options)
}

function recurrent(
  op: string,
  gates: number,
  states: number,
  attrs: Readonly<Record<string, number>>,
  scope: Scope,
  x: Value,
  options: RecurrentOptions,
): RecurrentResult {
  const { hidden, direction = 'forward', bias = true, stepsFirst = false, states: starts = [] } = options
  const { init = uniform(Math.sqrt(1 / hidden)) } = options
  if (x.shape.length !== 3 || !(hidden >= 1)) {
    throw new PithError('PITH_SHAPE', `${op}: [batch, steps, width] is needed, got ${shapeText(x.shape)}`)
  }
  const own = stepsFirst ? x : transpose(x, [1, 0, 2])
  const [steps, batch, width] = own.shape as [number, number, number]
  const both = direction === 'bidirectional' ? 2 : 1
  const rows = gates * hidden
  const w = scope.param('w', [both, rows, width], init)
  const r = scope.param('r', [both, rows, hidden], init)
  const b = bias ? scope.param('b', [both, 2 * rows], zeros()) : undefined
  const inputs = [own, w, r, b, undefined, ...starts]
  const last = inputs.findLastIndex((input) => input !== undefined)
  const all = { hidden_size: hidden, direction, ...attrs }
  const [y, ...after] = x.graph.emit(op, inputs.slice(0, last + 1), all, { outputs: 1 + states }) as [Value, ...Value[]]
  const joined = both === 1 ? y : transpose(y, [0, 2, 1, 3])
  const outputs = reshape(joined, [steps, batch, both * hidden])
  return { outputs: stepsFirst ? outputs : transpose(outputs, [1, 0, 2]), states: after }
}
