/**
 * Recurrent layers as their steps, one after the other, for gradients. The products with the inputs of all steps are one;
 * each step then is a handful of nodes, so long sequences make large programs.
 */
import type { Graph, Node, Value } from '../../ir/graph.ts'
import { floatAttr, intAttr, textAttr } from '../../ir/ops/context.ts'
import { constantInput, noGradient } from '../attrs.ts'
import { Build } from '../build.ts'
import type { Decompositions } from './table.ts'

/** Longest sequence that is written out. */
const MAX_STEPS = 512

/** One direction of a layer. */
interface Cell {
  readonly b: Build
  readonly hidden: number
  /** Products with the inputs of one step: float[batch, gates * hidden]. */
  readonly products: Value
  /** float[gates * hidden, hidden]. */
  readonly weights: Value
  /** Bias of the recurrent products, which the inputs' products do not hold: float[gates * hidden]. */
  readonly bias: Value | undefined
}

/** State after a step: the output first. */
type Step = (cell: Cell, state: readonly Value[]) => Value[]

interface Kind {
  readonly gates: number
  readonly states: number
  readonly step: Step
  /** Whether the two biases can be added before all steps. */
  readonly joinsBias: boolean
}

function product(b: Build, h: Value, weights: Value, bias: Value | undefined): Value {
  const made = b.matmul(h, weights, { tb: true })
  return bias === undefined ? made : b.add(made, bias)
}

function parts(b: Build, x: Value, count: number): readonly Value[] {
  return b.graph.emit('Split', [x], { axis: x.shape.length - 1, num_outputs: count }, { outputs: count })
}

const lstm: Step = ({ b, products, weights, bias }, [h, c]) => {
  const [i, o, f, g] = parts(b, b.add(products, product(b, h, weights, bias)), 4)
  const kept = b.mul(b.op('Sigmoid', [f]), c)
  const next = b.add(kept, b.mul(b.op('Sigmoid', [i]), b.op('Tanh', [g])))
  return [b.mul(b.op('Sigmoid', [o]), b.op('Tanh', [next])), next]
}

const rnn: Step = ({ b, products, weights, bias }, [h]) => [
  b.op('Tanh', [b.add(products, product(b, h, weights, bias))]),
]

/** The reset gate acts on the state before its product, or after it (linear_before_reset). */
function gru(isLinear: boolean): Step {
  return ({ b, hidden, products, weights, bias }, [h]) => {
    const gates = [0, 2 * hidden]
    const own = [2 * hidden, 3 * hidden]
    const cut = (x: Value | undefined, [from, to]: number[]): Value | undefined =>
      x === undefined ? undefined : b.slice(x, [from], [to], [0])
    const [xz, xr, xh] = parts(b, products, 3)
    const both = product(b, h, cut(weights, gates) as Value, cut(bias, gates))
    const [hz, hr] = parts(b, both, 2)
    const z = b.op('Sigmoid', [b.add(xz, hz)])
    const r = b.op('Sigmoid', [b.add(xr, hr)])
    const inner = cut(weights, own) as Value
    const reset = isLinear
      ? b.mul(r, product(b, h, inner, cut(bias, own)))
      : product(b, b.mul(r, h), inner, cut(bias, own))
    const candidate = b.op('Tanh', [b.add(xh, reset)])
    return [b.add(candidate, b.mul(z, b.sub(h, candidate)))]
  }
}

function unroll(kindOf: (node: Node) => Kind): (node: Node, graph: Graph) => Value[] {
  return (node, graph) => {
    const b = new Build(graph)
    const kind = kindOf(node)
    const [given, weights, recurrence, bias] = node.inputs as readonly Value[]
    const isBatchFirst = intAttr(node, 'layout', 0) === 1
    const x = isBatchFirst ? b.transpose(given, [1, 0, 2]) : given
    const [steps, batch, width] = x.shape
    checkForm(node, steps)
    const hidden = recurrence.shape[2]
    const rows = kind.gates * hidden
    const direction = textAttr(node, 'direction', 'forward')
    const flat = b.reshape(x, [steps * batch, width])
    const one = (value: Value, d: number): Value => b.reshape(b.slice(value, [d], [d + 1], [0]), value.shape.slice(1))
    const results = [...Array(recurrence.shape[0]).keys()].map((d) => {
      const both =
        bias === undefined ? [] : b.graph.emit('Split', [one(bias, d)], { axis: 0, num_outputs: 2 }, { outputs: 2 })
      const [first, second] = kind.joinsBias && both.length > 0 ? [b.add(both[0], both[1]), undefined] : both
      const products = b.reshape(product(b, flat, one(weights, d), first), [steps, batch, rows])
      const each =
        steps === 1 ? [products] : graph.emit('Split', [products], { axis: 0, num_outputs: steps }, { outputs: steps })
      const cell = { b, hidden, weights: one(recurrence, d), bias: second }
      let state = Array.from({ length: kind.states }, (_, i) =>
        startOf(b, node, i, d, [batch, hidden], x, isBatchFirst),
      )
      const order = [...each.keys()]
      if (direction === 'reverse' || d === 1) order.reverse()
      const outputs: Value[] = []
      for (const t of order) {
        state = kind.step({ ...cell, products: b.reshape(each[t], [batch, rows]) }, state)
        outputs[t] = b.reshape(state[0], [1, 1, batch, hidden])
      }
      return { y: b.concat(outputs, 0), state: state.map((value) => b.reshape(value, [1, batch, hidden])) }
    })
    const y = b.concat(
      results.map((result) => result.y),
      1,
    )
    const last = Array.from({ length: kind.states }, (_, i) =>
      b.concat(
        results.map(({ state }) => state[i]),
        0,
      ),
    )
    if (!isBatchFirst) return [y, ...last]
    return [b.transpose(y, [2, 0, 1, 3]), ...last.map((value) => b.transpose(value, [1, 0, 2]))]
  }
}

/** Initial state, zeros where none is given. */
function startOf(
  b: Build,
  node: Node,
  index: number,
  direction: number,
  shape: readonly number[],
  x: Value,
  isBatchFirst: boolean,
): Value {
  const given = node.inputs[5 + index]
  if (given === undefined) return b.fill(0, shape, x.dtype)
  const own = isBatchFirst ? b.transpose(given, [1, 0, 2]) : given
  return b.reshape(b.slice(own, [direction], [direction + 1], [0]), shape)
}

function checkForm(node: Node, steps: number): void {
  if (steps > MAX_STEPS)
    throw noGradient(node, `${steps} steps, more than ${MAX_STEPS}`, 'Cut the sequences into parts.')
  const activations = node.attrs['activations']
  const usual = node.op === 'LSTM' ? 'Sigmoid,Tanh,Tanh' : node.op === 'GRU' ? 'Sigmoid,Tanh' : 'Tanh'
  const texts = Array.isArray(activations) ? activations.map(String) : []
  const isUsual = texts.every(
    (text, i) => text.toLowerCase() === usual.toLowerCase().split(',')[i % usual.split(',').length],
  )
  if (!isUsual) throw noGradient(node, `activations ${texts.join(', ')}`)
  if (node.attrs['clip'] !== undefined && floatAttr(node, 'clip', 0) > 0)
    throw noGradient(node, 'cells that are clipped')
  if (intAttr(node, 'input_forget', 0) === 1) throw noGradient(node, 'input and forget gates that are coupled')
  if (node.op === 'LSTM' && node.inputs[7] !== undefined) throw noGradient(node, 'peepholes')
  if (node.inputs[4] !== undefined && constantInput(node, 4)?.some((length) => length !== steps)) {
    throw noGradient(node, 'sequences of different lengths')
  }
}

export const RECURRENT_DECOMPOSITIONS: Decompositions = {
  ':LSTM': unroll(() => ({ gates: 4, states: 2, step: lstm, joinsBias: true })),
  ':RNN': unroll(() => ({ gates: 1, states: 1, step: rnn, joinsBias: true })),
  ':GRU': unroll((node) => ({
    gates: 3,
    states: 1,
    step: gru(intAttr(node, 'linear_before_reset', 0) !== 0),
    joinsBias: false,
  })),
}
