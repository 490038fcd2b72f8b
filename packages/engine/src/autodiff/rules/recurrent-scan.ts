/** Recurrent layers as a scan over their steps. The products with the inputs of all steps are one. */
import { Graph, type Node, type Value } from '../../ir/graph.ts'
import { intAttr } from '../../ir/ops/context.ts'
import { Build } from '../build.ts'
import { named } from './body.ts'
import { layerOf } from './recurrent-form.ts'
import type { Decompositions } from './table.ts'

/** What a step sees within the body of the scan. */
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

function scanned(kindOf: (node: Node) => Kind): (node: Node, graph: Graph) => Value[] {
  return (node, graph) => {
    const b = new Build(graph)
    const kind = kindOf(node)
    const { steps, batch, hidden, flat, directions } = layerOf(b, node, kind.states)
    const results = directions.map(({ weights, recurrence, biases, starts, isReverse }) => {
      const [first, second] = kind.joinsBias && biases.length > 0 ? [b.add(biases[0], biases[1]), undefined] : biases
      const products = b.reshape(product(b, flat, weights, first), [steps, batch, weights.shape[0]])
      const inner = new Graph(graph)
      const states = starts.map(({ dtype, shape }, i) => inner.input(`h${i}`, dtype, shape))
      const own = inner.input('x', products.dtype, products.shape.slice(1))
      const cell = { b: new Build(inner), hidden, products: own, weights: recurrence, bias: second }
      const next = kind.step(cell, states)
      const outputs = [...next, next[0]].map((value) => named(inner, value))
      const direction = [isReverse ? 1 : 0]
      const made = graph.emit(
        'Scan',
        [...starts, products],
        { num_scan_inputs: 1, scan_input_directions: direction, scan_output_directions: direction },
        { bodies: { body: { graph: inner, outputs } } },
      )
      const y = b.reshape(made[kind.states], [steps, 1, batch, hidden])
      return { y, state: made.slice(0, kind.states).map((value) => b.reshape(value, [1, batch, hidden])) }
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
    return [y, ...last]
  }
}

/** For weights that differ between the examples of a batch. */
export const RECURRENT_SCANS: Decompositions = {
  ':LSTM': scanned(() => ({ states: 2, step: lstm, joinsBias: true })),
  ':RNN': scanned(() => ({ states: 1, step: rnn, joinsBias: true })),
  ':GRU': scanned((node) => ({
    states: 1,
    step: gru(intAttr(node, 'linear_before_reset', 0) !== 0),
    joinsBias: false,
  })),
}
